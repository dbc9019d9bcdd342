"""The demo's service: a process of its own that stays when the command has ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seamark.errors import SeamarkError, ServiceError, UsageError

_PORT = 8080
_HOST = "127.0.0.1"
_READY = re.compile(r"^serving at (http://\S+)", re.MULTILINE)
_PROGRAM = "from seamark.cli.main import main; main()"
_START_SECONDS = 300.0  # a busy machine loads models slowly
_STOP_SECONDS = 40.0  # requests under way are given `service.drain_seconds`
_POLL_SECONDS = 0.1
_TAIL = 5  # lines of the log in an error

# A process that is forgotten while it runs is what Popen warns of, and here what is wanted.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class DemoService:
    """Where the demo's service keeps what it needs.

    Attributes:
        folder: the demo's, absolute.
    """

    folder: Path

    @property
    def workspace(self) -> Path:
        """The workspace that it serves."""
        return self.folder / "workspace"

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.folder / "service.log"

    @property
    def pid_file(self) -> Path:
        """Where its process id is."""
        return self.folder / "service.pid"


def start_service(service: DemoService, *, port: int | None, check: Callable[[], str]) -> tuple[int, str]:
    """Process id and address of a service that is ready to answer.

    Args:
        service: which.
        port: where it listens; default: 8080, or a free one where that is taken.
        check: called now and then; says why the service will never be ready, or nothing.

    Raises:
        UsageError: the port is taken.
        SeamarkError: it ended, or was not ready in time; it is stopped then.
    """
    chosen = _choose_port(port)
    process = _launch(service, chosen)
    try:
        return process.pid, _wait_until_ready(service, process, check)
    except BaseException:
        stop_service(service)
        raise


def stop_service(service: DemoService) -> bool:
    """Whether a service ran, which has ended now.

    Raises:
        SeamarkError: it can't be stopped.
    """
    pid = find_service(service)
    if pid is None:
        service.pid_file.unlink(missing_ok=True)
        return False
    _signal(pid, signal.SIGTERM)
    if not _wait_until_gone(pid, _STOP_SECONDS):
        _signal(pid, signal.SIGKILL)
        if not _wait_until_gone(pid, _STOP_SECONDS):
            raise SeamarkError(f"the demo's service, process {pid}, does not end")
    service.pid_file.unlink(missing_ok=True)
    return True


def find_service(service: DemoService) -> int | None:
    """The process id of the service that runs; None where none does.

    A number in a file may be another process's by now, so the process must name this workspace.
    """
    try:
        pid = int(service.pid_file.read_text(encoding="ascii"))
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    ours = {b"up", os.fsencode(service.workspace)} <= set(arguments)
    return pid if ours and _is_alive(pid) else None


def _choose_port(port: int | None) -> int:
    wanted = _PORT if port is None else port
    with socket.socket() as probe:
        # As the service itself does, so that connections that are fading away don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError as error:
            if port is None:
                return 0
            raise UsageError(f"port {port} can't be used: {error.strerror}", hint="--port 0") from error
    return wanted


def _launch(service: DemoService, port: int) -> subprocess.Popen[bytes]:
    """The process, in a session of its own and with no stream of the caller's."""
    command = [sys.executable, "-c", _PROGRAM, "up", "--host", _HOST, "--port", str(port)]
    command += ["--workspace", str(service.workspace)]
    with service.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own program and paths)
            command,
            cwd=service.workspace,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    service.pid_file.write_text(f"{process.pid}\n", encoding="ascii")
    return process


def _wait_until_ready(
    service: DemoService, process: subprocess.Popen[bytes], check: Callable[[], str]
) -> str:
    end = time.monotonic() + _START_SECONDS
    url = ""
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SeamarkError(f"the service ended: {_read_tail(service)}", hint=f"look at {service.log}")
        # First: a service whose stage was emptied because its version failed calls itself ready.
        if why := check():
            raise SeamarkError(f"the service can't use the version: {why}", hint=f"look at {service.log}")
        url = url or _find_address(service)
        if url and _is_ready(url):
            return url
        time.sleep(_POLL_SECONDS)
    raise SeamarkError(
        f"the service is not ready after {_START_SECONDS:.0f} s: {_read_tail(service)}",
        hint=f"look at {service.log}",
    )


def _find_address(service: DemoService) -> str:
    found = _READY.search(service.log.read_text(encoding="utf-8", errors="replace"))
    return found.group(1) if found else ""


def _is_ready(url: str) -> bool:
    from seamark.client import Client

    with Client(url, timeout=5, retries=0) as client:
        try:
            return client.health().ready
        except ServiceError:
            return False


def _read_tail(service: DemoService) -> str:
    lines = service.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " / ".join(lines[-_TAIL:]) or "it said nothing"


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal the process, or with SIGKILL all of its session, which nothing else is in."""
    with contextlib.suppress(ProcessLookupError):
        if number is signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _wait_until_gone(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while _is_alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    if (child := _children.get(pid)) is not None and child.poll() is not None:
        del _children[pid]
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in ("Z", "X")
