"""How many requests a second the service answers, how fast, what capture costs, and how soon an approval is served.

``python -m benchmarks.service``; docs/reference/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks._load import Load, Outcome, put_load
from benchmarks._machine import (
    ROOT,
    describe_machine,
    find_data,
    read_versions,
    say,
    warn_of_load,
    write_result,
)
from benchmarks._tables import format_table
from benchmarks._texts import cut_into_windows, read_postings

_READY_S = 120
_WARM_UP = 60  # texts
_MOST = 1000  # texts that one measurement may ask
_SEAMARK = str(Path(sys.executable).with_name("seamark"))


@dataclass(frozen=True)
class Bench:
    """A workspace with two versions, the first of them on PROD.

    Attributes:
        folder: the workspace.
        approver: a token of somebody who may approve.
        caller: a token that may predict.
    """

    folder: Path
    approver: str
    caller: str


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        port: where it listens.
        pid: its process.
    """

    port: int
    pid: int

    def read_cpu_seconds(self) -> float:
        """Processor time of all its threads until now, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Texts:
    """Texts that are asked once each: a server remembers sentences, and must not meet them again.

    Where they run out, they begin anew.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        self._next = 0

    def take(self, count: int) -> list[str]:
        """The next ``count`` texts."""
        taken = [self._texts[(self._next + i) % len(self._texts)] for i in range(count)]
        self._next += count
        return taken

    def give_back(self, count: int) -> None:
        """The last ``count`` of the texts were not asked."""
        self._next -= max(count, 0)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write ``results/service.json``."""
    options = _parse(argv)
    machine = describe_machine()
    warn_of_load(machine)
    postings = chain.from_iterable(map(read_postings, options.postings))
    texts = Texts(cut_into_windows(postings, options.words))
    with tempfile.TemporaryDirectory(prefix="seamark-benchmark-") as folder:
        bench = make_bench(Path(folder), options.taxonomy)
        figures = {
            "capture": measure_capture(bench, texts, options),
            "batching": measure_batching(bench, texts, options),
            "approval": measure_approvals(bench, texts, options.approvals),
        }
    _print(figures)
    settings = {
        "taxonomy": options.taxonomy.name,
        "words": options.words,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "clients": options.clients,
    }
    result = {"machine": machine, "versions": read_versions(), "settings": settings, "figures": figures}
    say(f"written: {write_result('service', result)}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    data = find_data()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument(
        "--postings",
        type=Path,
        nargs="+",
        default=[data / "postings" / name for name in ("indeed_sg.csv", "data_roles.csv")],
    )
    parser.add_argument(
        "--taxonomy",
        type=Path,
        default=data / "sfw" / "jobsandskills-skillsfuture-unique-skills-list.xlsx",
    )
    parser.add_argument("--words", type=int, default=100, help="words of each (default: 100)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (default: 10)")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--approvals", type=int, default=5, help="promotions measured (default: 5)")
    return parser.parse_args(argv)


# ---- what is measured


def measure_capture(bench: Bench, texts: Texts, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Capture on and off in turn, on one server, for each number of clients.

    Who goes first changes from round to round, so that what the machine does meanwhile meets both alike.
    """
    rows = []
    with run_server(bench.folder) as server:
        put_load(Load(server.port, bench.caller, texts.take(_WARM_UP), 8, 0))
        for clients in options.clients:
            outcomes: dict[str, list[Outcome]] = {"on": [], "off": []}
            for number in range(options.rounds):
                for capture in ("on", "off") if number % 2 else ("off", "on"):
                    _set_capture(bench, capture)
                    outcomes[capture].append(_measure(bench, server, texts, clients, options.seconds))
            rows += [{"clients": clients, "capture": name, **_pool(own)} for name, own in outcomes.items()]
            say(f"{clients} clients: {[round(row['requests_a_second'], 1) for row in rows[-2:]]} a second")
    return rows


def measure_batching(bench: Bench, texts: Texts, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Micro-batching against one text at a time: two servers in turn, for each number of clients."""
    outcomes: dict[tuple[int, int], list[Outcome]] = {}
    _set_capture(bench, "on")
    for number in range(options.rounds):
        for size in (1, 32) if number % 2 else (32, 1):
            with run_server(bench.folder, SEAMARK_SERVICE_BATCH_TEXTS=str(size)) as server:
                put_load(Load(server.port, bench.caller, texts.take(_WARM_UP), 8, 0))
                for clients in options.clients:
                    found = _measure(bench, server, texts, clients, options.seconds)
                    outcomes.setdefault((clients, size), []).append(found)
    return [
        {"clients": clients, "batch_texts": size, **_pool(own)}
        for (clients, size), own in sorted(outcomes.items())
    ]


def measure_approvals(bench: Bench, texts: Texts, count: int) -> dict[str, Any]:
    """Seconds from the approval's return to the first answer of the new version, with requests going on meanwhile."""
    seconds = []
    with run_server(bench.folder) as server:
        for number in range(count):
            version = ("1.0.1", "1.0.0")[number % 2]
            promotion = _ask(bench, "promote", version, "--to", "prod", "--json")["promotion"]
            loaded = threading.Thread(
                target=put_load, args=(Load(server.port, bench.caller, texts.take(_MOST), 4, 8),)
            )
            loaded.start()
            time.sleep(1)
            _ask(bench, "approve", promotion, "--json", token=bench.approver)
            approved = time.perf_counter()
            _wait_for_version(server.port, bench.caller, version)
            seconds.append(time.perf_counter() - approved)
            loaded.join()
    seconds.sort()
    return {
        "promotions": count,
        "median_seconds": seconds[len(seconds) // 2],
        "lowest_seconds": seconds[0],
        "highest_seconds": seconds[-1],
    }


# ---- the service


def make_bench(folder: Path, taxonomy: Path) -> Bench:
    """A workspace with versions 1.0.0 and 1.0.1, both signed off on UAT, 1.0.0 on PROD."""
    workspace = folder / "workspace"
    os.environ["SEAMARK_CREDENTIALS"] = str(folder / "credentials.json")
    run_command("init", str(workspace), "--taxonomy", str(taxonomy), "--name", "measured")
    say("building two versions")
    run_command("build", "--workspace", str(workspace))
    release = folder / "release.json"
    _write_release(taxonomy, release)
    run_command(
        "taxonomy", "import", str(release), "--name", "measured", "--no-impact", "--workspace", str(workspace)
    )
    run_command("trigger", "skills-update", "--wait", "--workspace", str(workspace))
    bench = Bench(workspace, _add_approver(workspace), _make_token(workspace, "predict"))
    for version, stage in (("1.0.0", "uat"), ("1.0.1", "uat"), ("1.0.0", "prod")):
        promotion = _ask(bench, "promote", version, "--to", stage, "--json")["promotion"]
        _ask(bench, "approve", promotion, "--json", token=bench.approver)
    return bench


@contextmanager
def run_server(workspace: Path, **environ: str) -> Iterator[Server]:
    """A server of PROD that runs for a block."""
    command = [_SEAMARK, "serve", "--stage", "prod", "--port", "0", "--workspace", str(workspace)]
    env = {**os.environ, "SEAMARK_SERVICE_LOG_REQUESTS": "false", **environ}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next(
            (int(found[1]) for line in lines if (found := re.search(r"http://[^:\s]+:(\d+)", line))), 0
        )
        if not port:
            raise SystemExit("the server did not start")
        threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
        try:
            yield Server(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_READY_S)


def run_command(
    *arguments: str, token: str = "", stdin: str = "", environ: Mapping[str, str] | None = None
) -> str:
    """What ``seamark`` printed on stdout."""
    env = {**os.environ, **({"SEAMARK_TOKEN": token} if token else {}), **(environ or {})}
    done = subprocess.run(
        [_SEAMARK, *arguments], input=stdin, capture_output=True, text=True, env=env, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(f"seamark {arguments[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def _measure(bench: Bench, server: Server, texts: Texts, clients: int, seconds: float) -> Outcome:
    load = Load(server.port, bench.caller, texts.take(_MOST), clients, seconds)
    before = server.read_cpu_seconds()
    outcome = put_load(load)
    outcome.cpu_seconds = server.read_cpu_seconds() - before
    # what was not asked is there for the next measurement
    texts.give_back(_MOST - len(outcome.latencies_ms))
    return outcome


def _ask(bench: Bench, *arguments: str, token: str = "") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run_command(*arguments, "--workspace", str(bench.folder), token=token))
    return told


def _set_capture(bench: Bench, capture: str) -> None:
    run_command("stages", "set", "prod", f"capture={capture}", "--workspace", str(bench.folder))
    time.sleep(1.5)  # a server looks twice a second


def _add_approver(workspace: Path) -> str:
    """A token of a second person, who signs in with a password: nobody else can make it for them."""
    password, own = secrets.token_urlsafe(), {"SEAMARK_CREDENTIALS": str(workspace.with_name("second.json"))}
    place = ("--password-stdin", "--workspace", str(workspace))
    run_command("people", "add", "second", "--role", "approver", *place, stdin=password)
    run_command("login", "second", *place, stdin=password, environ=own)
    return _make_token(workspace, "write", environ=own)


def _make_token(workspace: Path, scope: str, environ: Mapping[str, str] | None = None) -> str:
    command = ("token", "create", "--scope", scope, "--json", "--workspace", str(workspace))
    return str(json.loads(run_command(*command, environ=environ))["token"])


def _write_release(taxonomy: Path, path: Path) -> None:
    from seamark.taxonomy import Taxonomy, write_taxonomy

    first, *others = Taxonomy.load(taxonomy).skills
    write_taxonomy(Taxonomy("measured", (replace(first, title=f"{first.title}, revised"), *others)), path)


def _wait_for_version(port: int, token: str, version: str) -> None:
    from benchmarks._load import run_clients

    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        told = run_clients(Load(port, token, ["You write SQL."], 1, 0))
        if version in told.versions:
            return
    raise SystemExit(f"version {version} did not answer within {_READY_S} seconds")


def _pool(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Several rounds as one."""
    pooled = Outcome(
        seconds=sum(each.seconds for each in outcomes),
        cpu_seconds=sum(each.cpu_seconds for each in outcomes),
    )
    for each in outcomes:
        pooled.latencies_ms += each.latencies_ms
        for name, count in each.failures.items():
            pooled.failures[name] = pooled.failures.get(name, 0) + count
    return pooled.summarise()


def _print(figures: dict[str, Any]) -> None:
    keys = ("requests_a_second", "p50_ms", "p99_ms", "cpu_ms_a_request", "failures")
    headers = ["requests/s", "p50 ms", "p99 ms", "CPU ms/request", "failures"]
    for name, varied in (("capture", "capture"), ("batching", "batch_texts")):
        rows = [[row["clients"], row[varied], *(row[key] for key in keys)] for row in figures[name]]
        print(format_table(["clients", varied, *headers], rows, title=name.capitalize()) + "\n")
    print(format_table(["", "figure"], list(figures["approval"].items()), title="From approval to serving"))


if __name__ == "__main__":
    main()
