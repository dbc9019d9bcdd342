"""Registered versions of the tiny models, on stages, in a workspace."""

from __future__ import annotations

from datetime import UTC, datetime

from seamark.extraction.bundle import Bundle
from seamark.registry.bundles import locate_candidate, upload_bundle
from seamark.registry.experiments import start_experiment
from seamark.registry.registration import register_version
from seamark.storage.runs import add_triggered_run
from seamark.storage.stages import set_stage
from seamark.storage.versions import VersionRecord
from seamark.storage.workspace import Workspace


def register_tiny(workspace: Workspace, bundle: Bundle, key: str = "first") -> VersionRecord:
    """A version with this bundle; it really predicts, and is on DEV."""
    with workspace.database.begin() as connection:
        run, _ = add_triggered_run(connection, kind="manual", key=key, payload={}, pipeline="build")
    experiment = start_experiment(workspace, run_id=run.id, kind="build", trigger_kind="manual")
    prefix = locate_candidate(experiment.id)
    upload_bundle(workspace.store, bundle.folder, prefix)
    version = register_version(
        workspace, run_id=run.id, experiment_id=experiment.id, bundle=bundle, candidate_prefix=prefix
    )
    with workspace.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE runs SET status = 'succeeded' WHERE status = 'queued'"
        )  # no worker is to take it up
    return version


def put_on_stage(workspace: Workspace, number: str | None, *stages: str) -> None:
    """These stages have the version, without anybody's approval."""
    with workspace.database.begin() as connection:
        for stage in stages:
            set_stage(connection, stage, number, changed_at=datetime.now(UTC))
