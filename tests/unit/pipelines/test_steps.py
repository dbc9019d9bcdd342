"""What a step is given, and which pipelines there are."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from seamark.errors import MissingExtraError, UsageError
from seamark.pipelines import steps
from seamark.pipelines.steps import RunCancelledError, Step, StepContext, get_pipeline


class Asking:
    def __init__(self, stop: bool) -> None:
        self.stop, self.told = stop, []

    def progress(self, message, done, total):
        self.told.append((message, done, total))

    def should_stop(self):
        return self.stop


def make_context(tmp_path, **more):
    return StepContext(workspace=None, run_id="run-1", folder=tmp_path, payload={}, facts={}, **more)


def test_a_context_made_by_hand_reports_to_nobody(tmp_path):
    context = make_context(tmp_path)
    context.progress("half", 1, 2)
    context.stop_if_asked()
    assert not context.should_stop()


def test_a_context_passes_on_progress_and_whether_to_stop(tmp_path):
    reporter = Asking(stop=True)
    context = make_context(tmp_path, reporter=reporter)
    context.progress("half", 1, 2)
    context.progress("going on")
    assert reporter.told == [("half", 1, 2), ("going on", 0, 0)]
    with pytest.raises(RunCancelledError):
        context.stop_if_asked()


def test_a_pipeline_is_imported_when_it_is_asked_for(monkeypatch):
    module = types.ModuleType("made_up")
    module.STEPS = [Step("one", lambda context: {})]
    monkeypatch.setitem(sys.modules, "made_up", module)
    monkeypatch.setitem(steps.PIPELINES, "build", ("made_up", "STEPS"))
    pipeline = get_pipeline("build")
    assert ([step.name for step in pipeline.steps], pipeline.finish) == (["one"], None)
    module.finish = lambda context, status, error: None
    assert get_pipeline("build").finish is module.finish


def test_an_unknown_pipeline_is_refused():
    with pytest.raises(
        UsageError, match="no pipeline is called 'paint'; expected one of build, skills-update"
    ):
        get_pipeline("paint")


def test_a_pipeline_whose_packages_are_missing_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import a_package_that_nobody_has\nSTEPS = ()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(steps.PIPELINES, "needy", ("needs_more", "STEPS"))
    with pytest.raises(MissingExtraError, match=r"a_package_that_nobody_has.*seamark\[train\]"):
        get_pipeline("needy")
