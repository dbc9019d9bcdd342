"""Experiments: one record for every run that trained or measured something, whether it won or lost.

While a run works, its events are lines of ``runs/<run_id>/log.jsonl`` in the workspace's folder; when the experiment
is over the file is copied to ``experiments/<id>/log.jsonl`` in the object store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack

from seamark.errors import StorageError, UsageError
from seamark.registry.comparing import Difference, Figures, drop_nan, find_differences, line_up_figures
from seamark.registry.log import publish_log
from seamark.storage import experiments as rows
from seamark.storage.experiments import ExperimentRecord
from seamark.storage.ids import make_id

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_ENDS = ("lost", "failed", "cancelled")
_LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class ExperimentComparison:
    """Several experiments side by side.

    Attributes:
        experiments: in the order asked for.
        recipe: what of their recipes, data and taxonomy differs.
        metrics: every measure, with the best value marked.
    """

    experiments: tuple[ExperimentRecord, ...]
    recipe: tuple[Difference, ...]
    metrics: tuple[Figures, ...]


class ExperimentFacts(TypedDict, total=False):
    """What :func:`record_experiment` takes; :class:`ExperimentRecord` says what each one means."""

    champion: str | None
    recipe: Mapping[str, Any]
    data_version: int | None
    taxonomy: Mapping[str, Any]
    metrics: Mapping[str, Any]
    decision: Mapping[str, Any]
    object_keys: Mapping[str, str]


def start_experiment(
    workspace: Workspace, *, run_id: str, kind: str, trigger_kind: str = "", champion: str | None = None
) -> ExperimentRecord:
    """The experiment of a run, begun where there was none.

    The same run has the same experiment whenever it asks; one that failed or was cancelled runs again.

    Args:
        workspace: where it is recorded.
        run_id: the pipeline run.
        kind: ``build`` or ``skills-update``.
        trigger_kind: what started the run.
        champion: the version that it has to beat; None: there is none.
    """
    with workspace.database.begin() as connection:
        found = rows.find_experiment_of_run(connection, run_id)
        if found is None:
            rows.add_experiment(
                connection,
                ExperimentRecord(
                    id=make_id("experiment"),
                    run_id=run_id,
                    status="running",
                    started_at=datetime.now(UTC),
                    trigger_kind=trigger_kind,
                    kind=kind,
                    champion=champion,
                ),
            )
        elif found.status in ("failed", "cancelled"):
            rows.reopen_experiment(connection, found.id)
            rows.update_experiment(connection, found.id, champion=champion)
        started = rows.find_experiment_of_run(connection, run_id)
    assert started is not None
    return started


def record_experiment(
    workspace: Workspace, experiment_id: str, **facts: Unpack[ExperimentFacts]
) -> ExperimentRecord:
    """The experiment with these facts added.

    Args:
        workspace: where it is recorded.
        experiment_id: the experiment.
        **facts: see :class:`ExperimentFacts`. Metrics and object keys are added to those recorded before;
            the others replace them.

    Raises:
        UsageError: there is no such experiment.
    """
    with workspace.database.begin() as connection:
        found = _find(connection, experiment_id)
        values = {name: drop_nan(value) for name, value in facts.items()}
        for name in values.keys() & {"metrics", "object_keys"}:
            values[name] = getattr(found, name) | values[name]
        rows.update_experiment(connection, experiment_id, **values)
        return _find(connection, experiment_id)


def finish_experiment(
    workspace: Workspace, experiment_id: str, *, status: str, error: str = ""
) -> ExperimentRecord:
    """The experiment, over: its end in the database, its log in the object store, ``logs.json`` written.

    One that became a version stays ``registered`` whatever happens to its run afterwards.

    Args:
        workspace: where it is recorded.
        experiment_id: the experiment.
        status: ``lost``, ``failed`` or ``cancelled``; registration sets ``registered`` by itself.
        error: the cause, where it failed.

    Raises:
        UsageError: there is no such experiment.
        StorageError: the database can't be written; or, for one that lost, the object store. A failed experiment
            may have failed for that very reason: the database then has it, and the store follows with the
            next experiment.
    """
    assert status in _ENDS, status
    with workspace.database.begin() as connection:
        found = _find(connection, experiment_id)
        if found.status == "running":
            values = {"status": status, "error": error, "finished_at": datetime.now(UTC)}
            rows.update_experiment(connection, experiment_id, **values)
    with suppress(*([] if status == "lost" else [StorageError])):
        upload_log(workspace, experiment_id)
        publish_log(workspace)
    return get_experiment(workspace, experiment_id)


def list_experiments(workspace: Workspace) -> list[ExperimentRecord]:
    """Every experiment, the oldest first."""
    with workspace.database.read() as connection:
        return rows.list_experiments(connection)


def get_experiment(workspace: Workspace, experiment_id: str) -> ExperimentRecord:
    """The experiment with this id.

    Raises:
        UsageError: there is none; the message names the newest ones.
    """
    with workspace.database.read() as connection:
        return _find(connection, experiment_id)


def compare_experiments(workspace: Workspace, experiment_ids: Sequence[str]) -> ExperimentComparison:
    """Experiments side by side.

    Raises:
        UsageError: fewer than two, or one that does not exist.
    """
    if len(experiment_ids) < 2:
        raise UsageError(f"{len(experiment_ids)} experiment to compare", expected="two or more")
    found = [get_experiment(workspace, experiment_id) for experiment_id in experiment_ids]
    facts = [_describe_making(experiment) for experiment in found]
    metrics = line_up_figures([experiment.metrics for experiment in found])
    return ExperimentComparison(tuple(found), tuple(find_differences(facts)), tuple(metrics))


def append_log(workspace: Workspace, run_id: str, event: Mapping[str, Any]) -> None:
    """Write one event of a run, with its time, to the run's own log.

    Raises:
        StorageError: the log can't be written.
    """
    path = _locate_log(workspace, run_id)
    line = json.dumps({"at": datetime.now(UTC).isoformat(), **drop_nan(event)}, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as stream:
            start = "\n" if _is_torn(stream) else ""
            stream.write(f"{start}{line}\n".encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise StorageError(f"the log {path} can't be written: {error.strerror or error}") from error


def read_log(workspace: Workspace, experiment: ExperimentRecord) -> list[dict[str, Any]]:
    """The events of an experiment, the oldest first; from the object store where the run's folder is gone.

    Raises:
        StorageError: the object store is unreachable.
    """
    path = _locate_log(workspace, experiment.run_id)
    if path.is_file():
        content = path.read_bytes()
    elif key := experiment.object_keys.get("log"):
        content = workspace.store.get(key)
    else:
        return []
    return [event for line in content.splitlines() if (event := _parse_event(line))]


def upload_log(workspace: Workspace, experiment_id: str) -> str | None:
    """The key under which the experiment's log is in the object store now; None where nothing was logged.

    Raises:
        StorageError: the object store is unreachable.
    """
    path = _locate_log(workspace, get_experiment(workspace, experiment_id).run_id)
    if not path.is_file():
        return None
    key = f"experiments/{experiment_id}/{_LOG}"
    workspace.store.upload_file(path, key, create=False)
    record_experiment(workspace, experiment_id, object_keys={"log": key})
    return key


def _is_torn(stream: BinaryIO) -> bool:
    """Whether the last line has no end: its writer was killed in the middle of it."""
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        return False
    stream.seek(size - 1)
    return stream.read(1) != b"\n"


def _locate_log(workspace: Workspace, run_id: str) -> Path:
    return workspace.runs / run_id / _LOG


def _parse_event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:  # the beginning of a line whose writer was killed
        return None
    return event if isinstance(event, dict) else None


def _describe_making(experiment: ExperimentRecord) -> dict[str, Any]:
    taxonomy = experiment.taxonomy
    name = f"{taxonomy['name']}@{taxonomy.get('number')}" if taxonomy.get("name") else None
    facts = {"kind": experiment.kind, "champion": experiment.champion, "taxonomy": name}
    return facts | {"data_version": experiment.data_version} | experiment.recipe


def _find(connection: Any, experiment_id: str) -> ExperimentRecord:
    found = rows.find_experiment(connection, experiment_id)
    if found is not None:
        return found
    newest = [experiment.id for experiment in rows.list_experiments(connection)[-5:]]
    raise UsageError(
        f"no experiment has the id '{experiment_id}'",
        expected=f"one such as {', '.join(newest)}" if newest else "none: no experiment was made yet",
        hint="`seamark experiments list`",
    )
