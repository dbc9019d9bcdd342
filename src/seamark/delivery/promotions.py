"""Promotions: somebody asks for a version on a stage, with evidence; somebody decides.

The wait for a person is a row, so that it outlives every process. Every change of a stage locks the stage's row
first; two people who decide at once therefore decide one after the other, and the second one is told so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.delivery.contenders import end_contender
from seamark.delivery.publishing import publish_stages
from seamark.delivery.requesting import describe_request, request_promotion
from seamark.delivery.rules import check_promotion, check_stage, find_promotion
from seamark.errors import ConflictError, NotAllowedError, UsageError
from seamark.governance.acting import DENIED, Deed, act, record, require
from seamark.governance.anchor import publish_anchor
from seamark.registry.stages import PROD
from seamark.storage import promotions as rows
from seamark.storage.contenders import ContenderRecord, put_contender
from seamark.storage.promotions import PromotionRecord
from seamark.storage.stages import lock_stage, set_stage
from seamark.storage.tables import PROMOTION_STATUSES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

__all__ = [
    "approve_promotion",
    "get_promotion",
    "list_promotions",
    "reject_promotion",
    "request_promotion",
    "withdraw_promotion",
]


def approve_promotion(
    workspace: Workspace, actor: Actor, promotion_id: str, *, reason: str = ""
) -> PromotionRecord:
    """The promotion, approved: the version is on the stage, or is its canary, from now on.

    Raises:
        NotFoundError: there is no such promotion.
        ConflictError: it doesn't wait any more, or what it needs holds no more.
        NotAllowedError: the actor may not; on PROD nobody approves what they asked for themselves.
        StorageError: the database can't be written.
    """
    require(workspace, actor, "promotion.approve", subject=promotion_id)
    _refuse_own(workspace, actor, get_promotion(workspace, promotion_id))
    with act(workspace, actor, "promotion.approve", subject=promotion_id, reason=reason) as deed:
        asked, present = _lock_waiting(deed.connection, promotion_id)
        check_promotion(deed.connection, asked.version, stage=asked.stage, kind=asked.kind, present=present)
        now = rows.choose_moment(deed.connection, asked.stage, datetime.now(UTC))
        rows.update_promotion(
            deed.connection,
            promotion_id,
            status="approved",
            decided_by=actor.name,
            decided_at=now,
            decision_reason=reason,
            replaces=present,
        )
        deed.before = {"status": "waiting", "stage": asked.stage, "version": present}
        deed.after = {"status": "approved", "stage": asked.stage, "version": asked.version}
        place = _place_canary if asked.kind == "canary" else _place
        deed.after |= place(deed, asked, actor, now)
    publish_stages(workspace)
    return get_promotion(workspace, promotion_id)


def reject_promotion(
    workspace: Workspace, actor: Actor, promotion_id: str, *, reason: str
) -> PromotionRecord:
    """The promotion, rejected; the stage stays as it is.

    Raises:
        NotFoundError: there is no such promotion.
        UsageError: no reason was given.
        ConflictError: it doesn't wait any more.
        NotAllowedError: the actor may not.
    """
    require(workspace, actor, "promotion.reject", subject=promotion_id)
    if not reason.strip():
        raise UsageError("a promotion was rejected without a reason", expected="a reason")
    get_promotion(workspace, promotion_id)
    now = datetime.now(UTC)
    decision = {"decided_by": actor.name, "decided_at": now}
    return _close(workspace, actor, "reject", promotion_id, reason, status="rejected", at=now, **decision)


def withdraw_promotion(
    workspace: Workspace, actor: Actor, promotion_id: str, *, reason: str = ""
) -> PromotionRecord:
    """The promotion, withdrawn by whoever asked for it, or by an administrator.

    Raises:
        NotFoundError: there is no such promotion.
        ConflictError: it doesn't wait any more.
        NotAllowedError: the actor may not.
    """
    require(workspace, actor, "promotion.withdraw", subject=promotion_id)
    asked = get_promotion(workspace, promotion_id)
    if actor.name != asked.requested_by and "administrator" not in actor.roles:
        _deny(
            workspace,
            actor,
            "withdraw",
            asked,
            found=f"{promotion_id} was asked for by {asked.requested_by}",
            expected=f"{asked.requested_by} or an administrator to withdraw it",
        )
    now = datetime.now(UTC)
    return _close(workspace, actor, "withdraw", promotion_id, reason, status="withdrawn", at=now)


def get_promotion(workspace: Workspace, promotion_id: str) -> PromotionRecord:
    """The promotion with this id.

    Raises:
        NotFoundError: there is none; the message names the newest ones.
    """
    with workspace.database.read() as connection:
        return find_promotion(connection, promotion_id)


def list_promotions(
    workspace: Workspace, *, stage: str | None = None, status: str | None = None, limit: int | None = None
) -> list[PromotionRecord]:
    """Promotions, the newest request first.

    Args:
        workspace: whose.
        stage: only those of this stage.
        status: only those of this status.
        limit: at most so many.

    Raises:
        NotFoundError: there is no such stage.
        UsageError: there is no such status.
    """
    if stage is not None:
        check_stage(stage)
    if status is not None and status not in PROMOTION_STATUSES:
        raise UsageError(f"no promotion is '{status}'", expected=f"one of {', '.join(PROMOTION_STATUSES)}")
    with workspace.database.read() as connection:
        return rows.list_promotions(connection, stage=stage, status=status, limit=limit)


# ---- deciding


def _place(deed: Deed, asked: PromotionRecord, _actor: Actor, now: datetime) -> dict[str, Any]:
    """Put the version on the stage; it is no contender of itself from then on."""
    set_stage(deed.connection, asked.stage, asked.version, changed_at=now)
    ended = [
        kind
        for kind in ("shadow", "canary")
        if end_contender(deed.connection, asked.stage, kind, at=now, version=asked.version)
    ]
    return {"ended": ended} if ended else {}


def _place_canary(deed: Deed, asked: PromotionRecord, actor: Actor, now: datetime) -> dict[str, Any]:
    """Let the version answer its share, in place of any canary before."""
    assert asked.share is not None
    end_contender(deed.connection, asked.stage, "canary", at=now)
    canary = ContenderRecord(
        asked.stage, "canary", asked.version, asked.share, actor.name, now, promotion_id=asked.id
    )
    put_contender(deed.connection, canary)
    return {"kind": "canary", "share": asked.share}


def _refuse_own(workspace: Workspace, actor: Actor, asked: PromotionRecord) -> None:
    """On PROD two people look; whoever asked is not the second one, whatever their roles."""
    if asked.stage == PROD and asked.requested_by == actor.name:
        _deny(
            workspace,
            actor,
            "approve",
            asked,
            found=f"{actor.name} asked for this promotion to {PROD} themselves",
            expected="somebody else to approve it",
        )


def _deny(
    workspace: Workspace, actor: Actor, verb: str, asked: PromotionRecord, *, found: str, expected: str
) -> None:
    """Refuse, and record it; who asked and where never change, so no lock is needed."""
    with workspace.database.begin() as connection:
        facts = {"stage": asked.stage, "version": asked.version, "requested_by": asked.requested_by}
        refused = Deed(connection, subject=asked.id, before=facts)
        record(connection, actor, f"promotion.{verb}", refused, outcome=DENIED)
    publish_anchor(workspace)
    raise NotAllowedError(found, expected=expected)


def _close(
    workspace: Workspace,
    actor: Actor,
    verb: str,
    promotion_id: str,
    reason: str,
    *,
    status: str,
    at: datetime,
    **decision: Any,
) -> PromotionRecord:
    with act(workspace, actor, f"promotion.{verb}", subject=promotion_id, reason=reason) as deed:
        asked, _ = _lock_waiting(deed.connection, promotion_id)
        values = {"status": status, "ended_at": at, "decision_reason": reason, **decision}
        rows.update_promotion(deed.connection, promotion_id, **values)
        deed.before = describe_request(asked)
        deed.after = {"status": status}
    return get_promotion(workspace, promotion_id)


def _lock_waiting(connection: Connection, promotion_id: str) -> tuple[PromotionRecord, str | None]:
    """The promotion, if it waits still, and the version on its stage; neither changes until the end."""
    stage = find_promotion(connection, promotion_id).stage
    present = lock_stage(connection, stage, now=datetime.now(UTC)).version
    asked = find_promotion(connection, promotion_id)  # as it is now that nobody else can change it
    if asked.status != "waiting":
        by = f" by {asked.decided_by}" if asked.decided_by else ""
        raise ConflictError(
            f"{promotion_id} doesn't wait any more: it is {asked.status}{by}", expected="one that waits"
        )
    return asked, present
