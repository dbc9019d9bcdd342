"""Concurrent clients of a prediction service, in a process of their own.

``python -m benchmarks._load`` reads a :class:`Load` as JSON from stdin and prints what came of it as JSON.
Every client keeps its connection and asks again as soon as it has its answer.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks._machine import ROOT
from benchmarks._tables import compute_percentile

_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Load:
    """What to ask, how hard.

    Attributes:
        port: of the service on this machine.
        token: the clients'.
        texts: asked in turn, one a request.
        clients: how many at once.
        seconds: how long; 0: until every text was asked once.
        path: what is asked.
    """

    port: int
    token: str
    texts: list[str]
    clients: int
    seconds: float
    path: str = "/v1/extract"


@dataclass
class Outcome:
    """What came of a load.

    Attributes:
        seconds: from the first request to the last answer.
        latencies_ms: of each answered request.
        versions: model version → how many answers it gave.
        failures: status or error → how many.
        cpu_seconds: that the server took meanwhile; 0 where nobody looked.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    def summarise(self) -> dict[str, Any]:
        """Requests a second and percentiles of their latency in milliseconds."""
        answered = len(self.latencies_ms)
        return {
            "requests": answered,
            "requests_a_second": answered / self.seconds if self.seconds else 0.0,
            "p50_ms": compute_percentile(self.latencies_ms, 50) if answered else None,
            "p99_ms": compute_percentile(self.latencies_ms, 99) if answered else None,
            "cpu_ms_a_request": 1e3 * self.cpu_seconds / answered if answered else None,
            "failures": sum(self.failures.values()),
        }


def put_load(load: Load) -> Outcome:
    """What came of the load, put on the service by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._load"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the clients ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return Outcome(**json.loads(done.stdout))


def run_clients(load: Load) -> Outcome:
    """What came of the load, put on the service by threads of this process."""
    outcome, lock, turn = Outcome(), threading.Lock(), iter(range(10**9))
    started = time.perf_counter()
    deadline = started + load.seconds if load.seconds else None

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", load.port, timeout=_TIMEOUT_S)
        while deadline is None or time.perf_counter() < deadline:
            with lock:
                number = next(turn)
            if deadline is None and number >= len(load.texts):
                break
            begun = time.perf_counter()
            said, version = _ask(connection, load, load.texts[number % len(load.texts)])
            took = (time.perf_counter() - begun) * 1e3
            with lock:
                _note(outcome, said, version, took)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(load.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - started
    return outcome


def _ask(connection: http.client.HTTPConnection, load: Load, text: str) -> tuple[str, str]:
    """Status of the answer, or the error's name, and the version that answered."""
    headers = {"Authorization": f"Bearer {load.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", load.path, json.dumps({"text": text}), headers)
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        connection.close()
        return type(error).__name__, ""
    version = json.loads(body)["modelVersion"] if answer.status == http.HTTPStatus.OK else ""
    return str(answer.status), version


def _note(outcome: Outcome, said: str, version: str, took: float) -> None:
    if said == "200":
        outcome.latencies_ms.append(took)
        outcome.versions[version] = outcome.versions.get(version, 0) + 1
    else:
        outcome.failures[said] = outcome.failures.get(said, 0) + 1


if __name__ == "__main__":
    json.dump(asdict(run_clients(Load(**json.load(sys.stdin)))), sys.stdout)
