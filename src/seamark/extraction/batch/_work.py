"""The folder of unfinished work: numbered parts, and what they were made of.

Design choices:
- A part is written whole under its final name or not at all (temporary name, fsync, rename), so
  kill -9 or a power cut costs the chunk in work and no other.
- Parts hold predictions only. The input's columns are read again at the end: less to write, and
  Parquet's own types survive.
- ``state.json`` is removed first when the folder is cleared: a folder without it is nobody's.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seamark.errors import StorageError, UsageError
from seamark.extraction.batch._storage import ROWS_ARE_KEPT, replace_file, translate_write_errors
from seamark.extraction.batch._values import dump_json

Record = dict[str, Any]
"""What a part holds for a row: the wire format's fields, ``status`` and, where there is one, ``reason``."""

_OURS = ("state.json*", "part-*", "joined*", "quarantine*", "lock")


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """Parts of an unfinished batch.

    Attributes:
        path: the folder.
        chunk_size: rows a part, the last one excepted.
        rows: rows in all.
    """

    path: Path
    chunk_size: int
    rows: int

    @property
    def part_count(self) -> int:
        """How many parts there are when all is done."""
        return -(-self.rows // self.chunk_size)

    def has_part(self, number: int) -> bool:
        """Whether that part (from 0) is done."""
        return self._part(number).exists()

    def count_rows_done(self) -> int:
        """How many rows have their prediction already."""
        return sum(self._size(number) for number in range(self.part_count) if self.has_part(number))

    def write_part(self, number: int, records: Sequence[Record]) -> None:
        """Save a part for good.

        Raises:
            StorageError: it can't be written; no half of it is left.
        """
        lines = (dump_json(record) + "\n" for record in records)
        replace_file(self._part(number), lines, hint=ROWS_ARE_KEPT)

    def read_records(self) -> Iterator[Record]:
        """Every row's record, in the order of the rows.

        Raises:
            StorageError: a part is damaged; it has been removed, so that another run makes it again.
        """
        for number in range(self.part_count):
            yield from self._read_part(number)

    def _read_part(self, number: int) -> list[Record]:
        path = self._part(number)
        try:
            lines = path.read_bytes().split(b"\n")
            records = [json.loads(line) for line in lines if line]
        except (OSError, ValueError) as error:
            raise self._discard(path) from error
        if len(records) != self._size(number) or not all(isinstance(record, dict) for record in records):
            raise self._discard(path)
        return records

    def _discard(self, path: Path) -> StorageError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return StorageError(
            f"{path} was damaged and has been removed",
            hint="the same command again, which does its rows anew",
        )

    def _part(self, number: int) -> Path:
        return self.path / f"part-{number:07d}.jsonl"

    def _size(self, number: int) -> int:
        return min(self.chunk_size, self.rows - number * self.chunk_size)


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """A block in which no other process works in the folder, which is made when missing.

    Raises:
        UsageError: another process works in it.
        StorageError: it can't be made.
    """
    with translate_write_errors(path):
        path.mkdir(exist_ok=True)
        file = (path / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another run is at work in {path}", hint="wait for it or stop it") from error
        yield


def read_state(path: Path) -> dict[str, Any] | None:
    """What the parts in the folder were made of, or None where no work was left.

    Raises:
        UsageError: the state is damaged.
    """
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _explain_damaged(path) from error
    if not isinstance(state, dict) or not isinstance(state.get("chunkSize"), int):
        raise _explain_damaged(path)
    return state


def _explain_damaged(path: Path) -> UsageError:
    return UsageError(f"{path / 'state.json'} is damaged", hint="--overwrite to begin anew")


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Save what the parts are made of."""
    replace_file(path / "state.json", [dump_json(state) + "\n"], hint=ROWS_ARE_KEPT)


def clear_folder(path: Path) -> None:
    """Remove our files from the folder, and the folder when nothing else is in it."""
    with translate_write_errors(path):
        for pattern in _OURS:
            for file in path.glob(pattern):
                file.unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()
