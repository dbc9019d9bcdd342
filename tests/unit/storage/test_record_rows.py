from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from seamark.storage import experiments, stages, versions
from seamark.storage.database import migrate, open_database
from seamark.storage.experiments import ExperimentRecord
from seamark.storage.runs import add_triggered_run
from seamark.storage.versions import VersionRecord

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = open_database(f"sqlite:///{tmp_path / 'rows.db'}")
    migrate(database)
    with database.begin() as opened:
        yield opened
    database.close()


def _add_experiment(connection: Connection, key: str, *, started_at: datetime = NOW) -> ExperimentRecord:
    run, _ = add_triggered_run(connection, kind="manual", key=key, payload={}, pipeline="build")
    record = ExperimentRecord(
        f"experiment-{key}", run.id, "running", started_at, recipe={"seed": 13}, metrics={"ece": None}
    )
    experiments.add_experiment(connection, record)
    return record


def _make_version(
    connection: Connection, number: str, *, status: str = "registered", run: str = ""
) -> VersionRecord:
    experiment = _add_experiment(connection, run or number)
    major, minor, patch = map(int, number.split("."))
    return VersionRecord(
        number, major, minor, patch, status, experiment.id, experiment.run_id, f"versions/{number}/", NOW
    )


def _add_version(connection: Connection, number: str, *, status: str = "registered") -> VersionRecord:
    record = _make_version(connection, number, status=status)
    assert versions.add_version(connection, record)
    return record


def test_a_row_comes_back_as_it_went_in(connection: Connection) -> None:
    experiment = _add_experiment(connection, "one")
    version = replace(_make_version(connection, "1.0.0"), metrics={"jaccard": 0.1 + 0.2}, size=2**40)
    versions.add_version(connection, version)
    assert experiments.find_experiment(connection, experiment.id) == experiment
    assert experiments.find_experiment_of_run(connection, experiment.run_id) == experiment
    assert versions.find_version(connection, "1.0.0") == version
    assert versions.find_version_of_run(connection, version.run_id) == version


def test_what_is_not_there_is_none(connection: Connection) -> None:
    assert versions.find_version(connection, "1.0.0") is None
    assert versions.find_version_of_run(connection, "run-0") is None
    assert versions.find_newest_version(connection) is None
    assert experiments.find_experiment(connection, "experiment-0") is None
    assert stages.list_stages(connection) == []


def test_versions_sort_as_numbers(connection: Connection) -> None:
    numbers = ["1.2.9", "1.2.10", "1.10.0", "2.0.0", "999.999.999", "999.999.1000", "4000000000.0.0"]
    for number in reversed(numbers):
        _add_version(connection, number)
    assert [record.number for record in versions.list_versions(connection)] == numbers
    newest = versions.find_newest_version(connection)
    assert newest is not None
    assert newest.number == "4000000000.0.0"


def test_status_and_line_keep_versions_apart(connection: Connection) -> None:
    registered = _add_version(connection, "1.0.0")
    waiting = _add_version(connection, "1.1.0", status="registering")
    assert versions.list_versions(connection, status="registered") == [registered]
    assert versions.find_newest_version(connection, status="registered") == registered
    assert versions.find_newest_version(connection) == waiting
    assert versions.list_versions(connection, line="other") == []


def test_a_taken_number_or_run_is_told_not_raised(connection: Connection) -> None:
    taken = _add_version(connection, "1.0.0")
    other = _make_version(connection, "1.0.0", run="other")
    assert not versions.add_version(connection, other)
    assert not versions.add_version(connection, replace(taken, number="1.1.0", minor=1))
    assert versions.list_versions(connection) == [taken]


@pytest.mark.parametrize("field", ["run_id", "experiment_id", "parent"])
def test_a_version_of_nothing_is_a_mistake(connection: Connection, field: str) -> None:
    record = _make_version(connection, "1.0.0")
    with pytest.raises(IntegrityError):
        versions.add_version(connection, replace(record, **{field: "nothing"}))


def test_registering_counts_once(connection: Connection) -> None:
    _add_version(connection, "1.0.0", status="registering")
    versions.mark_registered(connection, "1.0.0", registered_at=NOW)
    versions.mark_registered(connection, "1.0.0", registered_at=NOW + timedelta(days=1))
    found = versions.find_version(connection, "1.0.0")
    assert found is not None
    assert (found.status, found.registered_at) == ("registered", NOW)


def test_only_what_is_not_registered_can_be_removed(connection: Connection) -> None:
    kept = _add_version(connection, "1.0.0")
    _add_version(connection, "1.1.0", status="registering")
    for number in ("1.0.0", "1.1.0", "9.9.9"):
        versions.remove_unregistered(connection, number)
    assert versions.list_versions(connection) == [kept]


def test_experiments_are_listed_the_oldest_first(connection: Connection) -> None:
    later = _add_experiment(connection, "a", started_at=NOW + timedelta(seconds=1))
    earlier = _add_experiment(connection, "b")
    assert experiments.list_experiments(connection) == [earlier, later]


def test_an_update_changes_only_what_it_names(connection: Connection) -> None:
    record = _add_experiment(connection, "one")
    experiments.update_experiment(connection, record.id, status="lost", finished_at=NOW)
    found = experiments.find_experiment(connection, record.id)
    assert found == replace(record, status="lost", finished_at=NOW)


def test_a_run_has_one_experiment(connection: Connection) -> None:
    record = _add_experiment(connection, "one")
    with pytest.raises(IntegrityError):
        experiments.add_experiment(connection, replace(record, id="experiment-two"))


def test_a_stage_keeps_its_time_while_its_version_stays(connection: Connection) -> None:
    _add_version(connection, "1.0.0")
    _add_version(connection, "1.1.0")
    stages.set_stage(connection, "dev", "1.0.0", changed_at=NOW)
    stages.set_stage(connection, "dev", "1.0.0", changed_at=NOW + timedelta(days=1))
    assert stages.list_stages(connection) == [stages.StageRecord("dev", "1.0.0", NOW)]
    stages.set_stage(connection, "dev", "1.1.0", changed_at=NOW + timedelta(days=2))
    stages.set_stage(connection, "uat", None, changed_at=NOW)
    assert stages.list_stages(connection) == [
        stages.StageRecord("dev", "1.1.0", NOW + timedelta(days=2)),
        stages.StageRecord("uat", None, NOW),
    ]
