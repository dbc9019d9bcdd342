"""What every stage should run, in one cheap read: servers ask for it twice a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.delivery.stage_settings import parse_stage_values
from seamark.registry.stages import STAGES
from seamark.storage import stages as stage_rows
from seamark.storage.contenders import ContenderRecord, list_contenders, read_stage_values
from seamark.storage.promotions import Placement, find_current_placements
from seamark.storage.versions import read_manifest_digests

if TYPE_CHECKING:
    from seamark.settings import StageSettings
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DesiredContender:
    """A version that a stage should run beside its own.

    Attributes:
        version: X.Y.Z.
        manifest_digest: SHA-256 of its bundle's manifest.
        share: percentage of the stage's requests, 0-100.
        promotion_id: the canary's promotion; None for a shadow.
    """

    version: str
    manifest_digest: str
    share: float
    promotion_id: str | None = None


@dataclass(frozen=True, slots=True)
class DesiredStage:
    """What a stage should run.

    Attributes:
        stage: ``dev``, ``uat`` or ``prod``.
        version: its version; None: it is empty.
        manifest_digest: SHA-256 of the bundle's manifest; empty without a version.
        promotion_id: the newest promotion that put this version there; None: it was there before
            promotions were recorded.
        promotion_status: that promotion's, ``approved`` or ``live``; empty without one.
        settings: how the stage is served.
        shadow: what sees a share of its requests without answering.
        canary: what answers a share of them.
    """

    stage: str
    version: str | None
    manifest_digest: str
    promotion_id: str | None
    promotion_status: str
    settings: StageSettings
    shadow: DesiredContender | None = None
    canary: DesiredContender | None = None


def read_desired(workspace: Workspace) -> dict[str, DesiredStage]:
    """Stage → what it should run, for every stage in the order of promotion.

    Raises:
        StorageError: the database is unreachable.
    """
    with workspace.database.read() as connection:
        on_stages = {stage.name: stage.version for stage in stage_rows.list_stages(connection)}
        placements = find_current_placements(connection)
        contenders = {(each.stage, each.kind): each for each in list_contenders(connection)}
        values = read_stage_values(connection)
        numbers = {number for number in on_stages.values() if number}
        numbers.update(each.version for each in contenders.values())
        digests = read_manifest_digests(connection, numbers)
    return {
        name: _describe(
            name,
            on_stages.get(name),
            digests,
            placement=placements.get(name),
            values=values.get(name, {}),
            shadow=contenders.get((name, "shadow")),
            canary=contenders.get((name, "canary")),
        )
        for name in STAGES
    }


def _describe(
    name: str,
    version: str | None,
    digests: Mapping[str, str],
    *,
    placement: Placement | None,
    values: Mapping[str, Any],
    shadow: ContenderRecord | None,
    canary: ContenderRecord | None,
) -> DesiredStage:
    return DesiredStage(
        stage=name,
        version=version,
        manifest_digest=digests.get(version, "") if version else "",
        promotion_id=placement.id if placement else None,
        promotion_status=placement.status if placement else "",
        settings=parse_stage_values(values),
        shadow=_describe_contender(shadow, digests),
        canary=_describe_contender(canary, digests),
    )


def _describe_contender(
    contender: ContenderRecord | None, digests: Mapping[str, str]
) -> DesiredContender | None:
    if contender is None:
        return None
    return DesiredContender(
        contender.version,
        digests.get(contender.version, ""),
        contender.share,
        contender.promotion_id,
    )
