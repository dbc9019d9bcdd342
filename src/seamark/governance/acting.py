"""Doing something: the role is checked, the work is done and the event is written, in one transaction.

Every function that changes something goes through :func:`act`::

    with act(workspace, actor, "promotion.approve", subject=promotion_id, reason=reason) as deed:
        ...  # work on deed.connection
        deed.before, deed.after = {"status": "waiting"}, {"status": "approved"}

Where the block fails, nothing of it is kept, and no event. What somebody may not do is refused and
recorded as ``denied``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seamark.errors import NotAllowedError, UsageError
from seamark.governance.actions import get_action
from seamark.governance.anchor import publish_anchor
from seamark.storage.audit import append_event

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

DONE, DENIED = "done", "denied"
_LONGEST_SUBJECT = 300  # characters of what somebody asked for in vain


@dataclass(slots=True)
class Deed:
    """What is being done; set its facts before the block ends.

    Attributes:
        connection: the transaction.
        subject: what it is done to, such as an id.
        before: the facts that change, as they were.
        after: as they are now.
        reason: why, in the words of whoever asked.
        nothing: set it where nothing changed: no event is written then.
    """

    connection: Connection
    subject: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    nothing: bool = False


@contextmanager
def act(
    workspace: Workspace, actor: Actor, action: str, *, subject: str = "", reason: str = ""
) -> Iterator[Deed]:
    """A transaction in which ``actor`` does something, and which writes its audit event.

    Args:
        workspace: where.
        actor: who asks.
        action: a name of :data:`seamark.governance.actions.ACTIONS`.
        subject: what it is done to; the block may set it.
        reason: why.

    Raises:
        UsageError: subject or reason have characters that no text has.
        NotAllowedError: the actor's roles or scopes do not allow it; that is recorded.
        StorageError: the database can't be written.
    """
    _check_text("subject", subject)
    _check_text("reason", reason)
    require(workspace, actor, action, subject=subject)
    with workspace.database.begin() as connection:
        deed = Deed(connection, subject=subject, reason=reason)
        yield deed
        if not deed.nothing:
            record(connection, actor, action, deed)
    if not deed.nothing:
        publish_anchor(workspace)


def record(connection: Connection, actor: Actor, action: str, deed: Deed, *, outcome: str = DONE) -> None:
    """Append an event to the trail within a transaction that is open already; :func:`act` does so itself."""
    append_event(
        connection,
        actor=actor.name,
        actor_kind=actor.kind,
        via=actor.via,
        address=actor.address,
        action=action,
        subject=deed.subject,
        outcome=outcome,
        reason=deed.reason,
        before=deed.before,
        after=deed.after,
    )


def may(actor: Actor, action: str) -> bool:
    """Whether the actor's roles and scopes allow the action."""
    wanted = get_action(action)
    if actor.kind == "system":
        return wanted.system
    return bool(actor.roles.intersection(wanted.roles)) and _covers(actor.scopes, wanted.scope)


def require(workspace: Workspace, actor: Actor, action: str, *, subject: str = "") -> None:
    """See that the actor may do this; a refusal of what would change something is recorded.

    Raises:
        NotAllowedError: the actor may not; the message says what is needed.
    """
    if may(actor, action):
        return
    if get_action(action).scope == "write":
        _record_refusal(workspace, actor, action, subject)
    raise explain_refusal(actor, action)


def refuse(
    workspace: Workspace, actor: Actor, action: str, *, subject: str, found: str, expected: str
) -> NotAllowedError:
    """The error, which is recorded, for an actor whose roles allow the action, but not on this subject."""
    _record_refusal(workspace, actor, action, subject)
    return NotAllowedError(found, expected=expected)


def explain_refusal(actor: Actor, action: str) -> NotAllowedError:
    """The error for an actor who may not do something."""
    wanted = get_action(action)
    if actor.roles.intersection(wanted.roles) and not _covers(actor.scopes, wanted.scope):
        return NotAllowedError(
            f"this token of {actor.name} is for {', '.join(sorted(actor.scopes)) or 'nothing'}",
            expected=f"a token with the scope {wanted.scope}",
        )
    has = ", ".join(sorted(actor.roles)) or "no role"
    return NotAllowedError(
        f"{actor.name} ({has}) may not do this: {wanted.name}",
        expected=f"the role {' or '.join(wanted.roles)}" if wanted.roles else "Seamark itself",
    )


def _check_text(what: str, text: str) -> None:
    """Refuse what can't be kept everywhere, or would steer the terminal of whoever reads the trail."""
    kept = (character for character in text.replace("\r\n", "\n") if character not in "\t\n")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in kept):
        raise UsageError(f"the {what} has control characters", expected="text")


def _record_refusal(workspace: Workspace, actor: Actor, action: str, subject: str) -> None:
    refused_for = {"roles": sorted(actor.roles), "scopes": sorted(actor.scopes)}
    told = "".join(character if character.isprintable() else "?" for character in subject[:_LONGEST_SUBJECT])
    with workspace.database.begin() as connection:
        deed = Deed(connection, subject=told, before=refused_for)
        record(connection, actor, action, deed, outcome=DENIED)
    publish_anchor(workspace)


def _covers(scopes: frozenset[str], needed: str) -> bool:
    """A wider scope holds the narrower ones: write holds read, read holds predict."""
    order = ("predict", "read", "write")
    return any(scope in scopes for scope in order[order.index(needed) :])
