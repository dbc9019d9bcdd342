"""`seamark demo`, as a person runs it: it ends with a service that has a version on PROD and answers `curl`."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.weights, pytest.mark.slow]

_COMMAND = Path(sys.executable).parent / "seamark"
_PATIENCE = 900  # seconds; a busy machine is no failure

Done = subprocess.CompletedProcess[str]


class Demo:
    """The command in a folder of its own; `run` returns when nobody holds its streams any more."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.folder = root / "demo"
        self.environ = {
            **{name: value for name, value in os.environ.items() if name != "SEAMARK_WORKSPACE"},
            "SEAMARK_HOME": str(home),
            "SEAMARK_CREDENTIALS": str(root / "credentials.json"),
            "SEAMARK_CHECKS_LATENCY_P95_MS": "60000",
            "SEAMARK_CHECKS_MEMORY_MB": "16000",
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }

    def run(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Done:
        return subprocess.run(
            [_COMMAND, *arguments],
            cwd=cwd or self.root,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def ask(self, *arguments: str) -> Any:
        """What a command says in the demo's workspace as JSON."""
        done = self.run(*arguments, "--json", cwd=self.folder / "workspace")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def pid(self) -> int:
        return int((self.folder / "service.pid").read_text())


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_curl(done: Done) -> list[str]:
    """The words of the `curl` command that was printed."""
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("curl "))
    return shlex.split(line)


def request(words: list[str], *, path: str = "", method: str = "POST") -> tuple[int, Any]:
    """Status and JSON of what a printed `curl` command asks for, or of another path with its token."""
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    address = urlsplit(words[1])
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        body = words[-1].encode() if method == "POST" else None
        connection.request(method, path or address.path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def do_as_curl_does(words: list[str]) -> dict[str, Any]:
    """The answer to a printed `curl` command, by `curl` itself where the machine has it."""
    if not shutil.which("curl"):
        return dict(request(words)[1])
    done = subprocess.run([*words, "--silent", "--noproxy", "*"], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def demo(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("demo"), home)
    yield made
    pid = made.pid if (made.folder / "service.pid").exists() else None
    stopped = made.run("demo", "--stop")
    if pid is not None and not is_gone(pid):
        os.kill(pid, signal.SIGKILL)
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="module")
def port() -> int:
    return find_port()


@pytest.fixture(scope="module")
def first(demo: Demo, port: int) -> Done:
    """The first run: from nothing to a service that answers."""
    done = demo.run("demo", "--port", str(port))
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def running(demo: Demo, first: Done) -> Demo:
    """The demo after its first run."""
    return demo


def test_the_command_has_ended_and_the_service_answers_curl(first, running, port):
    words = find_curl(first)
    assert words[1] == f"http://127.0.0.1:{port}/v1/extract"
    wire = do_as_curl_does(words)
    assert wire["modelVersion"] == "1.0.0"
    shown = [skill["skillTitle"] for skill in wire["skillExtractOutput"]]
    assert shown
    assert all(title in first.stdout for title in shown), "the demo asked the same and printed the answer"


def test_the_service_is_on_its_own(first, running):
    assert os.getsid(running.pid) == running.pid
    assert Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[1] != str(os.getpid())


def test_the_page_is_there_as_well(first, running):
    assert (running.folder / "index.html").stat().st_size > 10_000


def test_prod_has_the_version_with_the_approval_of_two_people(first, running):
    promotions = running.ask("promotions", "list")["promotions"]
    on_prod = [one for one in promotions if one["stage"] == "prod"]
    assert [(one["version"], one["status"]) for one in on_prod] == [("1.0.0", "live")]
    assert on_prod[0]["requested_by"] != on_prod[0]["decided_by"]
    assert [one["stage"] for one in promotions] == ["prod", "uat", "dev"]
    people = {one["name"]: one for one in running.ask("people", "list")}
    assert {name for name, one in people.items() if one["simulated"]} == {"demo-scientist", "demo-approver"}


def test_the_printed_token_predicts_and_does_nothing_else(first, running):
    words = find_curl(first)
    assert request(words)[0] == 200
    assert request(words, path="/v1/promotions", method="GET")[0] == 403


def test_neither_log_nor_page_has_the_token_in_it(first, running):
    secret = next(word for word in find_curl(first) if word.startswith("Authorization")).split()[-1]
    assert secret.startswith("smk_")
    for path in (running.folder / "service.log", running.folder / "index.html"):
        assert secret not in path.read_text(encoding="utf-8")


def test_run_again_it_takes_the_place_of_the_old_service_and_keeps_the_workspace(first, running, port):
    old = running.pid
    again = running.run("demo", "--port", str(port))
    assert again.returncode == 0, again.stderr
    assert running.pid != old
    wait_until_gone(old)
    assert do_as_curl_does(find_curl(again))["modelVersion"] == "1.0.0"
    assert len(running.ask("promotions", "list")["promotions"]) == 3, "nothing was promoted anew"
    assert request(find_curl(first))[0] == 401, "the token of the demo before works no more"


def test_a_killed_service_is_no_hindrance(first, running, port):
    pid = running.pid
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    again = running.run("demo", "--port", str(port))
    assert again.returncode == 0, again.stderr
    assert do_as_curl_does(find_curl(again))["modelVersion"] == "1.0.0"


def test_stop_ends_the_service_and_may_be_said_twice(first, running, port):
    if not (running.folder / "service.pid").exists():
        assert running.run("demo", "--port", str(port)).returncode == 0
    pid = running.pid
    stopped = running.run("demo", "--stop")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    wait_until_gone(pid)
    assert not (running.folder / "service.pid").exists()
    assert running.run("demo", "--stop").returncode == 0


def test_a_database_of_somebody_elses_is_refused(demo):
    url = f"sqlite:///{demo.root}/elsewhere.db"
    done = demo.run("demo", "--output", "other", SEAMARK_DATABASE_URL=url)
    assert done.returncode == 2
    assert "the environment names a database" in done.stderr
    assert not (demo.root / "other").exists()
