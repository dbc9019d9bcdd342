"""A pipeline of three small steps whose effects can be counted.

Every step writes down that it ran, and has one effect: an object that is created once. What the payload
names makes a step misbehave: ``fail`` (a step's name) until the file ``mended`` is in the workspace,
``wait`` (a step's name) until the file ``go`` is; with ``stubborn`` it does not give way meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seamark.errors import InputError
from seamark.pipelines import steps
from seamark.pipelines.steps import Step, StepContext

NAMES = ("gather", "train", "register")


def install() -> None:
    """Take the place of both pipelines."""
    for name in ("build", "skills-update"):
        steps.PIPELINES[name] = (__name__, "STEPS")


def _make_step(name: str) -> Step:
    def run(context: StepContext) -> Mapping[str, Any]:
        with (context.workspace.folder / "executions.txt").open("a") as stream:
            stream.write(f"{context.run_id} {name} {context.attempt}\n")
        context.progress(f"{name} begins", 0, 2)
        if context.payload.get("wait") == name:
            _wait(context)
        if context.payload.get("fail") == name and not (context.workspace.folder / "mended").exists():
            raise InputError(f"the {name} is broken", hint="mend it")
        context.workspace.store.put(f"effects/{context.run_id}/{name}", b"done", create=True)
        context.progress(f"{name} ends", 2, 2)
        return _make_facts(name, context)

    return Step(name, run)


def _wait(context: StepContext) -> None:
    (context.workspace.folder / "waiting").touch()
    while not (context.workspace.folder / "go").exists():
        if not context.payload.get("stubborn"):
            context.stop_if_asked()
        time.sleep(0.01)


def _make_facts(name: str, context: StepContext) -> dict[str, Any]:
    facts: dict[str, Any] = {name: list(context.facts)}
    if name == "gather":
        facts["experiment"] = f"experiment-of-{context.run_id}"
    if name == "register":
        facts |= {"outcome": "registered", "summary": "registered 1.0.0"}
    return facts


def finish(context: StepContext, status: str, error: str) -> None:
    """Write down how the run ended."""
    with (context.workspace.folder / "finished.txt").open("a") as stream:
        stream.write(f"{context.run_id} {status} {error} {sorted(context.facts)}\n")


def make_template(folder: Path) -> Path:
    """A workspace whose engine has begun once, which takes a second, with ada signed in; copy it for each test."""
    from people import sign_in
    from seamark.pipelines.worker import run_worker
    from seamark.storage.workspace import create_workspace

    with create_workspace(folder) as workspace:
        sign_in(workspace)
        run_worker(workspace, once=True)
    return folder


STEPS = tuple(_make_step(name) for name in NAMES)
