"""What must hold before a stage changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seamark.delivery.history import is_signed_off
from seamark.errors import ConflictError, NotFoundError, UsageError
from seamark.registry.stages import DEV, PROD, STAGES, UAT
from seamark.storage import promotions as rows
from seamark.storage.promotions import PromotionRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

ALL = 100.0
"""The share of a contender that sees every request, in per cent."""


def check_stage(stage: str) -> None:
    """See that there is such a stage.

    Raises:
        NotFoundError: there is none.
    """
    if stage not in STAGES:
        raise NotFoundError(f"there is no stage '{stage}'", expected=f"one of {', '.join(STAGES)}")


def check_share(share: float) -> None:
    """See that a share is one.

    Raises:
        UsageError: it is none.
    """
    if not 0 < share <= ALL:  # also what is no number
        raise UsageError(f"a share of {share:g}%", expected="more than 0 and at most 100")


def check_target(stage: str) -> None:
    """See that people promote to this stage.

    Raises:
        NotFoundError: there is no such stage.
        UsageError: it is DEV.
    """
    check_stage(stage)
    if stage == DEV:
        raise UsageError(
            "nobody promotes to dev: every version that is registered goes there by itself",
            expected=f"{UAT} or {PROD}",
        )


def check_promotion(
    connection: Connection, version: str, *, stage: str, kind: str, present: str | None
) -> None:
    """See that a version may be asked for, or put, on a stage now.

    Args:
        connection: a transaction.
        version: X.Y.Z.
        stage: ``uat`` or ``prod``.
        kind: ``promotion`` or ``canary``.
        present: the version on the stage.

    Raises:
        ConflictError: it may not.
    """
    if version == present:
        raise ConflictError(f"{version} is on {stage} already")
    if kind == "canary" and present is None:
        raise ConflictError(
            f"{stage} has no version that could answer the other requests",
            hint=f"`seamark promote {version} --to {stage}` without --canary",
        )
    if stage == PROD and not is_signed_off(rows.list_placements(connection, UAT), version):
        raise ConflictError(
            f"{version} is not signed off on {UAT}",
            expected=f"an approved promotion of it to {UAT} that was not rolled back since",
            hint=f"`seamark promote {version} --to {UAT}`",
        )


def find_promotion(connection: Connection, promotion_id: str) -> PromotionRecord:
    """The promotion with this id.

    Raises:
        NotFoundError: there is none; the message names the newest ones.
    """
    found = rows.find_promotion(connection, promotion_id)
    if found is not None:
        return found
    newest = [each.id for each in rows.list_promotions(connection, limit=3)]
    raise NotFoundError(
        f"no promotion has the id '{promotion_id}'",
        expected=f"one such as {', '.join(newest)}" if newest else "none: nothing was promoted yet",
        hint="`seamark promotions list`",
    )
