"""People who ask for something in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from seamark.governance.actors import Actor

if TYPE_CHECKING:
    from seamark.governance.tokens import Token
    from seamark.storage.audit import AuditEvent
    from seamark.storage.workspace import Workspace


def make_actor(
    name: str, *roles: str, via: str = "cli", kind: Literal["person", "token", "system"] = "person"
) -> Actor:
    """Somebody with these roles."""
    return Actor(name, frozenset(roles), via=via, kind=kind, address="test-host")


ADMIN = make_actor("ada", "administrator")
"""Somebody who may do everything a person may."""


def make_token(
    workspace: Workspace, name: str, *roles: str, scopes: Sequence[str] = ("write",)
) -> tuple[Token, str]:
    """A token, and its secret, of a new person with these roles."""
    from seamark.governance.people import add_person
    from seamark.governance.tokens import create_token

    add_person(workspace, ADMIN, name, roles=roles)
    return create_token(workspace, make_actor(name, *roles), scopes=scopes)


def sign_in(workspace: Workspace, name: str = ADMIN.name, *roles: str) -> None:
    """Let a new person, by default an administrator, be who asks at this workspace's command line.

    Copies of the workspace have the same person signed in.
    """
    from seamark.cli._people import keep_token

    keep_token(workspace, *make_token(workspace, name, *(roles or ("administrator",))))


def list_audit(workspace: Workspace, action: str | None = None) -> list[AuditEvent]:
    """The audit trail's events, of one action where it is given, the oldest first."""
    from seamark.storage.audit import AuditEvent
    from seamark.storage.trail import open_trail

    with open_trail(workspace.database) as trail:
        events = list(trail.events)
    whole = [event for event in events if isinstance(event, AuditEvent)]
    assert len(whole) == len(events), "a row of the audit trail can't be read"
    return [event for event in whole if action in (None, event.action)]
