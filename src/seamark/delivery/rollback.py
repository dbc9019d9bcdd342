"""Putting a stage's previous version back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seamark.delivery.contenders import end_contender
from seamark.delivery.history import find_previous
from seamark.delivery.publishing import publish_stages
from seamark.delivery.rules import check_stage
from seamark.errors import ConflictError
from seamark.governance.acting import act
from seamark.storage import promotions as rows
from seamark.storage.ids import make_id
from seamark.storage.promotions import PromotionRecord
from seamark.storage.stages import lock_stage, set_stage

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace


def roll_back(workspace: Workspace, actor: Actor, *, stage: str, reason: str = "") -> PromotionRecord:
    """The rollback, done: the version before the present one is on the stage again, and its canary is gone.

    Rolled back again, the stage gets the version before that one.

    Args:
        workspace: whose.
        actor: who asks.
        stage: ``dev``, ``uat`` or ``prod``.
        reason: why.

    Raises:
        NotFoundError: there is no such stage.
        ConflictError: there is nothing to go back to.
        NotAllowedError: the actor may not.
        StorageError: the database can't be written.
    """
    check_stage(stage)
    with act(workspace, actor, "stage.rollback", subject=stage, reason=reason) as deed:
        connection, now = deed.connection, datetime.now(UTC)
        present = lock_stage(connection, stage, now=now).version
        previous = find_previous(rows.list_placements(connection, stage))
        if previous is None:
            raise ConflictError(f"{stage} has had no version before {present or 'its first one'}")
        now = rows.choose_moment(connection, stage, now)
        done = PromotionRecord(
            id=make_id("promotion"),
            stage=stage,
            version=previous.version,
            kind="rollback",
            status="approved",
            requested_by=actor.name,
            requested_at=now,
            replaces=present,
            reason=reason,
            evidence={"returns_to": previous.promotion_id},
            decided_by=actor.name,
            decided_at=now,
        )
        rows.add_promotion(connection, done)
        set_stage(connection, stage, previous.version, changed_at=now)
        end_contender(connection, stage, "canary", at=now)
        end_contender(connection, stage, "shadow", at=now, version=previous.version)
        deed.before = {"version": present}
        deed.after = {"version": previous.version, "promotion": done.id}
    publish_stages(workspace)
    return done
