"""``logs.json`` and the stages' files: what the database knows, for tools that only read the object store.

The database is the truth. The files are written whole after every change, and the same database gives the same
bytes; whoever finds them behind the database (a process was killed between the two) writes them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seamark.registry.lineage import describe_lineage
from seamark.registry.stages import describe_stage, locate_stage, read_stages
from seamark.storage.examples import DataVersion, list_data_versions
from seamark.storage.experiments import ExperimentRecord, list_experiments
from seamark.storage.versions import VersionRecord, list_versions

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

LOG = "logs.json"
_ROUNDS = 20
_DATA_PATHS = {"train_data_path": "train", "val_data_path": "validation", "test_data_path": "test"}


def publish_log(workspace: Workspace) -> None:
    """Bring ``logs.json`` and the stages' files to what the database says.

    Two processes may do so at once. Each looks again after it has written, so that the last one to write has
    written the newest state.

    Raises:
        StorageError: database or object store can't be used.
    """
    files = render_log(workspace)
    for _ in range(_ROUNDS):
        for key, text in files.items():
            workspace.store.put_text(key, text)
        written, files = files, render_log(workspace)
        if written == files:
            return


def render_log(workspace: Workspace) -> dict[str, str]:
    """The files by their key, as they should be now."""
    with workspace.database.read() as connection:
        versions = {each.number: each for each in list_versions(connection, status="registered")}
        experiments = list_experiments(connection)
        data = {each.data_version: each for each in list_data_versions(connection)}
        stages = read_stages(connection)
    told = {name: describe_stage(name, stage, versions) for name, stage in stages.items()}
    log = {
        **{f"{name}_version": told[name]["version"] for name in ("prod", "uat", "dev")},
        "versions": {
            number: _describe_version(each, versions, data, bucket=workspace.store.url)
            for number, each in versions.items()
        },
        "experiments": [_describe_experiment(experiment) for experiment in experiments],
    }
    return {LOG: _dump(log)} | {locate_stage(name): _dump(facts) for name, facts in told.items()}


def _describe_version(
    record: VersionRecord,
    versions: Mapping[str, VersionRecord],
    data: Mapping[str, DataVersion],
    *,
    bucket: str,
) -> dict[str, Any]:
    lineage = describe_lineage(record, {number: each.parent for number, each in versions.items()}, data)
    return {
        "bucket": bucket,
        "model_path": record.path,
        **{key: lineage.data_paths.get(split) for key, split in _DATA_PATHS.items()},
        "metrics": record.metrics,
        "data_version": lineage.data_version,
        "data_checksum": lineage.data_checksum,
        "hyper_parameters": record.recipe,
        "timestamp": record.registered_at.isoformat() if record.registered_at else None,
        "taxonomy": lineage.taxonomy,
        "experiment": record.experiment_id,
        "change": record.change,
        "parent": record.parent,
        "code_commit": lineage.code_commit,
        "manifest_digest": record.manifest_digest,
    }


def _describe_experiment(experiment: ExperimentRecord) -> dict[str, Any]:
    at = experiment.finished_at or experiment.started_at
    return {
        "id": experiment.id,
        "status": experiment.status,
        "reason": explain_outcome(experiment),
        "champion": experiment.champion,
        "version": experiment.version,
        "metrics": experiment.metrics,
        "timestamp": at.isoformat(),
        "report": experiment.object_keys.get("report_html"),
    }


def explain_outcome(experiment: ExperimentRecord) -> str:
    """Why an experiment ended as it did, in a sentence or more; empty where nobody said."""
    return experiment.error or " ".join(experiment.decision.get("reasons", ()))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
