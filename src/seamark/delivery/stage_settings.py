"""How each stage is served, as people set it; servers follow within a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.delivery.rules import check_stage
from seamark.governance.acting import act
from seamark.settings import StageSettings, change_stage_settings
from seamark.storage.contenders import read_stage_values, set_stage_values
from seamark.storage.stages import lock_stage

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace


def read_stage_settings(workspace: Workspace, stage: str) -> StageSettings:
    """How a stage is served; what nobody set has its default.

    Raises:
        NotFoundError: there is no such stage.
    """
    check_stage(stage)
    with workspace.database.read() as connection:
        return parse_stage_values(read_stage_values(connection).get(stage, {}))


def parse_stage_values(values: Mapping[str, Any]) -> StageSettings:
    """The settings of a stage from what is kept of them; what only another release of Seamark knows is left out."""
    known = {name: value for name, value in values.items() if name in StageSettings.__dataclass_fields__}
    return change_stage_settings(StageSettings(), known)


def set_stage(
    workspace: Workspace, actor: Actor, stage: str, changes: Mapping[str, Any], *, reason: str = ""
) -> StageSettings:
    """The stage's settings after a change.

    Args:
        workspace: whose.
        actor: who asks.
        stage: ``dev``, ``uat`` or ``prod``.
        changes: key → new value, or its text; None gives back the default.
        reason: why.

    Raises:
        NotFoundError: there is no such stage.
        UsageError: there is no such setting, or a value is malformed; nothing is changed then.
        NotAllowedError: the actor may not.
    """
    check_stage(stage)
    with act(workspace, actor, "stage.set", subject=stage, reason=reason) as deed:
        now = datetime.now(UTC)
        lock_stage(deed.connection, stage, now=now)
        kept = read_stage_values(deed.connection).get(stage, {})
        before = parse_stage_values(kept)
        after = change_stage_settings(before, changes)
        wanted = {name: getattr(after, name) for name, value in changes.items() if value is not None}
        values = {name: value for name, value in kept.items() if name not in changes} | wanted
        deed.nothing = values == kept
        if not deed.nothing:
            set_stage_values(deed.connection, stage, values, changed_at=now)
            deed.before, deed.after = (
                {name: asdict(each)[name] for name in changes} for each in (before, after)
            )
    return after
