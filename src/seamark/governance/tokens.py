"""Tokens: what programs, and the command line, sign in with.

Choices:
- 256 random bits, so that guessing is hopeless and a plain SHA-256 suffices to keep.
- A token can do no more than its person: roles are looked up each time, so that a change of them, or
  barring the person, works on every token at once.
- A token with the scope ``write`` is made by its person alone, so that an administrator can't approve in
  somebody else's name what they asked for themselves.
- Whoever presents a token that isn't good is not told whether it was revoked or never was.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seamark.errors import ConflictError, NotAllowedError, NotFoundError, SignInError, UsageError
from seamark.governance.acting import act, may, refuse, require
from seamark.governance.actors import SCOPES, Actor, ActorKind
from seamark.storage import people as rows
from seamark.storage.ids import make_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.workspace import Workspace

LONGEST_DAYS = 3650
"""Days that a token works at most."""

_PREFIX = "smk_"
_BYTES = 32
_SECRET = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_LONGEST_TITLE = 200  # characters
_NOT_VALID = "this token is not valid"
_OWN = "one's own, or the role administrator"
_WRITE = "write"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as people may see it: without its secret.

    Attributes:
        id: its id, which is no secret.
        person: whose.
        title: what it is for, in the words of whoever made it.
        scopes: what it may be used for (:data:`seamark.governance.actors.SCOPES`).
        created_at: when, in UTC.
        expires_at: from when on it is good for nothing, in UTC.
        revoked_at: when it was revoked, in UTC; None: it wasn't.
    """

    id: str
    person: str
    title: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @property
    def status(self) -> str:
        """``valid``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= datetime.now(UTC) else "valid"


def create_token(
    workspace: Workspace,
    actor: Actor,
    *,
    person: str | None = None,
    title: str = "",
    scopes: Iterable[str] = ("predict",),
    days: int = 90,
) -> tuple[Token, str]:
    """A new token and its secret, which is kept nowhere and can't be shown again.

    Args:
        workspace: where it will work.
        actor: who asks; for others than themselves only administrators, and only tokens that change nothing.
        person: whose token; default: the actor's own.
        title: what it is for.
        scopes: what it may be used for; a wider scope holds the narrower ones.
        days: how long it works, 1-3650.

    Raises:
        NotAllowedError: the actor may not.
        UsageError: scopes, days or title are not possible.
        NotFoundError: there is no such person.
        ConflictError: the person is barred.
    """
    owner = actor.name if person is None else person
    chosen = _check_scopes(scopes)
    _check_limits(days, title)
    if not _is_own(actor, owner):
        raise _refuse_others(workspace, actor, "token.create", owner)
    if owner != actor.name and _WRITE in chosen:
        raise _refuse_impersonation(workspace, actor, owner)
    with act(workspace, actor, "token.create", subject=owner) as deed:
        record, secret = insert_token(deed.connection, owner, title=title, scopes=chosen, days=days)
        deed.after = describe_token(record)
    return to_token(record), secret


def revoke_token(workspace: Workspace, actor: Actor, token_id: str, *, reason: str = "") -> Token:
    """The token, which is good for nothing from now on; one revoked before stays as it is.

    Raises:
        NotAllowedError: the actor may not.
        NotFoundError: there is no such token, or none of the actor's own.
    """
    with act(workspace, actor, "token.revoke", subject=token_id, reason=reason) as deed:
        record = rows.find_token(deed.connection, token_id)
        if record is None or not _is_own(actor, record.person):
            raise NotFoundError(f"there is no token {token_id} of yours", hint="`seamark token list`")
        now = datetime.now(UTC)
        deed.nothing = not rows.revoke_token(deed.connection, token_id, revoked_at=now)
        deed.before, deed.after = {"revoked": False}, {"revoked": True, "person": record.person}
        changed = rows.find_token(deed.connection, token_id)
    return to_token(changed or record)


def list_tokens(workspace: Workspace, actor: Actor, *, person: str | None = None) -> list[Token]:
    """Tokens, the newest first: the actor's own; an administrator sees anybody's.

    Args:
        workspace: which.
        actor: who asks.
        person: whose; default: everybody's for an administrator, else the actor's own.

    Raises:
        NotAllowedError: the actor may not see that person's.
    """
    require(workspace, actor, "read")
    sees_all = may(actor, "people.read")
    if person not in (None, actor.name) and not sees_all:
        raise NotAllowedError(f"{actor.name} asks for the tokens of {person}", expected=_OWN)
    owner = person if person is not None or sees_all else actor.name
    with workspace.database.read() as connection:
        return [to_token(record) for record in rows.list_tokens(connection, person=owner)]


def authenticate(
    workspace: Workspace, secret: str, *, via: str = "http", address: str = "", kind: ActorKind = "token"
) -> Actor:
    """Who presents this token, with the roles they have now.

    Args:
        workspace: where.
        secret: what was presented.
        via: the door, as the audit trail names it.
        address: where from.
        kind: how the audit trail calls them; on the command line a token stands for its person.

    Raises:
        SignInError: the token is unknown, revoked, expired, or its person barred.
    """
    return identify(workspace, secret, via=via, address=address, kind=kind)[0]


def identify(
    workspace: Workspace, secret: str, *, via: str = "http", address: str = "", kind: ActorKind = "token"
) -> tuple[Actor, datetime]:
    """As :func:`authenticate`, with the time from when on the token is good for nothing, in UTC.

    Raises:
        SignInError: the token is unknown, revoked, expired, or its person barred.
    """
    if not _SECRET.fullmatch(secret):
        raise SignInError(_NOT_VALID)
    with workspace.database.read() as connection:
        found = rows.find_token_by_digest(connection, digest_secret(secret))
    if found is None or found[0].revoked_at is not None or not found[1].active:
        raise SignInError(_NOT_VALID)
    token, person = found
    if token.expires_at <= datetime.now(UTC):
        raise SignInError(f"this token of {person.name} expired on {token.expires_at:%Y-%m-%d}")
    actor = Actor(
        person.name,
        frozenset(person.roles),
        frozenset(token.scopes),
        kind=kind,
        via=via,
        address=address,
        token_id=token.id,
    )
    return actor, token.expires_at


def digest_secret(secret: str) -> str:
    """SHA-256 of a token's secret in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def insert_token(
    connection: Connection, person: str, *, title: str, scopes: tuple[str, ...], days: int
) -> tuple[rows.TokenRecord, str]:
    """A new token of a person and its secret, within a transaction that is open; nobody is asked.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: the person is barred.
    """
    owner = rows.find_person(connection, person)
    if owner is None:
        raise NotFoundError(f"there is nobody named {person}", hint="`seamark people list`")
    if not owner.active:
        raise ConflictError(f"{person} is barred", hint=f"`seamark people change {person} --active`")
    secret = _PREFIX + secrets.token_urlsafe(_BYTES)
    now = datetime.now(UTC)
    record = rows.TokenRecord(
        make_id("token"), digest_secret(secret), person, title, scopes, now, now + timedelta(days=days)
    )
    rows.add_token(connection, record)
    return record, secret


def describe_token(record: rows.TokenRecord) -> dict[str, object]:
    """What the audit trail keeps of a new token; never the secret, nor its digest."""
    return {
        "token": record.id,
        "title": record.title,
        "scopes": list(record.scopes),
        "expires_at": record.expires_at.isoformat(timespec="seconds"),
    }


def to_token(record: rows.TokenRecord) -> Token:
    """The token as people may see it."""
    return Token(
        record.id,
        record.person,
        record.title,
        record.scopes,
        record.created_at,
        record.expires_at,
        record.revoked_at,
    )


def _check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted = set(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        found = f"the scope {unknown[0]!r}" if unknown else "no scope"
        raise UsageError(found, expected=f"one or more of {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _check_limits(days: int, title: str) -> None:
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"a token of {days} days", expected=f"1 to {LONGEST_DAYS} days")
    if len(title) > _LONGEST_TITLE or not title.isprintable():
        raise UsageError(
            "the token's title is too long or has control characters",
            expected=f"at most {_LONGEST_TITLE} printable characters",
        )


def _is_own(actor: Actor, person: str) -> bool:
    return person == actor.name or "administrator" in actor.roles


def _refuse_impersonation(workspace: Workspace, actor: Actor, person: str) -> NotAllowedError:
    found = f"{actor.name} asks for a token of {person} with the scope {_WRITE}"
    expected = f"{person} to make it, signed in with their password, or the scopes predict and read"
    return refuse(workspace, actor, "token.create", subject=person, found=found, expected=expected)


def _refuse_others(workspace: Workspace, actor: Actor, action: str, person: str) -> NotAllowedError:
    found = f"{actor.name} asks for a token of {person}"
    return refuse(workspace, actor, action, subject=person, found=found, expected=_OWN)
