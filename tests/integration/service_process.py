"""A server as a process of its own, and clients that never stop asking it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_SEAMARK = str(Path(sys.executable).with_name("seamark"))
_READY_SECONDS = 60
TEXTS = (
    "You will build data and teach Python.",
    "Care for patients in the design.",
    "You teach Python and care for patients.",
    "Build data, teach, and write Python.",
)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """``seamark serve``, for PROD where nothing else is said, ready when the block begins, gone when it ends."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        stages: Sequence[str] = ("prod",),
        poll_seconds: float = 0.5,
        **environ: str,
    ) -> None:
        self.folder = folder
        self._stages = [argument for stage in stages for argument in ("--stage", stage)]
        self.port = port
        self._environ = {
            **os.environ,
            "SEAMARK_SERVICE_POLL_SECONDS": str(poll_seconds),
            "SEAMARK_THREADS": "1",
            **environ,
        }
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        command = [_SEAMARK, "serve", *self._stages, "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--workspace", str(self.folder)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=self._environ,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=_READY_SECONDS)

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.lines.extend(iter(self._process.stderr.readline, ""))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"http://[^:\s]+:(\d+)", "".join(self.lines))
            if found:
                self.port = int(found[1])
                if _is_ready(self.port):
                    return
            time.sleep(0.02)
        raise AssertionError("the server did not become ready:\n" + "".join(self.lines[-20:]))


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/v1/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Answer:
    """What a client was answered."""

    request_id: str
    version: str
    titles: tuple[str, ...]


@dataclass
class Clients:
    """Threads that ask again as soon as they have an answer, from the block's beginning to its end.

    Attributes:
        answers: what came, whole, with status 200.
        failures: whatever else came.
        hang_ups: requests that the server's end cut off; with ``tolerate_hang_ups`` they are no failures.
    """

    port: int
    secret: str
    count: int
    tolerate_hang_ups: bool = False
    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    hang_ups: int = 0

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(i,)) for i in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask nothing more; what is under way is answered first."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._stop.is_set():
            try:
                self._ask(connection, TEXTS[number % len(TEXTS)])
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._note_hang_up(error)
            number += 1
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, text: str) -> None:
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/extract", json.dumps({"text": text}), headers)
        answer = connection.getresponse()
        body = answer.read()
        # a server that starts has no version yet: that is documented, and no answer was promised
        if self.tolerate_hang_ups and answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            time.sleep(0.05)
            return
        if answer.status != http.HTTPStatus.OK:
            self.failures.append(f"{answer.status} {body.decode(errors='replace')}")
            return
        told = json.loads(body)
        titles = tuple(skill["skillTitle"] for skill in told["skillExtractOutput"])
        self.answers.append(Answer(told["requestId"], told["modelVersion"], titles))

    def _note_hang_up(self, error: Exception) -> None:
        if self.tolerate_hang_ups:
            self.hang_ups += 1
            time.sleep(0.05)
        else:
            self.failures.append(f"{type(error).__name__}: {error}")
