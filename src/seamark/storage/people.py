"""Rows of people and of their tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from seamark.storage.facts import lock_workspace_id
from seamark.storage.inserting import try_insert
from seamark.storage.tables import people, tokens


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """Somebody with an account.

    Attributes:
        name: what they sign in with.
        roles: names of :data:`seamark.governance.actors.ROLES`.
        password_hash: of argon2id; empty: nobody can sign in with a password.
        active: False: barred; neither password nor tokens work.
        simulated: made up for a demonstration.
        created_at: when, in UTC.
        changed_at: when roles, password or ``active`` changed last, in UTC.
    """

    name: str
    roles: tuple[str, ...]
    password_hash: str = field(repr=False)
    active: bool
    simulated: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is kept of a token.

    Attributes:
        id: its id, which is no secret.
        digest: SHA-256 of the secret in hex.
        person: whose.
        title: what it is for.
        scopes: names of :data:`seamark.governance.actors.SCOPES`.
        created_at: when, in UTC.
        expires_at: from when on it is good for nothing, in UTC.
        revoked_at: when it was revoked, in UTC; None: it wasn't.
    """

    id: str
    digest: str = field(repr=False)
    person: str
    title: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


_PERSON = [people.c[name] for name in PersonRecord.__dataclass_fields__]
_TOKEN = [tokens.c[name] for name in TokenRecord.__dataclass_fields__]


def lock_people(connection: Connection) -> None:
    """Let nobody else add or change a person until the transaction ends."""
    lock_workspace_id(connection)


def list_people(connection: Connection) -> list[PersonRecord]:
    """Everybody, by name."""
    return [_read_person(row) for row in connection.execute(select(*_PERSON).order_by(people.c.name))]


def find_person(connection: Connection, name: str) -> PersonRecord | None:
    """The person of this name; None where there is none."""
    row = connection.execute(select(*_PERSON).where(people.c.name == name)).one_or_none()
    return None if row is None else _read_person(row)


def has_people(connection: Connection) -> bool:
    """Whether anybody has an account."""
    return connection.execute(select(people.c.name).limit(1)).first() is not None


def add_person(connection: Connection, person: PersonRecord) -> bool:
    """Whether the person was added; False where the name is taken."""
    return try_insert(connection, insert(people).values(**_to_row(person)))


def change_person(connection: Connection, name: str, **values: Any) -> None:
    """Set columns of a person."""
    row = _to_lists(values)
    connection.execute(update(people).where(people.c.name == name).values(**row))


def add_token(connection: Connection, token: TokenRecord) -> None:
    """Insert a token."""
    connection.execute(insert(tokens).values(**_to_row(token)))


def find_token(connection: Connection, token_id: str) -> TokenRecord | None:
    """The token with this id; None where there is none."""
    row = connection.execute(select(*_TOKEN).where(tokens.c.id == token_id)).one_or_none()
    return None if row is None else _read_token(row)


def find_token_by_digest(connection: Connection, digest: str) -> tuple[TokenRecord, PersonRecord] | None:
    """The token whose secret has this digest, with its person; None where there is none."""
    query = select(*_TOKEN, *_PERSON).join(people, people.c.name == tokens.c.person)
    row = connection.execute(query.where(tokens.c.digest == digest)).one_or_none()
    if row is None:
        return None
    return _read_token(row[: len(_TOKEN)]), _read_person(row[len(_TOKEN) :])


def list_tokens(connection: Connection, *, person: str | None = None) -> list[TokenRecord]:
    """The tokens of a person, or of everybody, the newest first."""
    query = select(*_TOKEN).order_by(tokens.c.created_at.desc(), tokens.c.id)
    query = query if person is None else query.where(tokens.c.person == person)
    return [_read_token(row) for row in connection.execute(query)]


def revoke_token(connection: Connection, token_id: str, *, revoked_at: datetime) -> bool:
    """Whether the token was revoked by this; False where it was already, or there is none."""
    query = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    return bool(connection.execute(query.values(revoked_at=revoked_at)).rowcount)


def _read_person(row: Any) -> PersonRecord:
    name, roles, *rest = row
    return PersonRecord(name, tuple(roles), *rest)


def _read_token(row: Any) -> TokenRecord:
    token_id, digest, person, title, scopes, *rest = row
    return TokenRecord(token_id, digest, person, title, tuple(scopes), *rest)


def _to_row(record: PersonRecord | TokenRecord) -> dict[str, Any]:
    return _to_lists(asdict(record))


def _to_lists(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
