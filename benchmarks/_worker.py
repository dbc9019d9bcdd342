"""A measured program and its conversation with the benchmark: JSON lines over stdin and stdout.

Imports the standard library alone on the worker's side: the baseline's environment runs it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks._machine import ROOT, read_peak_memory

Extract = Callable[[list[str], float | None], list[list[str]]]
"""Texts and a threshold (None: the program's own) to the ids of each text's skills."""


def serve(load: Callable[[], Extract]) -> None:
    """Load, say so, then answer requests until stdin ends.

    A request names a file of texts (a JSON list); the answer gives the seconds that extraction took,
    how many skills were given, the peak memory so far and, where asked for, the ids.
    """
    # libraries print; what they print must not be taken for an answer
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    started = time.perf_counter()
    extract = load()
    _answer(answers, {"load_seconds": time.perf_counter() - started, "memory_mb": read_peak_memory()})
    for line in sys.stdin:
        _answer(answers, _measure(extract, json.loads(line)))


def _measure(extract: Extract, request: Mapping[str, Any]) -> dict[str, Any]:
    texts = json.loads(Path(request["texts"]).read_text(encoding="utf-8"))
    started = time.perf_counter()
    found = extract(texts, request.get("threshold"))
    seconds = time.perf_counter() - started
    answer = {"seconds": seconds, "skills": sum(map(len, found)), "memory_mb": read_peak_memory()}
    return {**answer, "ids": found} if request.get("ids") else answer


def _answer(file: Any, content: Mapping[str, Any]) -> None:
    file.write(json.dumps(content) + "\n")
    file.flush()


class Worker:
    """A measured program, running until the end of the ``with`` block.

    Args:
        command: starts it.
        env: variables set beside those of this process.
        loaded: what it said when it had loaded: ``load_seconds``, ``memory_mb``.
    """

    loaded: dict[str, Any]

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="seamark-benchmark-")
        self._log = (Path(self._folder.name) / "stderr.txt").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            text=True,
        )
        self.loaded = self._read()

    def extract(
        self, texts: Sequence[str], *, threshold: float | None = None, ids: bool = False
    ) -> dict[str, Any]:
        """``seconds``, ``skills``, ``memory_mb`` and, where asked for, ``ids`` of one extraction."""
        path = Path(self._folder.name) / "texts.json"
        path.write_text(json.dumps(list(texts)), encoding="utf-8")
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"texts": str(path), "threshold": threshold, "ids": ids}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(self._explain_end())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _explain_end(self) -> str:
        code = self._process.wait()
        self._log.seek(0)
        said = self._log.read()[-3000:]
        self.close()
        return f"{self._process.args!r} ended with {code}:\n{said}"

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
