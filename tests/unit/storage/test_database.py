from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select

from seamark.errors import StorageError, UsageError
from seamark.storage import database as module
from seamark.storage.database import REVISION, Database, check_revision, migrate, open_database
from seamark.storage.tables import workspace_facts


def _open(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'seamark.db'}")


def _add_fact(database: Database, key: str = "a") -> None:
    with database.begin() as connection:
        connection.execute(insert(workspace_facts).values(key=key, value=1))


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_sqlite_is_set_up_for_many_readers_and_a_patient_writer(tmp_path, pragma, value):
    database = _open(tmp_path)
    with database.read() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    database.close()


def test_a_writer_that_waits_too_long_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BUSY_MILLISECONDS", 50)
    first, second = _open(tmp_path), _open(tmp_path)
    migrate(first)
    with first.begin(), pytest.raises(StorageError, match=r"seamark\.db is locked"):
        _add_fact(second)
    _add_fact(second)
    first.close()
    second.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "seamark.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match=r"seamark\.db is damaged"):
        check_revision(_open(tmp_path))


def test_a_folder_that_is_missing_is_named(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'nowhere' / 'seamark.db'}")
    with pytest.raises(StorageError, match=r"nowhere/seamark\.db can't be opened"):
        check_revision(database)


def test_a_file_that_is_moved_away_is_missed_and_no_empty_one_takes_its_place(tmp_path):
    database = _open(tmp_path)
    migrate(database)
    database.close()
    _add_fact(database, "before")  # and its connection stays in the pool
    (tmp_path / "elsewhere").mkdir()
    for path in tmp_path.glob("seamark.db*"):
        path.rename(tmp_path / "elsewhere" / path.name)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"seamark\.db can't be opened"):
            _add_fact(database, "away")
    assert not list(tmp_path.glob("seamark.db*"))
    for path in (tmp_path / "elsewhere").glob("seamark.db*"):
        path.rename(tmp_path / path.name)
    _add_fact(database, "after")
    assert _list_facts(database) == ["after", "before"]
    database.close()


def test_a_file_that_is_replaced_is_read_from_then_on(tmp_path):
    database = _open(tmp_path)
    migrate(database)
    _add_fact(database, "before")
    database.close()
    backup = (tmp_path / "seamark.db").read_bytes()
    _add_fact(database, "lost")
    for path in tmp_path.glob("seamark.db*"):
        path.unlink()
    (tmp_path / "backup").write_bytes(backup)
    (tmp_path / "backup").rename(tmp_path / "seamark.db")
    assert _list_facts(database) == ["before"]
    _add_fact(database, "after")
    assert _list_facts(database) == ["after", "before"]
    database.close()


def test_a_database_without_seamarks_tables_is_named(tmp_path):
    database = _open(tmp_path)
    with pytest.raises(StorageError, match=r"seamark\.db is not Seamark's: a table is missing"):
        _add_fact(database)
    database.close()


def _list_facts(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(select(workspace_facts.c.key)).scalars())


def test_a_read_only_file_is_named(tmp_path):
    database = _open(tmp_path)
    migrate(database)
    database.close()
    locked = open_database(f"sqlite:///file:{tmp_path / 'seamark.db'}?mode=ro&uri=true")
    with pytest.raises(StorageError, match="may not be written to"):
        _add_fact(locked)
    locked.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "no address",
        "postgresql+asyncpg://h/d",
    ],
)
def test_other_kinds_of_database_are_refused_without_the_password(url):
    with pytest.raises(UsageError, match="postgresql://") as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_the_password():
    database = open_database("postgresql://me:secret@127.0.0.1:9/seamark")
    with pytest.raises(StorageError, match=r"me:\*\*\*@127\.0\.0\.1:9/seamark can't be used") as caught:
        check_revision(database)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(database)
    assert "secret" in database.url  # for those who must hand the address on


def _list_revisions() -> list:
    config = Config()
    config.set_main_option("script_location", str(module._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return list(ScriptDirectory.from_config(config).walk_revisions())


def test_the_code_is_written_for_the_newest_migration():
    assert _list_revisions()[0].revision == REVISION


@pytest.mark.parametrize("script", _list_revisions(), ids=lambda script: script.revision)
def test_every_migration_counts_on_and_says_when_it_is_safe(script):
    numbers = sorted(one.revision for one in _list_revisions())
    assert script.revision == f"{numbers.index(script.revision) + 1:04}"
    assert re.search("Safe (before|after) the code's upgrade", script.longdoc)


def test_migrations_travel_with_the_package():
    assert {"env.py", "versions"} <= {path.name for path in module._MIGRATIONS.iterdir()}


_FILL = """
import resource, signal, sys
from sqlalchemy import insert, select
from seamark.errors import StorageError
from seamark.storage.database import open_database
from seamark.storage.tables import workspace_facts
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
database = open_database(sys.argv[1])
for i in range(1000):
    try:
        with database.begin() as connection:
            connection.execute(insert(workspace_facts).values(key=f"{i}", value="x" * 5000))
    except StorageError as error:
        print(i, error)
        break
"""


def test_a_full_disk_is_named_and_what_was_written_before_is_kept(tmp_path):
    database = _open(tmp_path)
    migrate(database)
    database.close()
    command = [sys.executable, "-c", _FILL, database.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    count, _, message = done.stdout.partition(" ")
    assert "can't be" in message
    assert "space" in message
    with sqlite3.connect(tmp_path / "seamark.db") as connection:
        assert connection.execute("SELECT count(*) FROM workspace_facts").fetchone() == (int(count),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


class _Switching:
    """A connection to a file that another process is switching to write-ahead logging."""

    def __init__(self, code: int, refusals: int) -> None:
        self.code, self.refusals, self.executed = code, refusals, []

    def execute(self, statement: str) -> None:
        self.executed.append(statement)
        if self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_switching_to_write_ahead_logging_waits_for_another_process_that_does_so():
    connection = _Switching(sqlite3.SQLITE_BUSY, refusals=3)
    module._log_ahead(connection)
    assert connection.executed == ["PRAGMA journal_mode=WAL"] * 4


def test_switching_to_write_ahead_logging_fails_at_once_where_waiting_does_not_help():
    connection = _Switching(sqlite3.SQLITE_READONLY, refusals=1)
    with pytest.raises(sqlite3.OperationalError):
        module._log_ahead(connection)
    assert len(connection.executed) == 1


def test_switching_to_write_ahead_logging_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(module, "_BUSY_MILLISECONDS", 50)
    with pytest.raises(sqlite3.OperationalError):
        module._log_ahead(_Switching(sqlite3.SQLITE_BUSY, refusals=10**6))
