"""`seamark up` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_PATIENCE = 90.0  # seconds; a busy machine is no failure


class UpProcess:
    """``seamark up`` on a free port, begun when the block begins and gone when it ends.

    Attributes:
        process: the process.
        url: where it serves, once :meth:`wait_until_serving` has returned.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        *arguments: str,
        environ: Mapping[str, str],
        program: Path = Path(sys.executable).with_name("seamark"),  # noqa: B008 (a constant)
    ) -> None:
        self._command = [sys.executable, str(program), "up"]
        self._command += arguments or ("--port", "0", "--workspace", str(folder))
        self._folder = folder
        self._log = log
        self._environ = {**os.environ, **environ}
        self.url = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(encoding="utf-8")

    def wait_until_serving(self) -> str:
        """Its address, once it answers."""
        self.wait_for("serving at ")
        found = re.search(r"^serving at (\S+)", self.said, re.MULTILINE)
        assert found is not None
        self.url = found[1]
        return self.url

    def wait_for(self, words: str) -> None:
        """Return once it has written ``words``."""
        deadline = time.monotonic() + _PATIENCE
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=_PATIENCE)
