"""The workspace's database: SQLite in one file, or PostgreSQL by URL, behind one object.

Choices:
- SQLite's driver begins transactions late and by guessing; here it is told not to, and every
  transaction that may write begins IMMEDIATE. Two writers then wait for each other at the start, where
  waiting works, in place of failing in the middle.
- Write-ahead logging, so that readers never wait for the writer.
- Migrations run within one transaction that holds the database's lock: two processes that open an old
  workspace at once migrate it once.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from seamark.errors import StorageError, UsageError
from seamark.storage.sqlite_file import SqliteFile

REVISION = "0002"
"""The newest migration, which this code is written for."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 30_000
_PAUSE_SECONDS = 0.02
_CONNECT_SECONDS = 10
_MIGRATION_LOCK = 7_326_275  # any number, the same in every process; PostgreSQL's advisory locks are numbers
_READ_ONLY = {"seamark_read_only": True, "postgresql_readonly": True}


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the workspace; safe to use from several threads.

    Attributes:
        engine: SQLAlchemy's, for those who must hand it on.
        url: its address as SQLAlchemy writes it, with the password.
    """

    engine: Engine
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """Its address without the password, for messages."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back on an error.

        On SQLite there is one at a time, and it waits up to 30 seconds for the one before.

        Raises:
            StorageError: the database is unreachable, locked, full or read-only.
        """
        with self._translate(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that may only read; on SQLite it never waits for a writer.

        Raises:
            StorageError: the database is unreachable.
        """
        with self._translate(), self.engine.connect() as connection:
            yield connection.execution_options(**_READ_ONLY)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _translate(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, DataError):
            raise  # a broken rule is the caller's to handle
        except (DBAPIError, PoolTimeoutError) as error:
            explained = _explain(error, self.name)
            if explained is None:
                raise
            raise explained from error


def open_database(url: str) -> Database:
    """The database at ``url``; nothing is connected to yet.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/NAME``.

    Raises:
        UsageError: no such kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError("the database's address can't be read", expected=_KINDS) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        engine = _make_sqlite_engine(parsed)
    elif parsed.drivername == "postgresql+psycopg":
        # Parameters may be texts and password hashes, and errors are logged.
        engine = create_engine(
            parsed,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
            hide_parameters=True,
        )
    else:
        raise UsageError(f"a database at {parsed.render_as_string()}", expected=_KINDS)
    return Database(engine, parsed.render_as_string(hide_password=False))


def migrate(database: Database) -> None:
    """Bring the database's tables to :data:`REVISION`; nothing happens where they are there already.

    Raises:
        StorageError: the database is newer than the code, or can't be written.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
        _refuse_newer(_read_revision(connection), database)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_revision(database: Database) -> bool:
    """Whether the database's tables are those of this code; False where :func:`migrate` is needed.

    Raises:
        StorageError: the database is newer than the code, or unreachable.
    """
    revision = read_revision(database)
    _refuse_newer(revision, database)
    return revision == REVISION


def read_revision(database: Database) -> str | None:
    """The number of the migration that the database is at; None where it has no tables of ours.

    Raises:
        StorageError: the database is unreachable.
    """
    with database.read() as connection:
        return _read_revision(connection)


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(revision: str | None, database: Database) -> None:
    """Revisions count up, so one above ours was written by a newer Seamark."""
    if revision is not None and revision > REVISION:
        raise StorageError(
            f"the database {database.name} is at revision {revision}, newer than this Seamark",
            expected=f"{REVISION} or older",
            hint="upgrade Seamark",
        )


def _make_sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000}, hide_parameters=True)
    SqliteFile(str(url.database)).watch(engine)
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver starts no transaction by itself; _begin does
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    _log_ahead(connection)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _log_ahead(connection: Any) -> None:
    """Switch a new file to write-ahead logging; SQLite does not wait by itself where two processes do so at once."""
    deadline = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    reads = bool(connection.get_execution_options().get("seamark_read_only"))
    connection.exec_driver_sql(f"PRAGMA query_only={int(reads)}")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


_KINDS = "sqlite:///FILE or postgresql://USER@HOST/NAME"
# What the databases' own messages mean, and what to do about it; the first that is found counts.
_CAUSES = (
    (r"database is locked", "is locked: another process has been writing for 30 seconds", "run it again"),
    (r"is full|no space left", "can't be written: the disk is full", "free some space"),
    (r"disk I/O error", "can't be read or written", "check the disk and its free space"),
    (r"readonly database|read-only|permission denied", "may not be written to", "ask for the right to it"),
    (r"unable to open database file", "can't be opened", "check the folder and the rights to it"),
    (r"not a database|malformed", "is damaged", "restore a backup of it"),
    (r"authentication failed|no password", "refuses this user", "check the name and the password"),
    (r"database .* does not exist", "is not there", "create it first"),
    (
        r"no such table|relation .* does not exist",
        "is not Seamark's: a table is missing",
        "restore a backup of it",
    ),
)


def _explain(error: DBAPIError | PoolTimeoutError, name: str) -> StorageError | None:
    """What went wrong, in words; None for a statement that is simply wrong, which is a mistake of ours."""
    cause = str(error.orig if isinstance(error, DBAPIError) else error)
    for pattern, found, hint in _CAUSES:
        if re.search(pattern, cause, re.IGNORECASE):
            return StorageError(f"the database {name} {found}", hint=hint)
    if isinstance(error, ProgrammingError) or _has_code(error, sqlite3.SQLITE_ERROR):
        return None
    line = cause.strip().partition("\n")[0]
    return StorageError(f"the database {name} can't be used: {line}", hint="check that it runs")


def _has_code(error: Exception, code: int) -> bool:
    return getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == code
