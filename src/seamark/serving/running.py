"""Running the service: a socket, one process or several, and an orderly end.

Choices:

- The socket is bound before anything is loaded, so that a port that is taken is said at once, and several
  processes share one: the kernel spreads the connections.
- SIGTERM and Ctrl-C: readiness goes off, no new connection is taken, requests under way have
  ``service.drain_seconds`` to end, captures are moved to the database. A second Ctrl-C ends at once.
- A process that dies is started again; processes whose parent died stop, in order.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from seamark.delivery.desired import read_desired
from seamark.errors import UsageError
from seamark.serving.app import make_app
from seamark.serving.logs import configure_logs, log_event
from seamark.serving.protocol import BoundedProtocol
from seamark.serving.runtime import Runtime, choose_default, choose_stages

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from seamark.storage.workspace import Workspace

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep theirs, so that it is not us who hangs up first
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 15.0  # beside the draining: moving captures, closing
_RESTART_SECONDS = 1.0

OnReady = Callable[[str], None]
"""Told the service's address, such as ``http://127.0.0.1:8080``, when it answers."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one process serves; it goes to other processes as it is."""

    folder: Path
    stages: tuple[str, ...]
    default_stage: str
    drain_seconds: float
    log_requests: bool


def serve(
    workspace: Workspace,
    *,
    host: str | None = None,
    port: int | None = None,
    stages: Sequence[str] | None = None,
    default_stage: str | None = None,
    instances: int | None = None,
    ready: OnReady | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Serve until a signal, or ``stop``; the signal's number, 0 for ``stop``.

    Args:
        workspace: an open one, which stays open.
        host: the address to listen on; default: the settings'.
        port: 0 takes a free one; default: the settings'.
        stages: which stages are served; default: the settings'.
        default_stage: which one answers where a path names none; default: the settings' where that is served.
        instances: processes; default: the most that one of the stages is set to.
        ready: told the address once every stage runs what it should, or is known not to.
        stop: ends the service when it is set.

    Raises:
        UsageError: a stage is unknown, or the address can't be listened on.
        StorageError: the database can't be read.
    """
    service = workspace.settings.service
    served = choose_stages(stages or service.stages.split(","))
    plan = _Plan(
        workspace.folder,
        served,
        choose_default(default_stage, service.default_stage, served),
        service.drain_seconds,
        service.log_requests,
    )
    count = instances or _count_instances(workspace, served)
    with _listen(host or service.host, service.port if port is None else port) as listener:
        address = _name_address(listener)
        tell = (lambda: ready(address)) if ready else (lambda: None)
        if count == 1:
            return _run(workspace, plan, listener, tell, stop or threading.Event())
        return _supervise(plan, listener, count, tell, stop or threading.Event())


def _count_instances(workspace: Workspace, stages: Sequence[str]) -> int:
    desired = read_desired(workspace)
    return max(desired[name].settings.instances for name in stages)


def _explain(error: OSError) -> str:
    """The error in the system's words; Python's own repeat the address. Names that aren't found have others."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"{host}:{port} can't be listened on ({_explain(error)})",
            hint="another --port; 0 takes a free one",
        ) from error
    with listener:
        listener.set_inheritable(True)
        yield listener


def _name_address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# ---- one process


class _Server(uvicorn.Server):
    """uvicorn's server, which tells the runtime that it stops, and raises no signal again at its end."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self.received = 0
        self._runtime = runtime

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second Ctrl-C stops at once."""
        self.received = self.received or sig
        self._runtime.stopping = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals while the block lasts, where that is possible."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _run(
    workspace: Workspace,
    plan: _Plan,
    listener: socket.socket,
    tell: Callable[[], None],
    stop: threading.Event,
) -> int:
    configure_logs(requests=plan.log_requests)
    app = make_app(workspace, stages=plan.stages, default_stage=plan.default_stage)
    runtime: Runtime = app.state.runtime
    server = _Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(plan.drain_seconds)),
        ),
        runtime,
    )
    ended = threading.Event()
    for target in (_await_ready, _await_stop):
        arguments = (server, runtime, tell if target is _await_ready else stop, ended)
        threading.Thread(target=target, args=arguments, daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        ended.set()
    return server.received


def _await_ready(server: _Server, runtime: Runtime, tell: Callable[[], None], ended: threading.Event) -> None:
    while not ended.is_set():
        if server.started and runtime.wait_until_settled(_LOOK_SECONDS):
            tell()
            return
        ended.wait(_LOOK_SECONDS / 10)


def _await_stop(server: _Server, runtime: Runtime, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        if stop.wait(_LOOK_SECONDS):
            runtime.stopping = True
            server.should_exit = True
            return


# ---- several processes


def _supervise(
    plan: _Plan, listener: socket.socket, count: int, tell: Callable[[], None], stop: threading.Event
) -> int:
    """Keep ``count`` processes at work until a signal, or ``stop``."""
    configure_logs(requests=plan.log_requests)
    context = multiprocessing.get_context("spawn")
    readiness = [context.Event() for _ in range(count)]
    received: list[int] = []

    def start(number: int) -> SpawnProcess:
        process = context.Process(
            target=_run_instance, args=(plan, listener, readiness[number]), name=f"seamark-{number}"
        )
        process.start()
        return process

    with _noting_signals(received):
        processes = [start(number) for number in range(count)]
        told = False
        while not received and not stop.wait(_LOOK_SECONDS):
            if not told and all(event.is_set() for event in readiness):
                tell()
                told = True
            for number, process in enumerate(processes):
                if not process.is_alive() and not received:
                    log_event("server.died", pid=process.pid, exit_code=process.exitcode)
                    time.sleep(_RESTART_SECONDS)
                    processes[number] = start(number)
        _end(processes, plan.drain_seconds + _GRACE_SECONDS)
    return received[0] if received else 0


@contextmanager
def _noting_signals(received: list[int]) -> Iterator[None]:
    def note(number: int, _frame: Any) -> None:
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(processes: Sequence[SpawnProcess], seconds: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _run_instance(plan: _Plan, listener: socket.socket, ready: Event) -> None:
    """One of several processes; each has its own workspace, models and spool."""
    from seamark.storage.workspace import open_workspace

    stop = threading.Event()
    threading.Thread(target=_await_orphanhood, args=(stop,), daemon=True).start()
    with open_workspace(plan.folder) as workspace, suppress(KeyboardInterrupt):
        _run(workspace, plan, listener, ready.set, stop)


def _await_orphanhood(stop: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.set()
