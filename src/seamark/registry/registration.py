"""Registering a candidate: it gets its number and its place, once, whatever happens in between.

The steps, each of which may be done again:

1. One transaction reserves the number: a row that is ``registering`` and belongs to the run.
2. The candidate's objects are copied to the number's place, the manifest last.
3. One transaction makes the row ``registered``, the experiment too, puts the version on DEV with a promotion of
   its own, and writes the audit event.
4. ``logs.json``, the stages' files and the experiment's log are brought to the object store.
5. The candidate's objects are removed.

A process that is killed anywhere leaves a state from which the same call goes on. Nobody sees a version
between 1 and 3: the champion is the newest *registered* one.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.errors import StorageError, UsageError
from seamark.extraction.bundle import Bundle, dump_json
from seamark.governance.acting import Deed, record
from seamark.governance.actors import SYSTEM
from seamark.governance.anchor import publish_anchor
from seamark.registry.bundles import delete_prefix, locate_version, publish_bundle
from seamark.registry.comparing import drop_nan
from seamark.registry.experiments import upload_log
from seamark.registry.log import publish_log
from seamark.registry.numbering import (
    Change,
    choose_number,
    describe_content,
    parse_number,
    raise_number,
)
from seamark.registry.stages import DEV
from seamark.storage import versions as rows
from seamark.storage.experiments import update_experiment
from seamark.storage.ids import make_id
from seamark.storage.promotions import PromotionRecord, add_promotion
from seamark.storage.stages import lock_stage, set_stage
from seamark.storage.versions import VersionRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.workspace import Workspace

_ATTEMPTS = 50


def register_version(
    workspace: Workspace, *, run_id: str, experiment_id: str, bundle: Bundle, candidate_prefix: str
) -> VersionRecord:
    """The version that a run's candidate became; the same one whenever the run asks again.

    Args:
        workspace: where it is registered.
        run_id: the pipeline run.
        experiment_id: the run's experiment, which is over with this.
        bundle: the candidate; its manifest has no version yet.
        candidate_prefix: where the candidate's objects are in the store.

    Returns:
        The version. Where the candidate has the content of the newest version, nothing is registered and that
        one is returned: its ``run_id`` is another run's. The experiment and the candidate's objects
        are then left to the caller.

    Raises:
        UsageError: the candidate names a parent that is no version.
        StorageError: database or object store can't be used, or the number's place holds something else.
    """
    _drop_outdated(workspace, run_id, bundle)
    version = _reserve(workspace, run_id=run_id, experiment_id=experiment_id, bundle=bundle)
    if version.run_id != run_id:
        return version
    if version.status != "registered":
        publish_bundle(workspace.store, candidate_prefix, version.number, bundle.manifest)
        version = _conclude(workspace, version)
    publish_anchor(workspace)
    upload_log(workspace, experiment_id)
    publish_log(workspace)
    delete_prefix(workspace.store, candidate_prefix)
    return version


def abandon_registration(workspace: Workspace, run_id: str) -> bool:
    """Whether a number that the run had reserved is free again; a registered version stays.

    For runs that failed or were cancelled for good. What was copied to the number's place is removed first.

    Raises:
        StorageError: database or object store can't be used.
    """
    with workspace.database.read() as connection:
        record = rows.find_version_of_run(connection, run_id)
    if record is None or record.status == "registered":
        return False
    delete_prefix(workspace.store, record.path)
    with workspace.database.begin() as connection:
        rows.remove_unregistered(connection, record.number)
    return True


def _drop_outdated(workspace: Workspace, run_id: str, bundle: Bundle) -> None:
    """Free the number that an earlier attempt of the run reserved for a candidate that was another one."""
    with workspace.database.read() as connection:
        record = rows.find_version_of_run(connection, run_id)
    if record is not None and record.manifest_digest != _digest_manifest(bundle, record.number):
        abandon_registration(workspace, run_id)


def _reserve(workspace: Workspace, *, run_id: str, experiment_id: str, bundle: Bundle) -> VersionRecord:
    with workspace.database.begin() as connection:
        for _ in range(_ATTEMPTS):  # on PostgreSQL another process may take the number first
            if found := rows.find_version_of_run(connection, run_id):
                return found
            newest = rows.find_newest_version(connection)
            number, change = _choose_number(newest, bundle)
            if newest is not None and change is Change.NONE:
                return newest
            record = _describe(bundle, number, change, run_id=run_id, experiment_id=experiment_id)
            _check_parent(connection, record)
            if rows.add_version(connection, record):
                return record
    raise StorageError("the numbers of versions change too fast to take one", hint="run it again")


def _choose_number(newest: VersionRecord | None, bundle: Bundle) -> tuple[str, Change]:
    if newest is None:
        return choose_number(None, {})
    content = describe_content(bundle.manifest)
    number, change = choose_number((newest.number, _recall_content(newest)), content)
    if change is Change.NONE and newest.status != "registered":
        # The run that reserved it may never finish: its number is no answer to "is this content there?".
        return str(raise_number(parse_number(newest.number), Change.FIX)), Change.FIX
    return number, change


def _describe(
    bundle: Bundle, number: str, change: Change, *, run_id: str, experiment_id: str
) -> VersionRecord:
    manifest, (major, minor, patch) = bundle.manifest, parse_number(number)
    taxonomy, content = manifest["taxonomy"], describe_content(manifest)
    return VersionRecord(
        number=number,
        major=major,
        minor=minor,
        patch=patch,
        status="registering",
        experiment_id=experiment_id,
        run_id=run_id,
        path=locate_version(number),
        created_at=datetime.now(UTC),
        parent=manifest["lineage"].get("parent"),
        change=str(change),
        taxonomy_name=taxonomy["name"],
        taxonomy_number=taxonomy["number"],
        taxonomy_digest=taxonomy["digest"],
        manifest_digest=_digest_manifest(bundle, number),
        recipe=content["recipe"],
        metrics=drop_nan(manifest["metrics"]),
        lineage={
            **manifest["lineage"],
            "data": manifest["data"],
            "weights": content["weights"],
            "files": content["files"],
        },
        size=bundle.size,
    )


def _recall_content(record: VersionRecord) -> dict[str, Any]:
    """What :func:`describe_content` said of the version when its number was reserved."""
    taxonomy = (record.taxonomy_name, record.taxonomy_number, record.taxonomy_digest)
    return {
        "recipe": record.recipe,
        "weights": record.lineage["weights"],
        "taxonomy": dict(zip(("name", "number", "digest"), taxonomy, strict=True)),
        "files": record.lineage["files"],
    }


def _check_parent(connection: Connection, record: VersionRecord) -> None:
    if record.parent is not None and rows.find_version(connection, record.parent) is None:
        known = ", ".join(each.number for each in rows.list_versions(connection)) or "none"
        raise UsageError(f"the candidate's parent is {record.parent}", expected=f"a version, of: {known}")


def _conclude(workspace: Workspace, version: VersionRecord) -> VersionRecord:
    now = datetime.now(UTC)
    with workspace.database.begin() as connection:
        # Of two registrations at once, the higher number stays on DEV.
        before = lock_stage(connection, DEV, now=now).version
        current = rows.find_version(connection, version.number)
        if current is not None and current.status == "registered":
            return current
        rows.mark_registered(connection, version.number, registered_at=now)
        newest = rows.find_newest_version(connection, status="registered")
        after = version.number if newest is not None and newest.number == version.number else before
        if after != before:
            _put_on_dev(connection, version.number, replaces=before, now=now)
        facts = {"status": "registered", "version": version.number, "error": "", "finished_at": now}
        update_experiment(connection, version.experiment_id, **facts)
        deed = Deed(connection, version.number, before={DEV: before}, after=_tell(version, dev=after))
        record(connection, SYSTEM, "version.register", deed)
    return replace(version, status="registered", registered_at=now)


def _put_on_dev(connection: Connection, number: str, *, replaces: str | None, now: datetime) -> None:
    set_stage(connection, DEV, number, changed_at=now)
    promotion = PromotionRecord(
        id=make_id("promotion"),
        stage=DEV,
        version=number,
        kind="automatic",
        status="approved",
        requested_by=SYSTEM.name,
        requested_at=now,
        replaces=replaces,
        reason="registered",
        decided_by=SYSTEM.name,
        decided_at=now,
    )
    add_promotion(connection, promotion)


def _tell(version: VersionRecord, *, dev: str | None) -> dict[str, Any]:
    """What the audit trail keeps of a registration."""
    return {
        DEV: dev,
        "manifest_digest": version.manifest_digest,
        "experiment": version.experiment_id,
        "run": version.run_id,
    }


def _digest_manifest(bundle: Bundle, number: str) -> str:
    """SHA-256 of the manifest that the version will have."""
    return hashlib.sha256(dump_json({**bundle.manifest, "version": number})).hexdigest()
