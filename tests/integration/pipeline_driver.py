"""Runs one pipeline run in a process of its own, which can be told to die at a step's boundary.

    python pipeline_driver.py WORKSPACE [--pipelines MODULE] [--kind KIND] [--key KEY] [--payload JSON]
        [--die NUMBER before|after]

Boundaries are numbered from 1: a pipeline's steps in order, and after them the one at which the run is
marked as ended. ``before`` dies when everything before is kept and nothing of the step has begun,
``after`` when the step is done and nothing of it is kept. The process kills itself with SIGKILL. A trigger
that was fired before is fired again, so that the same command goes on where the killed process was.

``MODULE`` has a function ``install`` that puts pipelines into ``seamark.pipelines.steps.PIPELINES``; without,
the real ones run. On stdout: the run as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Boundary = tuple[int, str]


def start_driver(
    workspace: Path,
    *,
    pipelines: str = "",
    kind: str = "manual",
    key: str = "driven",
    payload: Mapping[str, Any] | None = None,
    die: Boundary | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """A process that runs the driver; its exit code is -9 where it died as told."""
    options = ["--kind", kind, "--key", key, "--payload", json.dumps(dict(payload or {}))]
    if pipelines:
        options += ["--pipelines", pipelines]
    if die is not None:
        options += ["--die", str(die[0]), die[1]]
    return subprocess.Popen(
        [sys.executable, __file__, str(workspace), *options],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_driver(workspace: Path, *, timeout: float = 120, **options: Any) -> tuple[int, dict[str, Any], str]:
    """The driver's exit code, the run it printed (empty where it died), and its stderr."""
    process = start_driver(workspace, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return process.returncode, json.loads(out) if out else {}, err


def list_boundaries(steps: int) -> list[Boundary]:
    """Every boundary of a pipeline with so many steps, its end included."""
    return [(number, side) for number in range(1, steps + 2) for side in ("before", "after")]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(number: int, side: str) -> None:
    """See that the process dies at this boundary."""
    from seamark.pipelines import engine
    from seamark.pipelines.steps import get_pipeline

    execute_step, close_run = engine.execute_step, engine.close_run

    def find_number(pipeline: str, step: str) -> int:
        return [one.name for one in get_pipeline(pipeline).steps].index(step) + 1

    def execute_and_die(workspace: Any, run: Any, step: Any, *rest: Any) -> Any:
        here = find_number(run.pipeline, step.name) == number
        if here and side == "before":
            _die()
        result = execute_step(workspace, run, step, *rest)
        if here:
            _die()
        return result

    def close_and_die(workspace: Any, run: Any, **end: Any) -> None:
        here = len(get_pipeline(run.pipeline).steps) + 1 == number
        if here and side == "before":
            _die()
        close_run(workspace, run, **end)
        if here:
            _die()

    engine.execute_step, engine.close_run = execute_and_die, close_and_die


def main(arguments: Sequence[str] | None = None) -> None:
    """Fire the trigger, work until its run has ended, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--pipelines", default="")
    parser.add_argument("--kind", default="manual")
    parser.add_argument("--key", default="driven")
    parser.add_argument("--payload", type=json.loads, default={})
    parser.add_argument("--die", nargs=2, metavar=("NUMBER", "SIDE"))
    options = parser.parse_args(arguments)
    if options.pipelines:
        importlib.import_module(options.pipelines).install()
    if options.die:
        _arm(int(options.die[0]), options.die[1])

    from seamark.governance.actors import Actor
    from seamark.pipelines.runs import describe_run
    from seamark.pipelines.triggers import fire
    from seamark.pipelines.worker import work_until_done
    from seamark.storage.workspace import open_workspace

    with open_workspace(options.workspace) as workspace:
        ada = Actor("ada", frozenset({"administrator"}))
        run, _ = fire(workspace, ada, options.kind, key=options.key, payload=options.payload)
        sys.stdout.write(json.dumps(describe_run(work_until_done(workspace, run.id))))


if __name__ == "__main__":
    main()
