"""How a run is followed on a terminal, and what its end means for the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from seamark.errors import ExitCode, SeamarkError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from seamark.storage.runs import RunRecord
    from seamark.storage.workspace import Workspace


class RunPrinter:
    """Tells on stderr what happens to runs: a line for each step, and a bar where a terminal watches.

    Call it with a run as often as one likes. Of a run that was retried it tells the last attempt.

    Args:
        workspace: where the runs are.
        bars: shows the bar.
        tell_end: whether to say how a run ended; not where the command itself does.
    """

    def __init__(self, workspace: Workspace, bars: Progress, *, tell_end: bool = False) -> None:
        self._workspace = workspace
        self._bars = bars
        self._tell_end = tell_end
        self._followed = ("", 0)
        self._told = 0
        self._over = False
        self._task: TaskID | None = None

    def __call__(self, run: RunRecord) -> None:
        """Tell what is new."""
        if (run.id, run.attempt) != self._followed:
            self._begin(run)
        elif self._over:
            return
        self._tell_events(run)
        self._show_progress(run)
        self._over = run.is_over
        if run.is_over and self._tell_end:
            _say_end(run)

    def _begin(self, run: RunRecord) -> None:
        from seamark.cli.output import say

        self._followed, self._told, self._over = (run.id, run.attempt), 0, False
        again = f", attempt {run.attempt}" if run.attempt > 1 else ""
        say(f"{run.id}: {run.pipeline}, triggered by {run.trigger}{again}")

    def _tell_events(self, run: RunRecord) -> None:
        from seamark.cli.output import say
        from seamark.pipelines.reporting import read_log

        log = read_log(self._workspace.runs / run.id)
        events = [event for event in log if event.get("attempt") == run.attempt]
        for event in events[self._told :]:
            if line := _describe_event(event):
                say(f"  {line}")
        self._told = len(events)

    def _show_progress(self, run: RunRecord) -> None:
        if self._task is not None and (run.is_over or not run.step):
            self._bars.remove_task(self._task)
            self._task = None
        elif not run.is_over and run.step:
            text = " ".join(part for part in (run.step, run.message) if part)
            if self._task is None:
                self._task = self._bars.add_task(text)
            self._bars.update(self._task, description=text, completed=run.done, total=run.total or None)


@contextmanager
def watch_runs(workspace: Workspace, *, tell_end: bool = False) -> Iterator[RunPrinter]:
    """A printer for as long as the block runs; see :class:`RunPrinter`."""
    from seamark.cli.output import make_progress

    with make_progress() as bars:
        yield RunPrinter(workspace, bars, tell_end=tell_end)


def finish_run(workspace: Workspace, run: RunRecord) -> RunRecord:
    """The run when it has ended, which this process works on or watches; Ctrl-C leaves it as it is."""
    from seamark.cli.output import say
    from seamark.pipelines.worker import work_until_done

    try:
        with watch_runs(workspace) as printer:
            return work_until_done(workspace, run.id, watch=printer)
    except KeyboardInterrupt:
        say(f"seamark: stopped; {run.id} goes on with `seamark worker`, or ends with `seamark runs cancel`")
        leave_now(ExitCode.INTERRUPTED)


def show_end(run: RunRecord, *, as_json: bool) -> None:
    """Print how a run ended.

    Raises:
        SeamarkError: it failed or was cancelled.
    """
    from seamark.cli.output import print_json
    from seamark.pipelines.runs import describe_run

    if as_json:
        print_json(describe_run(run))
    elif run.status == "succeeded":
        sys.stdout.write(describe_end(run) + "\n")
    if run.status in ("cancelled", "failed"):
        raise SeamarkError(_explain_end(run))


def describe_end(run: RunRecord) -> str:
    """What came of a run that succeeded, in a line."""
    return run.message or " ".join(part for part in (run.outcome, run.version) if part) or "done"


def _say_end(run: RunRecord) -> None:
    from seamark.cli.output import say

    say(f"{run.id}: {describe_end(run)}" if run.status == "succeeded" else _explain_end(run))


def _explain_end(run: RunRecord) -> str:
    """Why a run did not succeed, and the command that tries again."""
    if run.status == "cancelled":
        return f"the run {run.id} was cancelled; try: seamark runs retry {run.id}"
    where = f" at the step '{run.step}'" if run.step else ""
    return f"the run {run.id} failed{where}: {run.error} (then: seamark runs retry {run.id})"


def read_payload(text: str) -> dict[str, Any]:
    """The JSON object that an option gives, or that the file after an ``@`` holds.

    Raises:
        UsageError: it is no JSON object, or the file can't be read.
    """
    import json

    try:
        value = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise UsageError(f"--payload {text}: {error}", expected="a JSON object, or @FILE") from error
    if not isinstance(value, dict):
        raise UsageError(f"--payload {text}", expected='a JSON object such as \'{"window": "2026-W47"}\'')
    return value


def leave_now(code: ExitCode) -> NoReturn:
    """End the process although a step may still be at work in a thread, which nothing can end.

    What the step was doing is done again at the next start, as after a power cut.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _describe_event(event: dict[str, Any]) -> str:
    action = event.get("action")
    if action == "step-started":
        return f"{event['step']} …"
    if action == "step-done":
        return f"{event['step']} done in {event['seconds']:.1f} s"
    return ""
