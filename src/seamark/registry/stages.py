"""Which version each stage has, and the file that tells tools which read the object store.

DEV follows every registration by itself. UAT and PROD are empty until somebody promotes a version to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seamark.storage import stages as rows
from seamark.storage.stages import StageRecord
from seamark.storage.versions import VersionRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

DEV, UAT, PROD = STAGES = ("dev", "uat", "prod")


def read_stages(connection: Connection) -> dict[str, StageRecord | None]:
    """Every stage in the order of promotion; None for one that never had a version."""
    found = {stage.name: stage for stage in rows.list_stages(connection)}
    return {name: found.get(name) for name in STAGES}


def locate_stage(name: str) -> str:
    """The key of a stage's file in the object store."""
    return f"{name}/current.json"


def describe_stage(
    name: str, stage: StageRecord | None, versions: Mapping[str, VersionRecord]
) -> dict[str, Any]:
    """What the stage's file says; every fact is None while it has no version."""
    version = versions.get(stage.version) if stage and stage.version else None
    return {
        "stage": name,
        "version": version.number if version else None,
        "model_path": version.path if version else None,
        "manifest_digest": version.manifest_digest if version else None,
        "taxonomy": f"{version.taxonomy_name}@{version.taxonomy_number}" if version else None,
        "changed_at": stage.changed_at.isoformat() if stage else None,
    }
