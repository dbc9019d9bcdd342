"""Every check here holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from seamark.errors import StorageError
from seamark.storage import tables
from seamark.storage.database import (
    REVISION,
    Database,
    check_revision,
    migrate,
    open_database,
    read_revision,
)

NOW = datetime(2026, 11, 21, 9, 15, 30, 123456, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    migrate(opened)
    yield opened
    opened.close()


def _add_fact(database: Database, key: str, value: object) -> None:
    with database.begin() as connection:
        connection.execute(insert(tables.workspace_facts).values(key=key, value=value))


def _count_facts(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.workspace_facts)).scalar_one()


def test_migrations_lead_to_exactly_the_tables_of_the_code(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_migrations_make_the_checks_and_keys_by_the_names_of_the_code(database, table):
    found = inspect(database.engine)
    checks = {item["name"] for item in found.get_check_constraints(table.name)}
    uniques = {item["name"] for item in found.get_unique_constraints(table.name)}
    foreign = {item["name"] for item in found.get_foreign_keys(table.name)}
    named = {str(item.name) for item in table.constraints}
    assert checks | uniques | foreign | {f"pk_{table.name}"} == named
    assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_a_new_database_has_no_revision_until_it_is_migrated(database_url):
    database = open_database(database_url)
    assert read_revision(database) is None
    assert not check_revision(database)
    migrate(database)
    assert read_revision(database) == REVISION
    assert check_revision(database)
    database.close()


def test_migrating_again_keeps_what_is_there(database):
    _add_fact(database, "taxonomy", "esco")
    migrate(database)
    assert _count_facts(database) == 1


def test_a_database_newer_than_the_code_is_refused_with_both_revisions(database):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for action in (check_revision, migrate):
        with pytest.raises(StorageError, match=rf"9999.*{REVISION}.*upgrade Seamark"):
            action(database)


def test_a_migration_that_fails_leaves_nothing_behind(database_url, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    database = open_database(database_url)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.operations.base.Operations.create_index", fail)
        with pytest.raises(RuntimeError, match="killed"):
            migrate(database)
    assert inspect(database.engine).get_table_names() == []
    migrate(database)
    assert check_revision(database)
    database.close()


def test_a_block_that_fails_writes_nothing(database):
    def fail() -> None:
        with database.begin() as connection:
            connection.execute(insert(tables.workspace_facts).values(key="a", value=1))
            raise KeyError("a")

    with pytest.raises(KeyError):
        fail()
    assert _count_facts(database) == 0


def test_a_reader_can_not_write(database):
    with pytest.raises(StorageError, match="may not be written"), database.read() as connection:
        connection.execute(insert(tables.workspace_facts).values(key="a", value=1))
    _add_fact(database, "a", 1)  # the connection went back fit for writing
    assert _count_facts(database) == 1


def test_a_reader_sees_what_was_committed_and_waits_for_no_writer(database):
    _add_fact(database, "a", 1)
    with database.begin() as connection:
        connection.execute(insert(tables.workspace_facts).values(key="b", value=2))
        assert _count_facts(database) == 1
    assert _count_facts(database) == 2


def test_a_broken_rule_is_the_callers_to_handle(database):
    _add_fact(database, "a", 1)
    with pytest.raises(IntegrityError):
        _add_fact(database, "a", 2)
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(insert(tables.stages).values(name="dev", version="9.9.9", changed_at=NOW))


def test_a_status_that_does_not_exist_is_refused(database):
    row = {"id": "run-1", "pipeline": "build", "created_at": NOW}
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(insert(tables.runs).values(status="sleeping", **row))
    with database.begin() as connection:
        connection.execute(insert(tables.runs).values(status="queued", **row))


@pytest.mark.parametrize("hours", [0, 8, -11])
def test_times_come_back_in_utc_to_the_microsecond(database, hours):
    given = NOW.astimezone(timezone(timedelta(hours=hours)))
    with database.begin() as connection:
        connection.execute(insert(tables.generations).values(number=1, opened_at=given))
    with database.read() as connection:
        found = connection.execute(select(tables.generations)).one()
    assert found.opened_at == NOW
    assert found.opened_at.tzinfo is UTC
    assert found.frozen_at is None


def test_a_time_without_a_zone_is_refused(database):
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(StatementError, match="no time zone"), database.begin() as connection:
        connection.execute(insert(tables.generations).values(number=1, opened_at=naive))


@pytest.mark.parametrize("value", [{"b": 1, "a": [1, 2.5, None, "ü 技能"]}, [], "text", 0, False])
def test_json_comes_back_as_it_was_given(database, value):
    _add_fact(database, "a", value)
    with database.read() as connection:
        found = connection.execute(select(tables.workspace_facts.c.value)).scalar_one()
    assert found == value
    if isinstance(value, dict):
        assert list(found) == list(value)


def test_nothing_as_json_is_null(database):
    _add_fact(database, "a", None)
    with database.read() as connection:
        nulls = select(func.count()).where(tables.workspace_facts.c.value.is_(None))
        assert connection.execute(nulls).scalar_one() == 1


def test_large_version_numbers_and_sizes_fit(database):
    with database.begin() as connection:
        connection.execute(
            insert(tables.runs).values(id="r", pipeline="build", status="running", created_at=NOW)
        )
        connection.execute(
            insert(tables.experiments).values(id="e", run_id="r", status="running", started_at=NOW)
        )
        connection.execute(
            insert(tables.versions).values(
                number="999.999.1000",
                major=999,
                minor=999,
                patch=2**40,
                status="registering",
                experiment_id="e",
                run_id="r",
                size=2**41,
                created_at=NOW,
            )
        )
    with database.read() as connection:
        found = connection.execute(select(tables.versions)).one()
    assert (found.patch, found.size, found.line, found.recipe) == (2**40, 2**41, "default", {})


def test_threads_share_a_database(database):
    threads = [threading.Thread(target=_add_fact, args=(database, str(i), i)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _count_facts(database) == 8


_MIGRATE = "from seamark.storage.database import *; import sys; migrate(open_database(sys.argv[1]))"
_INSERT = """
import sys
from sqlalchemy import insert
from seamark.storage.database import open_database
from seamark.storage.tables import workspace_facts
database = open_database(sys.argv[1])
for i in range(40):
    with database.begin() as connection:
        connection.execute(insert(workspace_facts).values(key=f"{sys.argv[2]}-{i}", value=i))
"""


def _run_at_once(code: str, url: str) -> None:
    commands = [[sys.executable, "-c", code, url, name] for name in "ab"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert results == [("", 0), ("", 0)]


def test_two_processes_that_migrate_at_once_both_succeed(database_url):
    _run_at_once(_MIGRATE, database_url)
    database = open_database(database_url)
    assert check_revision(database)
    database.close()


def test_two_processes_that_write_at_once_lose_nothing(database, database_url):
    _run_at_once(_INSERT, database_url)
    assert _count_facts(database) == 80


def test_a_wrong_statement_is_not_taken_for_a_broken_database(database):
    with pytest.raises(DBAPIError), database.begin() as connection:
        connection.execute(text("SELECT nothing FROM runs WHERE"))


def test_a_postgresql_database_that_is_missing_is_named(postgres_url):
    missing = open_database(postgres_url.replace("/seamark_", "/no_such_"))
    with pytest.raises(StorageError, match=r"no_such_\d+\S* is not there; try: create it"):
        check_revision(missing)


def test_a_postgresql_user_without_the_right_is_told_so(postgres_url):
    owner = open_database(postgres_url)
    migrate(owner)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE visitor"))
    with pytest.raises(StorageError, match="may not be written to"), owner.begin() as connection:
        connection.execute(text("SET LOCAL ROLE visitor; DELETE FROM runs"))
    with owner.begin() as connection:
        connection.execute(text("DROP ROLE visitor"))
    owner.close()
