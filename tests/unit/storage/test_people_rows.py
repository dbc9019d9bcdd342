from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from seamark.storage import facts, people
from seamark.storage.database import migrate, open_database
from seamark.storage.people import PersonRecord, TokenRecord

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
ADA = PersonRecord("ada", ("viewer", "administrator"), "a hash", True, False, NOW, NOW)
TOKEN = TokenRecord("token-1", "d" * 64, "ada", "laptop", ("read", "write"), NOW, NOW + timedelta(days=1))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = open_database(f"sqlite:///{tmp_path / 'rows.db'}")
    migrate(database)
    with database.begin() as opened:
        yield opened
    database.close()


def test_a_person_comes_back_as_they_went_in(connection: Connection) -> None:
    assert not people.has_people(connection)
    assert people.add_person(connection, ADA)
    assert people.has_people(connection)
    assert people.find_person(connection, "ada") == ADA
    assert people.find_person(connection, "Ada") is None
    assert people.list_people(connection) == [ADA]


def test_a_name_that_is_taken_adds_nobody(connection: Connection) -> None:
    people.add_person(connection, ADA)
    assert not people.add_person(connection, replace(ADA, roles=()))
    assert people.list_people(connection) == [ADA]


def test_columns_of_one_person_are_changed(connection: Connection) -> None:
    bob = replace(ADA, name="bob")
    people.add_person(connection, bob)
    people.add_person(connection, ADA)
    people.change_person(connection, "bob", roles=("viewer",), active=False)
    assert people.list_people(connection) == [ADA, replace(bob, roles=("viewer",), active=False)]


def test_a_token_comes_back_as_it_went_in_with_its_person(connection: Connection) -> None:
    people.add_person(connection, ADA)
    people.add_token(connection, TOKEN)
    assert people.find_token(connection, "token-1") == TOKEN
    assert people.find_token_by_digest(connection, "d" * 64) == (TOKEN, ADA)
    assert people.find_token(connection, "token-2") is None
    assert people.find_token_by_digest(connection, "e" * 64) is None


def test_tokens_are_listed_newest_first_and_by_person(connection: Connection) -> None:
    people.add_person(connection, ADA)
    people.add_person(connection, replace(ADA, name="bob"))
    newer = replace(TOKEN, id="token-2", digest="e" * 64, person="bob", created_at=NOW + timedelta(seconds=1))
    people.add_token(connection, TOKEN)
    people.add_token(connection, newer)
    assert people.list_tokens(connection) == [newer, TOKEN]
    assert people.list_tokens(connection, person="ada") == [TOKEN]
    assert people.list_tokens(connection, person="eve") == []


def test_a_token_is_revoked_once(connection: Connection) -> None:
    people.add_person(connection, ADA)
    people.add_token(connection, TOKEN)
    assert people.revoke_token(connection, "token-1", revoked_at=NOW)
    assert not people.revoke_token(connection, "token-1", revoked_at=NOW + timedelta(days=9))
    assert not people.revoke_token(connection, "token-2", revoked_at=NOW)
    assert people.find_token(connection, "token-1") == replace(TOKEN, revoked_at=NOW)


@pytest.mark.parametrize("token", [replace(TOKEN, person="nobody"), replace(TOKEN, id="token-2")])
def test_a_token_of_nobody_or_with_the_digest_of_another_is_refused(
    connection: Connection, token: TokenRecord
) -> None:
    people.add_person(connection, ADA)
    people.add_token(connection, TOKEN)
    with pytest.raises(IntegrityError):
        people.add_token(connection, token)


def test_secrets_are_not_in_what_is_printed() -> None:
    assert "a hash" not in repr(ADA)
    assert "d" * 64 not in repr(TOKEN)


def test_the_id_of_a_workspace_is_made_when_it_is_locked_and_stays(connection: Connection) -> None:
    assert facts.read_workspace_id(connection) is None
    made = facts.lock_workspace_id(connection)
    assert len(made) == 32
    people.lock_people(connection)
    assert facts.lock_workspace_id(connection) == facts.read_workspace_id(connection) == made
