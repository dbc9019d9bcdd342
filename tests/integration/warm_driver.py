"""The pipeline driver in processes that are quick to start: each is forked from one that has imported torch.

They are processes like any other: each has its own engine and its own lock, and dies by SIGKILL where told.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pipeline_driver
from pipeline_driver import Boundary

_CONTEXT = multiprocessing.get_context("forkserver")
# not openvino: its import starts a thread, which a fork loses
_CONTEXT.set_forkserver_preload(
    [
        "seamark.pipelines.engine",
        "seamark.pipelines.build",
        "seamark.pipelines.skills_update",
        "seamark.building.finetuning.retraining",
        "seamark.building.ranker.refit",
    ]
)

Arrange = Callable[[], None]


@dataclass(frozen=True)
class Driven:
    """A process at work, and where it writes."""

    process: BaseProcess
    out: Path

    def finish(self, timeout: float = 900) -> tuple[int | None, dict[str, Any], str]:
        """The exit code, the run it printed (empty where it died), and its stderr."""
        try:
            self.process.join(timeout)
        finally:
            self.process.kill()
            self.process.join()
        out, err = (self.out / name for name in ("out", "err"))
        text = out.read_text(encoding="utf-8")
        return self.process.exitcode, json.loads(text) if text else {}, err.read_text(encoding="utf-8")


def start(
    workspace: Path,
    *,
    kind: str = "manual",
    key: str = "driven",
    payload: Mapping[str, Any] | None = None,
    die: Boundary | None = None,
    env: Mapping[str, str] | None = None,
    arrange: Arrange | None = None,
) -> Driven:
    """Begin to work on the run of this trigger.

    Args:
        workspace: whose.
        kind: of the trigger.
        key: of the trigger.
        payload: of the trigger.
        die: the boundary at which the process kills itself.
        env: variables of that process.
        arrange: called in that process before anything else; it must be importable by name.
    """
    options = ["--kind", kind, "--key", key, "--payload", json.dumps(dict(payload or {}))]
    if die is not None:
        options += ["--die", str(die[0]), die[1]]
    out = Path(tempfile.mkdtemp(prefix="driven-", dir=workspace.parent))
    for name in ("out", "err"):
        (out / name).touch()
    process = _CONTEXT.Process(target=_work, args=([str(workspace), *options], dict(env or {}), out, arrange))
    process.start()
    return Driven(process, out)


def _work(arguments: list[str], env: Mapping[str, str], out: Path, arrange: Arrange | None) -> None:
    os.environ.update(env)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(out / name, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    if arrange is not None:
        arrange()
    pipeline_driver.main(arguments)
    sys.stdout.flush()
