"""Asking for a version on a stage: first its evidence, then the row that waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.delivery.evidence import gather_evidence, remove_evidence, store_evidence
from seamark.delivery.rules import check_promotion, check_share, check_target
from seamark.errors import ConflictError
from seamark.governance.acting import act, require
from seamark.registry.stages import read_stages
from seamark.registry.versions import get_version
from seamark.storage import promotions as rows
from seamark.storage.ids import make_id
from seamark.storage.promotions import PromotionRecord
from seamark.storage.stages import lock_stage

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace


def request_promotion(
    workspace: Workspace,
    actor: Actor,
    version: str,
    *,
    stage: str,
    reason: str = "",
    canary: float | None = None,
    on_progress: ProgressListener = ignore_progress,
) -> PromotionRecord:
    """A promotion that waits for a decision, with its evidence.

    Args:
        workspace: whose.
        actor: who asks.
        version: X.Y.Z.
        stage: ``uat`` or ``prod``.
        reason: why.
        canary: percentage of the stage's requests that the version should answer; None: all, in the place of
            the version that is there.
        on_progress: hears how many sample texts were predicted for the evidence.

    Raises:
        NotFoundError: there is no such version or stage.
        UsageError: the stage is DEV, or the percentage is none.
        ConflictError: the version is on the stage already, or waits for it; it is not signed off on UAT; or its
            bundle is damaged.
        NotAllowedError: the actor may not.
        StorageError: database or object store can't be used.
    """
    require(workspace, actor, "promotion.request", subject=f"{version} on {stage}")
    check_target(stage)
    if canary is not None:
        check_share(canary)
    found, kind = get_version(workspace, version), "promotion" if canary is None else "canary"
    with workspace.database.read() as connection:  # before the costly part; once more below
        present = _read_present(connection, stage)
        _check_request(connection, version, stage=stage, kind=kind, present=present)
    promotion_id = make_id("promotion")
    evidence = gather_evidence(workspace, found, stage=stage, present=present, on_progress=on_progress)
    keys = store_evidence(workspace, promotion_id, evidence)
    try:
        with act(workspace, actor, "promotion.request", subject=promotion_id, reason=reason) as deed:
            now = datetime.now(UTC)
            present = lock_stage(deed.connection, stage, now=now).version
            _check_request(deed.connection, version, stage=stage, kind=kind, present=present)
            asked = PromotionRecord(
                id=promotion_id,
                stage=stage,
                version=version,
                kind=kind,
                status="waiting",
                requested_by=actor.name,
                requested_at=now,
                replaces=present,
                share=canary,
                reason=reason,
                evidence=evidence.summary,
                object_keys=keys,
            )
            rows.add_promotion(deed.connection, asked)
            deed.after = describe_request(asked)
    except ConflictError:  # then it surely isn't there; an error of the database may come after its commit
        remove_evidence(workspace, keys)
        raise
    return asked


def describe_request(asked: PromotionRecord) -> dict[str, Any]:
    """What the audit trail says of a promotion that waits."""
    facts = {"status": asked.status, "stage": asked.stage, "version": asked.version, "kind": asked.kind}
    return facts if asked.share is None else facts | {"share": asked.share}


def _check_request(
    connection: Connection, version: str, *, stage: str, kind: str, present: str | None
) -> None:
    check_promotion(connection, version, stage=stage, kind=kind, present=present)
    waiting = rows.list_promotions(connection, stage=stage, version=version, kind=kind, status="waiting")
    if waiting:
        raise ConflictError(
            f"{version} waits for {stage} already: {waiting[0].id}, asked for by {waiting[0].requested_by}",
            hint=f"`seamark approve {waiting[0].id}`, or withdraw it first",
        )


def _read_present(connection: Connection, stage: str) -> str | None:
    found = read_stages(connection)[stage]
    return found.version if found else None
