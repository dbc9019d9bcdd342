"""Promotions and stages as JSON: what the command line and the HTTP service answer with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seamark.delivery.desired import DesiredContender, DesiredStage, read_desired
from seamark.delivery.history import Entry, find_previous, stack_placements
from seamark.delivery.rules import check_stage
from seamark.storage import promotions as rows
from seamark.storage import stages as stage_rows

if TYPE_CHECKING:
    from seamark.storage.promotions import PromotionRecord
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StageState:
    """A stage as people look at it.

    Attributes:
        desired: what it should run.
        changed_at: since when it has its version, in UTC; None: it never had one.
        history: its versions, the present one last.
        previous: what a rollback would give back; None: nothing.
    """

    desired: DesiredStage
    changed_at: datetime | None
    history: tuple[Entry, ...]
    previous: Entry | None


def describe_promotion(promotion: PromotionRecord) -> dict[str, Any]:
    """A promotion, ready for JSON; its id is ``promotion``."""
    facts = asdict(promotion)
    told = {name: _show(value) for name, value in facts.items() if name != "id"}
    return {"promotion": promotion.id, **told}


def read_stage_states(workspace: Workspace) -> dict[str, StageState]:
    """Stage → its state, for every stage in the order of promotion."""
    desired = read_desired(workspace)
    with workspace.database.read() as connection:
        since = {each.name: each.changed_at for each in stage_rows.list_stages(connection) if each.version}
        placements = {name: rows.list_placements(connection, name) for name in desired}
    return {
        name: StageState(
            each, since.get(name), tuple(stack_placements(placements[name])), find_previous(placements[name])
        )
        for name, each in desired.items()
    }


def read_stage_state(workspace: Workspace, stage: str) -> StageState:
    """One stage's state.

    Raises:
        NotFoundError: there is no such stage.
    """
    check_stage(stage)
    return read_stage_states(workspace)[stage]


def describe_stage_state(state: StageState) -> dict[str, Any]:
    """A stage, ready for JSON."""
    desired = state.desired
    return {
        "stage": desired.stage,
        "version": desired.version,
        "manifest_digest": desired.manifest_digest or None,
        "changed_at": _show(state.changed_at),
        "promotion": desired.promotion_id,
        "promotion_status": desired.promotion_status or None,
        "previous": state.previous.version if state.previous else None,
        "shadow": _describe_contender(desired.shadow),
        "canary": _describe_contender(desired.canary),
        "settings": {each.name: getattr(desired.settings, each.name) for each in fields(desired.settings)},
    }


def _describe_contender(contender: DesiredContender | None) -> dict[str, Any] | None:
    if contender is None:
        return None
    return {"version": contender.version, "share": contender.share, "promotion": contender.promotion_id}


def _show(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
