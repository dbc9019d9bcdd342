"""People: who has an account, and what they are.

A change of somebody's roles works on their tokens at once, and so does barring them. One administrator who
is not barred is always left. The names of :data:`RESERVED` mean others than people in the audit trail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seamark.errors import ConflictError, NotFoundError, UsageError
from seamark.governance.acting import Deed, act, record, refuse, require
from seamark.governance.actors import ROLES, SYSTEM, Actor
from seamark.governance.anchor import publish_anchor
from seamark.governance.passwords import check_password_rules, hash_password
from seamark.storage import people as rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.workspace import Workspace

ADMINISTRATOR = "administrator"
"""The role that looks after people; also the name of the first one where no other is possible."""

RESERVED = (SYSTEM.name, "anonymous")
"""Names that nobody can have."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, as others may see them.

    Attributes:
        name: what they sign in with.
        roles: what they are, names of :data:`seamark.governance.actors.ROLES`.
        active: False: barred; neither password nor tokens work.
        has_password: whether they can sign in with one.
        simulated: made up for a demonstration.
        created_at: when, in UTC.
        changed_at: when any of this, or the password, changed last, in UTC.
    """

    name: str
    roles: tuple[str, ...]
    active: bool
    has_password: bool
    simulated: bool
    created_at: datetime
    changed_at: datetime


def can_be_name(name: str) -> bool:
    """Whether a person can have this name."""
    return _NAME.fullmatch(name) is not None and name.casefold() not in RESERVED


def list_people(workspace: Workspace, actor: Actor) -> list[Person]:
    """Everybody, by name.

    Raises:
        NotAllowedError: the actor may not see that.
    """
    require(workspace, actor, "people.read")
    with workspace.database.read() as connection:
        return [_to_person(found) for found in rows.list_people(connection)]


def has_people(workspace: Workspace) -> bool:
    """Whether anybody has an account; in a workspace of an older Seamark nobody has."""
    with workspace.database.read() as connection:
        return rows.has_people(connection)


def add_person(
    workspace: Workspace,
    actor: Actor,
    name: str,
    *,
    roles: Iterable[str],
    password: str = "",
    simulated: bool = False,
) -> Person:
    """A new person.

    Args:
        workspace: where.
        actor: who asks.
        name: 1-64 letters, digits and ``. _ - @``, a letter or digit first; no other's, in whatever case.
        roles: one or more of :data:`seamark.governance.actors.ROLES`.
        password: at least 12 characters; default: none, so that only tokens work.
        simulated: made up for a demonstration.

    Raises:
        NotAllowedError: the actor may not.
        UsageError: name, roles or password are not possible.
        ConflictError: the name is taken.
    """
    made = _make_record(name, roles, password, simulated=simulated)
    with act(workspace, actor, "people.add", subject=name) as deed:
        rows.lock_people(deed.connection)
        _insert(deed, made)
    return _to_person(made)


def add_first_administrator(
    workspace: Workspace, name: str, *, password: str = "", via: str = "cli", address: str = ""
) -> Person:
    """The workspace's first person, an administrator; nobody is asked, since there is nobody to ask.

    Args:
        workspace: one in which nobody has an account.
        name: see :func:`add_person`.
        password: at least 12 characters; default: none.
        via: the door, as the audit trail names it.
        address: where from.

    Raises:
        UsageError: name or password are not possible.
        ConflictError: somebody has an account already.
    """
    made = _make_record(name, (ADMINISTRATOR,), password)
    actor = Actor(name, frozenset(made.roles), via=via, address=address)
    with workspace.database.begin() as connection:
        rows.lock_people(connection)
        if rows.has_people(connection):
            raise ConflictError(
                "there are people in this workspace already", hint="an administrator can add more"
            )
        deed = Deed(connection, subject=name)
        _insert(deed, made)
        record(connection, actor, "people.add", deed)
    publish_anchor(workspace)
    return _to_person(made)


def change_person(
    workspace: Workspace,
    actor: Actor,
    name: str,
    *,
    roles: Iterable[str] | None = None,
    active: bool | None = None,
    reason: str = "",
) -> Person:
    """The person with other roles, or barred, or no longer barred; their tokens follow at once.

    Args:
        workspace: where.
        actor: who asks.
        name: whose.
        roles: all the roles from now on; default: as they are.
        active: False bars the person; default: as it is.
        reason: why.

    Raises:
        NotAllowedError: the actor may not.
        UsageError: the roles are not possible.
        NotFoundError: there is nobody of this name.
        ConflictError: no administrator would be left.
    """
    wanted = None if roles is None else _check_roles(roles)
    with act(workspace, actor, "people.change", subject=name, reason=reason) as deed:
        rows.lock_people(deed.connection)
        before = find_person(deed.connection, name)
        values: dict[str, Any] = {
            "roles": before.roles if wanted is None else wanted,
            "active": before.active if active is None else active,
        }
        deed.before, deed.after = {"roles": before.roles, "active": before.active}, values
        deed.nothing = deed.before == deed.after
        if not deed.nothing:
            rows.change_person(deed.connection, name, **values, changed_at=datetime.now(UTC))
            _require_administrator(deed.connection)
        return _to_person(find_person(deed.connection, name))


def set_password(workspace: Workspace, actor: Actor, name: str, password: str) -> Person:
    """The person, who signs in with this password from now on.

    Args:
        workspace: where.
        actor: who asks; for others than themselves only administrators.
        name: whose.
        password: at least 12 characters, and not the name.

    Raises:
        NotAllowedError: the actor may not.
        UsageError: the password is not possible.
        NotFoundError: there is nobody of this name.
    """
    if name != actor.name and ADMINISTRATOR not in actor.roles:
        raise refuse(
            workspace,
            actor,
            "people.password",
            subject=name,
            found=f"{actor.name} sets the password of {name}",
            expected="one's own, or the role administrator",
        )
    check_password_rules(name, password)
    kept = hash_password(password)
    with act(workspace, actor, "people.password", subject=name) as deed:
        rows.lock_people(deed.connection)
        before = find_person(deed.connection, name)
        deed.before, deed.after = {"password": bool(before.password_hash)}, {"password": True}
        rows.change_person(deed.connection, name, password_hash=kept, changed_at=datetime.now(UTC))
        return _to_person(find_person(deed.connection, name))


def find_person(connection: Connection, name: str) -> rows.PersonRecord:
    """What is kept of the person of this name.

    Raises:
        NotFoundError: there is nobody of this name.
    """
    found = rows.find_person(connection, name)
    if found is None:
        raise NotFoundError(f"there is nobody named {name}", hint="`seamark people list`")
    return found


def _make_record(
    name: str, roles: Iterable[str], password: str, *, simulated: bool = False
) -> rows.PersonRecord:
    if not can_be_name(name):
        raise UsageError(
            f"the name {name!r}",
            expected="1-64 letters, digits and . _ - @, a letter or digit first, and none of "
            + ", ".join(RESERVED),
        )
    chosen = _check_roles(roles)
    if password:
        check_password_rules(name, password)
    kept = hash_password(password) if password else ""
    now = datetime.now(UTC)
    return rows.PersonRecord(name, chosen, kept, True, simulated, now, now)


def _insert(deed: Deed, made: rows.PersonRecord) -> None:
    for other in rows.list_people(deed.connection):
        # Two names that look the same would be one person to whoever reads the trail.
        if other.name.casefold() == made.name.casefold():
            raise ConflictError(f"the name {other.name} is taken", hint="another name")
    rows.add_person(deed.connection, made)
    deed.after = {
        "roles": made.roles,
        "active": made.active,
        "password": bool(made.password_hash),
        "simulated": made.simulated,
    }


def _check_roles(roles: Iterable[str]) -> tuple[str, ...]:
    wanted = set(roles)
    unknown = sorted(wanted.difference(ROLES))
    if unknown or not wanted:
        found = f"the role {unknown[0]!r}" if unknown else "no role"
        raise UsageError(found, expected=f"one or more of {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in wanted)


def _require_administrator(connection: Connection) -> None:
    if not any(one.active and ADMINISTRATOR in one.roles for one in rows.list_people(connection)):
        raise ConflictError(
            "no administrator would be left",
            hint="make somebody else one first: `seamark people change NAME --role administrator`",
        )


def _to_person(found: rows.PersonRecord) -> Person:
    return Person(
        found.name,
        found.roles,
        found.active,
        bool(found.password_hash),
        found.simulated,
        found.created_at,
        found.changed_at,
    )
