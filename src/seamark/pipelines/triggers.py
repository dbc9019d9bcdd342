"""What starts a pipeline run: six kinds of events, each of which counts once.

A trigger is known by its kind and its key. The same event again gives the run that it started the first
time, and starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.errors import UsageError
from seamark.governance.acting import act, require
from seamark.storage import runs as rows
from seamark.storage.ids import make_id
from seamark.storage.runs import RunRecord

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

# kind → the pipeline it starts
KINDS = {
    "code-update": "build",
    "skills-update": "skills-update",
    "performance-drop": "build",
    "drift": "build",
    "schedule": "build",
    "manual": "build",
}

# kind → what its payload must name; that is its key as well
_NEEDED = {"code-update": "commit", "performance-drop": "window", "drift": "window"}
_LONGEST_KEY = 200


def fire(
    workspace: Workspace,
    actor: Actor,
    kind: str,
    *,
    key: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> tuple[RunRecord, bool]:
    """The run that this event starts, and whether it is new; the same event again starts nothing.

    The run is queued; a worker takes it from there.

    Args:
        workspace: where.
        actor: who asks; the payload keeps the name as ``who``.
        kind: ``code-update``, ``skills-update``, ``performance-drop``, ``drift``, ``schedule`` or
            ``manual``.
        key: what makes the event one event. Default: the commit, the release, the window,
            the hour, or for ``manual`` a new one each time.
        payload: what the pipeline should know. ``code-update`` needs ``commit``; ``performance-drop`` and
            ``drift`` need ``window``; ``skills-update`` takes ``taxonomy`` (``NAME@X.Y.Z``; default: the
            newest release of the live taxonomy) and ``force``, for one that lacks too many skills.

    Raises:
        NotAllowedError: the actor may not start pipeline runs.
        UsageError: no such kind; the payload lacks what the kind needs; no such release.
        StorageError: the database can't be written.
    """
    require(workspace, actor, "trigger.fire", subject=kind)
    if kind not in KINDS:
        raise UsageError(f"no trigger is called '{kind}'", expected=f"one of {', '.join(KINDS)}")
    told = {**(payload or {}), "who": actor.name}
    own_key = _complete(workspace, kind, told)
    key = _check_key(own_key if key is None else key)
    with act(workspace, actor, "trigger.fire", subject=kind) as deed:
        run, created = rows.add_triggered_run(
            deed.connection, kind=kind, key=key, payload=told, pipeline=KINDS[kind]
        )
        deed.subject, deed.nothing = run.id, not created
        deed.after = {"trigger": kind, "key": key, "pipeline": run.pipeline, "status": run.status}
    return run, created


def make_slot_key(slot: datetime) -> str:
    """The key of a schedule's slot: its date and hour in UTC, and its minute where that is not 0."""
    return f"{slot.astimezone(UTC):{'%Y-%m-%dT%H' if slot.minute == 0 else '%Y-%m-%dT%H:%M'}}"


def _complete(workspace: Workspace, kind: str, payload: dict[str, Any]) -> str:
    """The key that the payload gives; what a skills update leaves open is put into the payload."""
    if kind == "skills-update":
        return _complete_update(workspace, payload)
    if kind in _NEEDED:
        return _read_needed(kind, payload)
    if kind == "schedule":
        return make_slot_key(datetime.now(UTC).replace(minute=0))
    return make_id("manual")


def _complete_update(workspace: Workspace, payload: dict[str, Any]) -> str:
    from seamark.registry.releases import find_release, get_live_release

    wanted = payload.get("taxonomy")
    release = find_release(workspace, str(wanted)) if wanted else get_live_release(workspace)
    payload["taxonomy"] = reference = f"{release.name}@{release.number}"
    # Not its digest: a taxonomy that goes back to what it was has a new release with an old content.
    return f"{reference} forced" if payload.get("force") else reference


def _read_needed(kind: str, payload: Mapping[str, Any]) -> str:
    name = _NEEDED[kind]
    value = payload.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(
            f"the trigger '{kind}' does not say which {name} it is about",
            expected=f"a payload with '{name}'",
            hint="--commit SHA" if name == "commit" else f'--payload \'{{"{name}": "2026-W47"}}\'',
        )
    return value.strip()


def _check_key(key: str) -> str:
    if not key.strip() or len(key) > _LONGEST_KEY:
        raise UsageError(f"the key {key[:40]!r}", expected=f"1 to {_LONGEST_KEY} characters")
    return key
