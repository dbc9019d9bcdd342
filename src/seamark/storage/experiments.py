"""Rows of experiments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from seamark.storage.tables import LINE, experiments


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One training or evaluation run, whether it won or lost.

    Attributes:
        id: such as ``experiment-20261121T091530-4f3a9c``.
        run_id: the pipeline run it belongs to; one run has at most one experiment.
        line: the model line.
        trigger_kind: what started it, such as ``manual``.
        kind: ``build`` or ``skills-update``.
        status: ``running``, then ``registered``, ``lost``, ``failed`` or ``cancelled``.
        champion: the version it had to beat; None: there was none.
        version: the version it became; None: none.
        recipe: how the candidate was made.
        data_version: the labelled examples used; None: none.
        taxonomy: name, number and digest of the release.
        metrics: what was measured of the candidate.
        decision: why it won or lost.
        object_keys: name → key in the object store: ``report_html``, ``report_json``, ``checks_json``, ``log``, …
        error: the cause, where it failed.
        started_at: when, in UTC.
        finished_at: when, in UTC; None while it runs.
    """

    id: str
    run_id: str
    status: str
    started_at: datetime
    line: str = LINE
    trigger_kind: str = ""
    kind: str = ""
    champion: str | None = None
    version: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    data_version: int | None = None
    taxonomy: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)
    object_keys: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    finished_at: datetime | None = None


_FIELDS = tuple(ExperimentRecord.__dataclass_fields__)
_COLUMNS = [experiments.c[name] for name in _FIELDS]


def add_experiment(connection: Connection, record: ExperimentRecord) -> None:
    """A new row; the id and the run must be new."""
    connection.execute(insert(experiments).values({name: getattr(record, name) for name in _FIELDS}))


def find_experiment(connection: Connection, experiment_id: str) -> ExperimentRecord | None:
    """The experiment with this id; None where there is none."""
    return _find_one(connection, select(*_COLUMNS).where(experiments.c.id == experiment_id))


def find_experiment_of_run(connection: Connection, run_id: str) -> ExperimentRecord | None:
    """The experiment of a run; None where there is none."""
    return _find_one(connection, select(*_COLUMNS).where(experiments.c.run_id == run_id))


def list_experiments(connection: Connection, *, line: str = LINE) -> list[ExperimentRecord]:
    """The experiments of a line, the oldest first."""
    query = select(*_COLUMNS).where(experiments.c.line == line)
    ordered = query.order_by(experiments.c.started_at, experiments.c.id)
    return [ExperimentRecord(**row) for row in connection.execute(ordered).mappings()]


def update_experiment(connection: Connection, experiment_id: str, **values: Any) -> None:
    """The experiment's row has these values, the others stay."""
    connection.execute(update(experiments).where(experiments.c.id == experiment_id).values(values))


def reopen_experiment(connection: Connection, experiment_id: str) -> None:
    """An experiment that failed or was cancelled runs again; every other one stays as it is."""
    ended = experiments.c.id == experiment_id, experiments.c.status.in_(("failed", "cancelled"))
    fresh = {"status": "running", "error": "", "finished_at": None}
    connection.execute(update(experiments).where(*ended).values(fresh))


def _find_one(connection: Connection, query: Select[Any]) -> ExperimentRecord | None:
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else ExperimentRecord(**row)
