"""What became of an approved promotion: a server answers with its version, or can't.

Servers tell it. The first word counts: a version that one server answers with stays, whatever another
server's disk or memory makes of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seamark.delivery.history import find_present
from seamark.delivery.publishing import publish_stages
from seamark.delivery.rules import find_promotion
from seamark.governance.acting import Deed, act
from seamark.governance.actors import SYSTEM
from seamark.storage import promotions as rows
from seamark.storage.contenders import find_contender, remove_contender
from seamark.storage.promotions import PromotionRecord
from seamark.storage.stages import lock_stage, set_stage

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.workspace import Workspace


def mark_live(workspace: Workspace, promotion_id: str) -> bool:
    """Whether the promotion became ``live`` with this; False where it was, or has failed.

    Raises:
        NotFoundError: there is no such promotion.
        StorageError: the database can't be written.
    """
    if not _is_open(workspace, promotion_id):
        return False
    with act(workspace, SYSTEM, "promotion.live", subject=promotion_id) as deed:
        record = _lock(deed.connection, promotion_id)
        deed.nothing = record.status != "approved"
        if not deed.nothing:
            now = datetime.now(UTC)
            rows.update_promotion(deed.connection, promotion_id, status="live", live_at=now)
            deed.before = {"status": "approved"}
            deed.after = {"status": "live", "stage": record.stage, "version": record.version}
    # Also makes up for an approval whose process was killed before it could.
    publish_stages(workspace)
    return not deed.nothing


def mark_failed(workspace: Workspace, promotion_id: str, error: str) -> bool:
    """Whether the promotion failed with this; False where it was live or had failed already.

    The stage has the version before again, or none where there was none; a canary is gone.

    Args:
        workspace: whose.
        promotion_id: an approved one.
        error: why it failed; its first line is kept.

    Raises:
        NotFoundError: there is no such promotion.
        StorageError: the database can't be written.
    """
    if not _is_open(workspace, promotion_id):
        return False
    reason = next((line.strip() for line in error.splitlines() if line.strip()), "no reason was given")
    with act(workspace, SYSTEM, "promotion.fail", subject=promotion_id, reason=reason) as deed:
        record = _lock(deed.connection, promotion_id)
        deed.nothing = record.status != "approved"
        if not deed.nothing:
            _fail(deed, record, reason)
    if not deed.nothing:
        publish_stages(workspace)
    return not deed.nothing


def _fail(deed: Deed, record: PromotionRecord, reason: str) -> None:
    connection, now = deed.connection, datetime.now(UTC)
    rows.update_promotion(connection, record.id, status="failed", error=reason, ended_at=now)
    deed.before = {"status": "approved", "stage": record.stage, "version": record.version}
    deed.after = {"status": "failed", "stage": record.stage}
    if record.kind != "canary":
        present = find_present(rows.list_placements(connection, record.stage))
        set_stage(connection, record.stage, present, changed_at=now)
        deed.after["version"] = present
        return
    canary = find_contender(connection, record.stage, "canary")
    if canary is not None and canary.promotion_id == record.id:
        remove_contender(connection, record.stage, "canary")


def _is_open(workspace: Workspace, promotion_id: str) -> bool:
    """Whether there is anything to say; many servers ask, and only the first needs to write."""
    with workspace.database.read() as connection:
        return find_promotion(connection, promotion_id).status == "approved"


def _lock(connection: Connection, promotion_id: str) -> PromotionRecord:
    """The promotion, with its stage, which nobody else changes until the transaction ends."""
    lock_stage(connection, find_promotion(connection, promotion_id).stage, now=datetime.now(UTC))
    return find_promotion(connection, promotion_id)
