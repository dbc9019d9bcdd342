"""The demo's service is found by its process id only where the process is its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from seamark.cli import _demo_service
from seamark.cli._demo_service import DemoService, find_service, start_service, stop_service
from seamark.errors import SeamarkError, UsageError

# Stands in for `seamark up`: the same arguments, and as stubborn or as short-lived as a test wants it.
STAND_IN = "import sys, time; {}; print('serving at http://127.0.0.1:1', flush=True); time.sleep(60)"


@pytest.fixture
def service(tmp_path):
    made = DemoService(tmp_path)
    made.workspace.mkdir()
    yield made
    stop_service(made)


@pytest.fixture
def stand_in(monkeypatch):
    """Lets `start_service` start a program of the test's, which is ready when its address is known."""

    def use(first="pass"):
        monkeypatch.setattr(_demo_service, "_PROGRAM", STAND_IN.format(first))
        monkeypatch.setattr(_demo_service, "_is_ready", lambda url: True)

    return use


def run_process(*arguments):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *arguments])


def test_nothing_runs_where_there_is_no_file(service):
    assert find_service(service) is None
    assert stop_service(service) is False


@pytest.mark.parametrize("text", ["", "x", "-1", "999999999", "12 13", "\x00", "é"])
def test_a_file_that_names_no_process_is_stale(service, text):
    service.pid_file.write_text(text, encoding="utf-8")
    assert find_service(service) is None
    assert stop_service(service) is False
    assert not service.pid_file.exists()


def test_another_process_under_the_number_is_left_alone(service, tmp_path):
    other = run_process("up", "--workspace", str(tmp_path / "another"))
    try:
        service.pid_file.write_text(f"{other.pid}\n")
        assert find_service(service) is None
        assert stop_service(service) is False
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_service_is_started_found_and_stopped(service, stand_in):
    stand_in()
    pid, url = start_service(service, port=0, check=lambda: "")
    assert url == "http://127.0.0.1:1"
    assert find_service(service) == pid
    assert os.getsid(pid) == pid, "a session of its own outlives the caller's terminal"
    streams = [str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in range(3)]
    assert streams == [os.devnull, str(service.log), str(service.log)]
    assert stop_service(service) is True
    assert find_service(service) is None
    assert not service.pid_file.exists()


def test_a_service_that_does_not_listen_to_sigterm_is_killed(service, stand_in, monkeypatch):
    stand_in("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    monkeypatch.setattr(_demo_service, "_STOP_SECONDS", 0.5)
    start_service(service, port=0, check=lambda: "")
    assert stop_service(service) is True


def test_a_service_that_ends_at_once_is_an_error_with_what_it_said(service, stand_in):
    stand_in("sys.exit('no such version')")
    with pytest.raises(SeamarkError, match="no such version"):
        start_service(service, port=0, check=lambda: "")
    assert not service.pid_file.exists()


def test_a_version_that_cannot_be_loaded_ends_the_wait_and_the_service(service, stand_in, monkeypatch):
    stand_in()
    monkeypatch.setattr(_demo_service, "_is_ready", lambda url: False)
    with pytest.raises(SeamarkError, match="the bundle is damaged"):
        start_service(service, port=0, check=lambda: "the bundle is damaged")
    assert find_service(service) is None


def test_a_service_that_is_never_ready_is_stopped(service, stand_in, monkeypatch):
    stand_in()
    monkeypatch.setattr(_demo_service, "_is_ready", lambda url: False)
    monkeypatch.setattr(_demo_service, "_START_SECONDS", 1.0)
    with pytest.raises(SeamarkError, match="not ready"):
        start_service(service, port=0, check=lambda: "")
    assert find_service(service) is None


def test_a_named_port_that_is_taken_is_refused_and_the_usual_one_gives_way(service, stand_in, monkeypatch):
    stand_in("print(sys.argv, flush=True)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)):
            start_service(service, port=port, check=lambda: "")
        monkeypatch.setattr(_demo_service, "_PORT", port)
        start_service(service, port=None, check=lambda: "")
    assert "'--port', '0'" in service.log.read_text()
