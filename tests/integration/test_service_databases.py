"""The service on both databases, and on one that goes away while it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_people import Staffed, bear, staff
from sqlalchemy import create_engine, make_url

from seamark.extraction.bundle import Bundle
from seamark.serving.app import make_app
from seamark.settings import Settings
from seamark.storage.captures import list_captures
from seamark.storage.servers import (
    ServerRecord,
    list_servers,
    put_server,
    remove_server,
    remove_silent_servers,
)
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_versions import put_on_stage
from waiting import wait_until

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def environ(tiny_settings: Settings, database_url: str) -> dict[str, str]:
    return {
        "SEAMARK_HOME": str(tiny_settings.home),
        "SEAMARK_THREADS": "1",
        "SEAMARK_DATABASE_URL": database_url,
        "SEAMARK_SERVICE_POLL_SECONDS": "0.05",
        "SEAMARK_CAPTURE_MOVE_SECONDS": "0.05",
    }


@pytest.fixture
def workspace(tmp_path: Path, environ: dict[str, str]) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "workspace", environ=environ):
        pass
    with open_workspace(tmp_path / "workspace", environ=environ) as opened:
        yield opened


@pytest.fixture
def staffed(workspace: Workspace, tiny_bundle: Bundle) -> Staffed:
    return staff(workspace, tiny_bundle)


@pytest.fixture
def client(staffed: Staffed) -> Iterator[TestClient]:
    app = make_app(staffed.workspace)
    with TestClient(app, headers=bear(staffed.narrow["predict"])) as client:
        assert app.state.runtime.wait_until_settled(60)
        yield client


def list_request_ids(workspace: Workspace) -> list[str]:
    with workspace.database.read() as connection:
        return sorted(one.request_id for one in list_captures(connection, limit=1000))


def test_a_server_is_there_until_it_says_goodbye_or_is_silent_for_long(workspace):
    def put(number: int, seen_at: datetime, **stages: object) -> None:
        with workspace.database.begin() as connection:
            put_server(connection, ServerRecord(f"server-{number}", "host:1", NOW, seen_at, stages))

    def see(**options: object) -> list[tuple[str, object]]:
        with workspace.database.read() as connection:
            return [(one.id, dict(one.stages)) for one in list_servers(connection, **options)]

    put(1, NOW)
    put(2, NOW - timedelta(days=2))
    put(1, NOW + timedelta(seconds=5), prod={"version": "1.0.0"})
    assert see() == [("server-1", {"prod": {"version": "1.0.0"}}), ("server-2", {})]
    assert see(since=NOW) == [("server-1", {"prod": {"version": "1.0.0"}})]
    with workspace.database.begin() as connection:
        remove_silent_servers(connection, before=NOW - timedelta(days=1))
    assert [name for name, _ in see()] == ["server-1"]
    with workspace.database.begin() as connection:
        remove_server(connection, "server-1")
    assert see() == []


def test_a_service_answers_follows_captures_and_says_that_it_is_there(client, staffed):
    told = client.post("/v1/extract", json={"text": "teach Python"}).json()
    assert told["modelVersion"] == "1.0.0"
    wait_until(lambda: list_request_ids(staffed.workspace) == [told["requestId"]])
    put_on_stage(staffed.workspace, None, "prod")
    wait_until(lambda: client.get("/ping").status_code == 503)
    with staffed.workspace.database.read() as connection:
        [server] = list_servers(connection)
    assert server.id == client.app.state.runtime.server_id


@pytest.fixture
def set_away(database_url: str) -> Iterator[Callable[[bool], None]]:
    """Lets nobody into the PostgreSQL database, and throws out who is in it."""
    url = make_url(database_url)
    admin = create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )

    def change(away: bool) -> None:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {not away}")
            if away:
                connection.exec_driver_sql(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'"
                )

    yield change
    change(False)
    admin.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_predictions_go_on_while_postgresql_is_away_and_every_capture_arrives_once(client, staffed, set_away):
    runtime = client.app.state.runtime

    def ask() -> str:
        answer = client.post("/v1/extract", json={"text": "teach Python"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["requestId"])

    asked = [ask()]
    set_away(True)
    wait_until(lambda: runtime.database_away)
    asked += [ask() for _ in range(20)]
    assert client.get("/v1/ready").json() | {"stages": {}} == {
        "ready": True,
        "status": "degraded",
        "database": "away",
        "default_stage": "prod",
        "stages": {},
    }
    management = client.get("/v1/stages", headers=bear(staffed.tokens["administrator"]))
    assert management.status_code == 503
    assert management.json()["type"] == "/problems/storage-unavailable"
    assert "postgres" not in management.text
    set_away(False)
    asked.append(ask())
    wait_until(lambda: not runtime.database_away)
    wait_until(lambda: list_request_ids(staffed.workspace) == sorted(asked), seconds=60)
    assert client.get("/v1/ready").json()["status"] == "ready"
