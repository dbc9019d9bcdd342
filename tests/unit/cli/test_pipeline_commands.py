"""`seamark trigger`, `runs` and `worker`: wrong use, and what is printed."""

from __future__ import annotations

import json

import pytest

from people import sign_in
from seamark.cli._watching import describe_end
from seamark.cli.main import app
from seamark.cli.runs import list_steps
from seamark.errors import ExitCode, SeamarkError
from seamark.pipelines.runs import list_runs
from seamark.storage.workspace import create_workspace


@pytest.fixture
def folder(tmp_path, monkeypatch):
    with create_workspace(tmp_path) as workspace:
        sign_in(workspace)
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path))
    return tmp_path


def seamark(*arguments):
    return app(list(arguments), standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trigger", "sunrise"], "no trigger is called 'sunrise'; expected one of code-update"),
        (["trigger", "code-update"], "does not say which commit it is about"),
        (["trigger", "drift", "--payload", "[1]"], "expected a JSON object"),
        (["trigger", "drift", "--payload", "{"], "expected a JSON object"),
        (["trigger", "drift", "--payload", "@missing.json"], "missing.json"),
        (["trigger", "manual", "--key", " "], "the key ' '"),
        (["runs", "show", "run-1"], "the workspace has no run 'run-1'; try: seamark runs list"),
        (["runs", "retry", "run-1"], "the workspace has no run 'run-1'"),
        (["runs", "cancel", "run-1"], "the workspace has no run 'run-1'"),
        (["runs", "list", "--status", "lost"], "no run is 'lost'; expected one of queued"),
    ],
)
def test_wrong_use_says_what_was_expected(folder, arguments, message):
    with pytest.raises(SeamarkError) as raised:
        seamark(*arguments)
    assert message in str(raised.value)
    assert raised.value.exit_code == ExitCode.MISUSED


def test_a_trigger_prints_its_run_and_a_list_shows_it(folder, capsys):
    seamark("trigger", "drift", "--payload", '{"window": "2026-W47"}', "--json")
    fired = json.loads(capsys.readouterr().out)
    assert (fired["created"], fired["key"], fired["status"]) == (True, "2026-W47", "queued")
    seamark("runs", "list", "--json")
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["run"], listed["place"]) == (fired["run"], 1)
    seamark("runs", "show", fired["run"], "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["steps"], shown["place"]) == ([], 1)
    seamark("runs", "cancel", fired["run"])
    assert capsys.readouterr().err == f"{fired['run']}: cancelled\n"
    seamark("runs", "retry", fired["run"], "--json")
    assert json.loads(capsys.readouterr().out)["attempt"] == 2


def test_an_empty_list_is_an_empty_list(folder, capsys):
    seamark("runs", "list", "--json")
    assert capsys.readouterr().out == "[]\n"


def test_options_become_the_payload(folder):
    from seamark.storage.workspace import open_workspace

    seamark("trigger", "code-update", "--commit", "abc", "--force")
    with open_workspace(folder) as workspace:
        assert list_runs(workspace)[0].payload == {"commit": "abc", "force": True, "who": "ada"}


def test_a_run_s_end_is_its_summary_or_else_its_outcome(folder, capsys):
    class Run:
        def __init__(self, message, outcome, version):
            self.message, self.outcome, self.version = message, outcome, version

    assert describe_end(Run("lost: jaccard fell", "lost", None)) == "lost: jaccard fell"
    assert describe_end(Run("", "registered", "1.1.0")) == "registered 1.1.0"
    assert describe_end(Run("", "", None)) == "done"


def test_a_log_s_steps_have_seconds_where_they_were_done():
    events = [
        {"action": "step-started", "step": "train", "attempt": 1, "at": "1"},
        {"action": "step-started", "step": "train", "attempt": 1, "at": "2"},
        {"action": "step-done", "step": "train", "attempt": 1, "at": "3", "seconds": 2.5},
        {"action": "run-succeeded", "attempt": 1, "at": "4"},
    ]
    assert [(step["at"], step["seconds"]) for step in list_steps(events)] == [("1", None), ("2", 2.5)]
