"""Runs the real command line with an extractor that logs every text it is given.

Usage: ``python batch_runner.py LOG SECONDS_PER_CHUNK ARGUMENTS…``
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import seamark
from seamark.extraction.result import ExtractedSkill, make_prediction


class LoggingExtractor:
    """Answers slowly, and writes down what it was asked."""

    model_version = "1.0.0"

    class taxonomy:  # noqa: N801 - stands for an attribute
        digest = "d"
        name = "tiny"

    def __init__(self, log: Path, pause: float) -> None:
        self._log, self._pause = log, pause

    def extract_many(self, texts: Any) -> Any:
        with self._log.open("a") as file:
            file.writelines(f"{text.splitlines()[0]}\n" for text in texts)
        time.sleep(self._pause)
        skill = ExtractedSkill("q", "Database Querying", "tsc", 0.9, "SQL " * 50)
        return [make_prediction(text, (skill,), model_version="1.0.0", nonce=os.urandom(8)) for text in texts]


def main() -> None:
    log, pause = Path(sys.argv[1]), float(sys.argv[2])
    if limit := os.environ.get("FILE_SIZE_LIMIT"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    stub = ModuleType("seamark.extraction.models")
    stub.make_extractor = lambda *_args, **_options: LoggingExtractor(log, pause)  # type: ignore[attr-defined]
    sys.modules["seamark.extraction.models"] = stub
    seamark.extraction.models = stub  # type: ignore[attr-defined]
    from seamark.cli import commands, extract_batch
    from seamark.cli import main as cli

    if "extract_batch" not in commands._MODULES:
        extract_batch.register(cli.app)
    sys.argv = ["seamark", *sys.argv[3:]]
    cli.main()


if __name__ == "__main__":
    main()
