"""Captures in a process of its own: ``capture_driver.py FOLDER FIRST HOW``.

HOW is ``write`` or ``write-and-move``, until it is killed, or ``limited``: 20 captures, of which the limit on the
size of files lets only some be written. It says the number of each capture after it was appended, as a server
answers after it; where limited, how many were written and how many dropped.
"""

from __future__ import annotations

import itertools
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from capture_fakes import make_capture
from seamark.capture import spool as spools
from seamark.capture.moving import Mover
from seamark.capture.spool import Spool
from seamark.storage.workspace import open_workspace


def capture(folder: Path, first: int, *, moves: bool) -> None:
    """Append captures, numbered from ``first``, for ever."""
    spools._SEGMENT_BYTES = 20_000
    workspace = open_workspace(folder)
    spool = Spool(workspace.folder / "spool", sync_seconds=0.01, limit_mb=100, redact=True)
    if moves:
        Mover(workspace, spool).start()
    for number in itertools.count(first):
        if spool.append([make_capture(number)]):
            say(f"{number}")


def capture_limited(folder: Path) -> None:
    """Append 20 captures, two at a time, to files that may not grow."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    spool = Spool(folder, sync_seconds=3600, limit_mb=100, redact=False)
    written = sum(spool.append([make_capture(number), make_capture(number + 100)]) for number in range(10))
    say(f"{written} {spool.dropped}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[3] == "limited":
        capture_limited(Path(sys.argv[1]))
    else:
        capture(Path(sys.argv[1]), int(sys.argv[2]), moves=sys.argv[3] == "write-and-move")
