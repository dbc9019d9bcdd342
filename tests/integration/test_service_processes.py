"""`seamark serve` as processes: it starts, stops in order, and comes back."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from service_process import Clients, ServerProcess, free_port

from people import ADMIN
from seamark.delivery.stage_settings import set_stage
from seamark.errors import ExitCode
from seamark.extraction.bundle import Bundle
from seamark.governance.people import add_first_administrator
from seamark.governance.tokens import create_token
from seamark.settings import Settings
from seamark.storage.captures import list_captures
from seamark.storage.servers import ServerRecord, list_servers
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_versions import put_on_stage, register_tiny
from waiting import wait_until

pytestmark = pytest.mark.slow

_SEAMARK = str(Path(sys.executable).with_name("seamark"))


@dataclass(frozen=True)
class Stand:
    """A workspace with 1.0.0 on PROD, and a token to predict."""

    workspace: Workspace
    secret: str

    @property
    def folder(self) -> Path:
        return self.workspace.folder

    def list_servers(self) -> list[ServerRecord]:
        with self.workspace.database.read() as connection:
            return list_servers(connection)

    def list_request_ids(self) -> list[str]:
        with self.workspace.database.read() as connection:
            return [one.request_id for one in list_captures(connection, limit=100_000)]


@pytest.fixture
def stand(tmp_path: Path, tiny_settings: Settings, tiny_bundle: Bundle) -> Iterator[Stand]:
    environ = {"SEAMARK_HOME": str(tiny_settings.home)}
    with create_workspace(tmp_path / "workspace", environ=environ):
        pass
    with open_workspace(tmp_path / "workspace", environ=environ) as workspace:
        register_tiny(workspace, tiny_bundle)
        put_on_stage(workspace, "1.0.0", "prod")
        add_first_administrator(workspace, ADMIN.name)
        yield Stand(workspace, create_token(workspace, ADMIN, scopes=["predict"])[1])


@pytest.fixture
def home(tiny_settings: Settings) -> dict[str, str]:
    return {"SEAMARK_HOME": str(tiny_settings.home)}


def post(port: int, secret: str, body: object) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/extract", json.dumps(body), headers)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_port_0_takes_a_free_one_which_is_told_when_the_service_answers(stand, home):
    with ServerProcess(stand.folder, port=0, **home) as server:
        assert server.port > 0
        assert post(server.port, stand.secret, {"text": "teach"})[0] == 200
        assert server.stop() == ExitCode.WORKED
    assert any("serving" in line and str(server.port) in line for line in server.lines)
    assert stand.list_servers() == []


def test_a_request_under_way_is_answered_when_the_server_is_told_to_stop(stand, home):
    with ServerProcess(stand.folder, port=0, **home) as server:
        texts = [f"You will build data and teach Python. {n}" * 200 for n in range(30)]
        answers: list[tuple[int, object]] = []
        asking = threading.Thread(
            target=lambda: answers.append(post(server.port, stand.secret, {"texts": texts}))
        )
        asking.start()
        wait_until(lambda: "seamark_requests_in_flight 2.0" in read_metrics(server.port))
        assert server.stop() == ExitCode.WORKED
        asking.join()
    [(status, told)] = answers
    assert status == 200
    assert len(told["predictions"]) == 30  # type: ignore[index]
    kept = stand.list_request_ids()
    assert sorted(kept) == sorted(one["requestId"] for one in told["predictions"])  # type: ignore[index]


def read_metrics(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_clients_that_send_no_more_do_not_keep_it_from_stopping(stand, home):
    with (
        ServerProcess(stand.folder, port=0, SEAMARK_SERVICE_DRAIN_SECONDS="1", **home) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as idle,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as within_a_head,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as within_a_body,
    ):
        head = f"POST /v1/extract HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {stand.secret}\r\n"
        within_a_head.sendall(head.encode())
        within_a_body.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        wait_until(lambda: "seamark_requests_in_flight 2.0" in read_metrics(server.port))
        assert server.stop() == ExitCode.WORKED
        assert idle.recv(1000) == b""
    assert stand.list_servers() == []
    assert stand.list_request_ids() == []


def test_two_servers_of_one_workspace_follow_the_same_stages_and_capture_each_answer_once(stand, home):
    with (
        ServerProcess(stand.folder, port=0, **home) as first,
        ServerProcess(stand.folder, port=0, **home) as second,
        Clients(first.port, stand.secret, 2) as some,
        Clients(second.port, stand.secret, 2, tolerate_hang_ups=True) as others,
    ):
        wait_until(lambda: len(stand.list_servers()) == 2)
        wait_until(lambda: len(some.answers) > 20 and len(others.answers) > 20)
        second.kill()
        seen = len(some.answers)
        wait_until(lambda: len(some.answers) > seen + 20)
        some.stop()
        others.stop()
        put_on_stage(stand.workspace, None, "prod")
        wait_until(lambda: post(first.port, stand.secret, {"text": "teach"})[0] == 404)
        assert first.stop() == ExitCode.WORKED
    assert some.failures == others.failures == []
    answered = {one.request_id for one in (*some.answers, *others.answers)}
    kept = stand.list_request_ids()
    assert answered <= set(kept)
    assert len(kept) == len(set(kept))


def test_ctrl_c_stops_it_too_with_its_own_exit_code(stand, home):
    with ServerProcess(stand.folder, port=0, **home) as server:
        server._process.send_signal(signal.SIGINT)
        assert server._process.wait(timeout=60) == ExitCode.INTERRUPTED


def test_a_port_that_is_taken_is_said_in_one_line(stand, home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [_SEAMARK, "serve", "--port", str(port), "--workspace", str(stand.folder)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **home},
            check=False,
        )
    assert ended.returncode == ExitCode.MISUSED
    assert len(ended.stderr.strip().splitlines()) == 1
    assert str(port) in ended.stderr


def test_a_stage_that_there_is_not_is_said_in_one_line(stand, home):
    ended = subprocess.run(
        [_SEAMARK, "serve", "--stage", "production", "--workspace", str(stand.folder)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **home},
        check=False,
    )
    assert ended.returncode == ExitCode.MISUSED
    assert "dev or uat or prod" in ended.stderr


def test_several_processes_share_the_port_and_one_that_dies_comes_back(stand, home):
    set_stage(stand.workspace, ADMIN, "prod", {"instances": 2})
    with ServerProcess(stand.folder, port=free_port(), **home) as server:
        wait_until(lambda: len(stand.list_servers()) == 2, seconds=60)
        victim = int(stand.list_servers()[0].address.rpartition(":")[2])
        with Clients(server.port, stand.secret, 4, tolerate_hang_ups=True) as clients:
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: len(stand.list_servers()) == 3, seconds=60)
            seen = len(clients.answers)
            wait_until(lambda: len(clients.answers) > seen + 20, seconds=60)
        assert not clients.failures
        assert server.stop() == ExitCode.WORKED
    assert len(stand.list_servers()) == 1  # the one that was killed could not say goodbye
    answered = {one.request_id for one in clients.answers}
    kept = stand.list_request_ids()
    assert answered <= set(kept)
    assert len(kept) == len(set(kept))


def test_processes_whose_parent_was_killed_end(stand, home):
    set_stage(stand.workspace, ADMIN, "prod", {"instances": 2})
    with ServerProcess(stand.folder, port=free_port(), **home) as server:
        wait_until(lambda: len(stand.list_servers()) == 2, seconds=60)
        server.kill()
        wait_until(lambda: not listens(server.port), seconds=60)
        wait_until(lambda: stand.list_servers() == [], seconds=60)


def test_a_new_server_takes_over_what_a_killed_one_captured(stand, home):
    with ServerProcess(stand.folder, port=0, SEAMARK_CAPTURE_MOVE_SECONDS="3600", **home) as server:
        ids = [post(server.port, stand.secret, {"text": f"teach {n}"})[1]["requestId"] for n in range(5)]  # type: ignore[index]
        server.kill()
    assert stand.list_request_ids() == []
    with ServerProcess(stand.folder, port=0, **home):
        wait_until(lambda: sorted(stand.list_request_ids()) == sorted(ids))


def test_a_head_without_end_is_refused_and_others_are_answered(stand, home):
    with ServerProcess(stand.folder, port=0, **home) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX-Long: ")
            received = send_until_refused(connection)
        assert received.startswith(b"HTTP/1.1 400 ")
        long = "a" * 30_000
        assert post(server.port, stand.secret, {"text": "teach"})[0] == 200
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(f"GET /v1/health HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def send_until_refused(connection: socket.socket) -> bytes:
    """What the server says to a header that goes on and on."""
    for _ in range(100):
        try:
            connection.sendall(b"a" * 16_384)
        except OSError:
            break
        connection.settimeout(0.02)
        try:
            return connection.recv(1000)
        except TimeoutError:
            connection.settimeout(60)
    return b""
