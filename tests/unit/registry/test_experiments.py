from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest

from registry_fakes import Contender
from seamark.errors import StorageError, UsageError
from seamark.registry.experiments import (
    append_log,
    compare_experiments,
    finish_experiment,
    get_experiment,
    list_experiments,
    read_log,
    record_experiment,
    start_experiment,
    upload_log,
)
from seamark.storage.experiments import ExperimentRecord
from seamark.storage.objects import Store
from seamark.storage.runs import add_triggered_run
from seamark.storage.workspace import Workspace


def _start(workspace: Workspace, key: str = "one", champion: str | None = None) -> ExperimentRecord:
    with workspace.database.begin() as connection:
        run, _ = add_triggered_run(connection, kind="manual", key=key, payload={}, pipeline="build")
    return start_experiment(workspace, run_id=run.id, kind="build", trigger_kind="manual", champion=champion)


def test_a_run_has_one_experiment_however_often_it_starts_it(workspace: Workspace) -> None:
    first = _start(workspace)
    assert _start(workspace) == first
    assert (first.status, first.kind, first.trigger_kind) == ("running", "build", "manual")
    assert first.started_at.tzinfo is not None
    assert list_experiments(workspace) == [first]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_retried_run_goes_on_with_its_experiment(workspace: Workspace, status: str) -> None:
    experiment = _start(workspace)
    finish_experiment(workspace, experiment.id, status=status, error="the disk was full")
    again = _start(workspace, champion="1.1.0")
    assert (again.id, again.status, again.error, again.finished_at) == (experiment.id, "running", "", None)
    assert again.champion == "1.1.0"


def test_an_experiment_that_lost_stays_lost(workspace: Workspace) -> None:
    experiment = _start(workspace)
    finish_experiment(workspace, experiment.id, status="lost")
    assert _start(workspace).status == "lost"


def test_facts_are_added_as_they_become_known(workspace: Workspace) -> None:
    experiment = _start(workspace)
    record_experiment(workspace, experiment.id, recipe={"seed": 13}, metrics={"jaccard": 0.4})
    record_experiment(workspace, experiment.id, object_keys={"report": "a"}, metrics={"ece": math.nan})
    found = record_experiment(
        workspace, experiment.id, object_keys={"checks": "b"}, decision={"reasons": ["It won."]}
    )
    assert found.recipe == {"seed": 13}
    assert found.metrics == {"jaccard": 0.4, "ece": None}
    assert found.object_keys == {"report": "a", "checks": "b"}
    assert found.decision == {"reasons": ["It won."]}
    assert get_experiment(workspace, experiment.id) == found


def test_an_experiment_that_does_not_exist_is_refused_with_the_newest_ones(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no experiment was made yet"):
        get_experiment(workspace, "experiment-1")
    experiment = _start(workspace)
    with pytest.raises(UsageError, match=experiment.id):
        record_experiment(workspace, "experiment-1", metrics={})


def test_a_finished_experiment_has_its_cause_and_its_time(workspace: Workspace) -> None:
    experiment = _start(workspace)
    found = finish_experiment(workspace, experiment.id, status="failed", error="the disk was full")
    assert (found.status, found.error) == ("failed", "the disk was full")
    assert found.finished_at is not None
    assert experiment.started_at <= found.finished_at <= datetime.now(UTC)
    log = workspace.store.get_json("logs.json")
    assert [entry["reason"] for entry in log["experiments"]] == ["the disk was full"]


def test_the_first_end_counts(workspace: Workspace) -> None:
    experiment = _start(workspace)
    lost = finish_experiment(workspace, experiment.id, status="lost")
    assert finish_experiment(workspace, experiment.id, status="failed", error="later") == lost


def test_a_registered_experiment_stays_registered(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    contender.register()
    found = finish_experiment(workspace, contender.experiment_id, status="failed", error="late")
    assert (found.status, found.error) == ("registered", "")


def _break_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> bool:
        raise StorageError("the store is unreachable")

    monkeypatch.setattr(Store, "put", fail)


def test_a_failure_is_on_record_also_while_the_store_is_away(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = _start(workspace)
    append_log(workspace, experiment.run_id, {"action": "train"})
    _break_store(monkeypatch)
    assert finish_experiment(workspace, experiment.id, status="failed", error="x").status == "failed"


def test_a_loss_whose_log_cannot_be_kept_is_an_error_and_can_be_done_again(workspace: Workspace) -> None:
    experiment = _start(workspace)
    append_log(workspace, experiment.run_id, {"action": "train"})
    with pytest.MonkeyPatch.context() as patch:
        _break_store(patch)
        with pytest.raises(StorageError, match="unreachable"):
            finish_experiment(workspace, experiment.id, status="lost")
    found = finish_experiment(workspace, experiment.id, status="lost")
    assert workspace.store.exists(found.object_keys["log"])


def test_events_are_logged_with_their_time_and_kept_in_the_store(workspace: Workspace) -> None:
    experiment = _start(workspace)
    append_log(workspace, experiment.run_id, {"action": "train", "epoch": 1, "loss": math.nan})
    append_log(workspace, experiment.run_id, {"action": "judge", "text": "é 日本"})
    key = upload_log(workspace, experiment.id)
    assert key == f"experiments/{experiment.id}/log.jsonl"
    (workspace.runs / experiment.run_id / "log.jsonl").unlink()
    events = read_log(workspace, get_experiment(workspace, experiment.id))
    assert [event["action"] for event in events] == ["train", "judge"]
    assert events[0]["loss"] is None
    assert events[1]["text"] == "é 日本"
    assert datetime.fromisoformat(events[0]["at"]).tzinfo is not None


def test_the_log_in_the_store_is_that_of_the_last_attempt(workspace: Workspace) -> None:
    experiment = _start(workspace)
    append_log(workspace, experiment.run_id, {"action": "train"})
    upload_log(workspace, experiment.id)
    append_log(workspace, experiment.run_id, {"action": "judge"})
    key = upload_log(workspace, experiment.id)
    assert key is not None
    assert len(workspace.store.get(key).splitlines()) == 2


def test_an_experiment_without_events_has_no_log(workspace: Workspace) -> None:
    experiment = _start(workspace)
    assert upload_log(workspace, experiment.id) is None
    assert read_log(workspace, experiment) == []


def test_a_line_cut_off_by_a_kill_costs_only_itself(workspace: Workspace) -> None:
    experiment = _start(workspace)
    append_log(workspace, experiment.run_id, {"action": "train"})
    with (workspace.runs / experiment.run_id / "log.jsonl").open("a") as stream:
        stream.write(json.dumps({"action": "never finished"})[:12])
    append_log(workspace, experiment.run_id, {"action": "train again"})
    actions = [event["action"] for event in read_log(workspace, experiment)]
    assert actions == ["train", "train again"]


def test_a_log_that_cannot_be_written_is_a_storage_error(workspace: Workspace) -> None:
    workspace.runs.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"log\.jsonl can't be written"):
        append_log(workspace, "run-1", {"action": "train"})


def test_a_comparison_shows_what_differs_and_marks_the_best(workspace: Workspace) -> None:
    one, two = _start(workspace, "one"), _start(workspace, "two", champion="1.0.0")
    record_experiment(
        workspace,
        one.id,
        recipe={"training": {"epochs": 2, "seed": 13}},
        metrics={"jaccard": 0.4, "ece": 0.1},
    )
    record_experiment(
        workspace,
        two.id,
        recipe={"training": {"epochs": 3, "seed": 13}},
        metrics={"jaccard": 0.5, "ece": 0.2},
    )
    found = compare_experiments(workspace, [one.id, two.id])
    assert [experiment.id for experiment in found.experiments] == [one.id, two.id]
    assert {row.name: row.values for row in found.recipe} == {
        "champion": (None, "1.0.0"),
        "training.epochs": (2, 3),
    }
    assert {row.name: row.best for row in found.metrics} == {"jaccard": 1, "ece": 0}


def test_one_experiment_is_no_comparison(workspace: Workspace) -> None:
    experiment = _start(workspace)
    with pytest.raises(UsageError, match="two or more"):
        compare_experiments(workspace, [experiment.id])
