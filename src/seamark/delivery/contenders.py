"""Versions that see a share of a stage's requests beside the stage's own: a shadow, a canary.

A shadow never answers; its answers are captured for comparison, so it needs nobody's approval. A canary answers
its share, so it comes with an approved promotion (:mod:`seamark.delivery.promotions`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.delivery.rules import check_share, check_stage
from seamark.errors import ConflictError, NotFoundError
from seamark.governance.acting import act
from seamark.registry.versions import get_version
from seamark.storage.contenders import (
    ContenderRecord,
    find_contender,
    put_contender,
    remove_contender,
)
from seamark.storage.promotions import update_promotion
from seamark.storage.stages import lock_stage

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace


def start_shadow(
    workspace: Workspace, actor: Actor, version: str, *, stage: str, share: float, reason: str = ""
) -> ContenderRecord:
    """The stage's shadow from now on, in place of any before.

    Args:
        workspace: whose.
        actor: who asks.
        version: X.Y.Z.
        stage: ``dev``, ``uat`` or ``prod``.
        share: percentage of the stage's texts that it sees, above 0 and up to 100.
        reason: why.

    Raises:
        NotFoundError: there is no such stage or version.
        UsageError: the share is none.
        ConflictError: the stage is empty, or has this version itself.
        NotAllowedError: the actor may not.
    """
    check_stage(stage)
    check_share(share)
    with act(workspace, actor, "shadow.start", subject=stage, reason=reason) as deed:
        get_version(workspace, version)
        now = datetime.now(UTC)
        _check_present(lock_stage(deed.connection, stage, now=now).version, version, stage)
        before = find_contender(deed.connection, stage, "shadow")
        if before is not None and (before.version, before.share) == (version, share):
            deed.nothing = True
            return before
        record = ContenderRecord(stage, "shadow", version, share, actor.name, now)
        put_contender(deed.connection, record)
        deed.before, deed.after = describe_contender(before), describe_contender(record)
    return record


def stop_shadow(workspace: Workspace, actor: Actor, *, stage: str, reason: str = "") -> ContenderRecord:
    """The shadow that the stage had, and has no more.

    Raises:
        NotFoundError: there is no such stage, or it has no shadow.
        NotAllowedError: the actor may not.
    """
    return _stop(workspace, actor, "shadow", stage=stage, reason=reason)


def stop_canary(workspace: Workspace, actor: Actor, *, stage: str, reason: str = "") -> ContenderRecord:
    """The canary that the stage had, and has no more; its promotion has ended.

    Raises:
        NotFoundError: there is no such stage, or it has no canary.
        NotAllowedError: the actor may not.
    """
    return _stop(workspace, actor, "canary", stage=stage, reason=reason)


def end_contender(
    connection: Connection, stage: str, kind: str, *, at: datetime, version: str | None = None
) -> ContenderRecord | None:
    """The contender that the stage had, and has no more; a canary's promotion has ended with it.

    Args:
        connection: a transaction that has locked the stage.
        stage: whose.
        kind: ``shadow`` or ``canary``.
        at: now.
        version: the only version that is meant; None means any.
    """
    found = find_contender(connection, stage, kind)
    if found is None or (version is not None and found.version != version):
        return None
    remove_contender(connection, stage, kind)
    if found.promotion_id is not None:
        update_promotion(connection, found.promotion_id, ended_at=at)
    return found


def describe_contender(contender: ContenderRecord | None) -> dict[str, Any]:
    """What the audit trail says of it; empty for none."""
    if contender is None:
        return {}
    facts = {"version": contender.version, "share": contender.share}
    return facts if contender.promotion_id is None else facts | {"promotion": contender.promotion_id}


def _stop(workspace: Workspace, actor: Actor, kind: str, *, stage: str, reason: str) -> ContenderRecord:
    check_stage(stage)
    with act(workspace, actor, f"{kind}.stop", subject=stage, reason=reason) as deed:
        now = datetime.now(UTC)
        lock_stage(deed.connection, stage, now=now)
        found = end_contender(deed.connection, stage, kind, at=now)
        if found is None:
            raise NotFoundError(f"{stage} has no {kind}", hint="`seamark stages list`")
        deed.before = describe_contender(found)
    return found


def _check_present(present: str | None, version: str, stage: str) -> None:
    if present is None:
        raise ConflictError(f"{stage} has no version yet, so there is nothing to compare with")
    if present == version:
        raise ConflictError(f"{version} is on {stage} itself")
