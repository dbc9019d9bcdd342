"""What a pipeline is: named steps in order, each of which may run more than once.

A step's result is a small mapping of facts, kept durably; what is large stays in the run's folder or in
the object store. A process may die in the middle of a step or just after it, before its facts are kept:
the step then runs again, so its body must come to the same end when it finds its own traces.

Facts that the run itself understands: ``experiment`` (its id), ``outcome`` (a word, such as
``registered`` or ``lost``) and ``summary`` (the result in a sentence for people).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seamark.errors import MissingExtraError, SeamarkError, UsageError

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

# name → module, and the name of its tuple of steps; the module may have a function `finish`.
# A module is imported when a run needs it: a build imports torch, and listing runs should not.
PIPELINES: dict[str, tuple[str, str]] = {
    "build": ("seamark.pipelines.build", "BUILD_STEPS"),
    "skills-update": ("seamark.pipelines.skills_update", "UPDATE_STEPS"),
    "extract-batch": ("seamark.pipelines.extract_batch", "BATCH_STEPS"),
}


class RunCancelledError(SeamarkError):
    """Somebody asked the run to stop, and its step did."""


class Reporter(Protocol):
    """Where a running step tells how far it is, and learns whether it should stop."""

    def progress(self, message: str, done: int, total: int) -> None:
        """Note how far the step is."""

    def should_stop(self) -> bool:
        """Whether the step should stop."""


class _Silence:
    """Nobody watches: what a context made by hand reports to."""

    def progress(self, message: str, done: int, total: int) -> None:
        """Say nothing."""

    def should_stop(self) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class StepContext:
    """What a step may use.

    Attributes:
        workspace: where it works.
        run_id: the run's id.
        folder: the run's own folder, which is there; it stays for a retry.
        payload: what the trigger said.
        facts: what the steps before found, merged.
        trigger: the kind of trigger that started the run.
        attempt: 1, and one more for every retry.
        reporter: where progress goes.
    """

    workspace: Workspace
    run_id: str
    folder: Path
    payload: Mapping[str, Any]
    facts: Mapping[str, Any]
    trigger: str = "manual"
    attempt: int = 1
    reporter: Reporter = field(default_factory=_Silence)

    def progress(self, message: str, done: int = 0, total: int = 0) -> None:
        """Tell those who watch how far the step is; may be called as often as one likes.

        Args:
            message: what is going on, in a few words.
            done: how much is done, in any unit.
            total: how much there is; 0 where that is unknown.
        """
        self.reporter.progress(message, done, total)

    def should_stop(self) -> bool:
        """Whether the run was cancelled or the worker is stopping; then raise, as ``stop_if_asked`` does."""
        return self.reporter.should_stop()

    def stop_if_asked(self) -> None:
        """Leave the step where it should stop.

        Raises:
            RunCancelledError: the step should stop.
        """
        if self.should_stop():
            raise RunCancelledError("stopped as asked")


@dataclass(frozen=True)
class Step:
    """One step: its name, and a function from the context to the facts it found."""

    name: str
    run: Callable[[StepContext], Mapping[str, Any]]


@dataclass(frozen=True)
class Pipeline:
    """Named steps in order.

    Attributes:
        name: the pipeline's.
        steps: what is done, in order.
        finish: called with the context, ``failed`` or ``cancelled``, and the cause, before the run is
            marked so; it may be called twice for one end.
    """

    name: str
    steps: tuple[Step, ...]
    finish: Callable[[StepContext, str, str], None] | None = None


def get_pipeline(name: str) -> Pipeline:
    """The pipeline of this name, its module imported.

    Raises:
        UsageError: there is no such pipeline.
        MissingExtraError: its packages are not installed.
    """
    if name not in PIPELINES:
        raise UsageError(f"no pipeline is called '{name}'", expected=f"one of {', '.join(PIPELINES)}")
    module_name, steps = PIPELINES[name]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "seamark"):
            raise
        raise MissingExtraError(f"the pipeline '{name}'", package=package, extra="train") from error
    return Pipeline(name, tuple(getattr(module, steps)), getattr(module, "finish", None))
