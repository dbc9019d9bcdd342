"""Checkpoints of a training run: which one to go on from, and which are whole.

A checkpoint is a folder ``checkpoint-N`` after step N. The file :data:`MARK` is written last, and names the sizes of
all others: a folder without it, or with a file of another size, was cut short and is passed over. So is one of
another run: the mark holds a digest of the recipe, the pairs and the start.

A run that has ended leaves :data:`FINISHED` beside its checkpoints, with a digest of its result: asked for again,
nothing is loaded and nothing is trained.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.errors import WeightsError

MARK = "whole.json"
FINISHED = "finished.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        folder: where it is.
        step: how many steps were done.
        losses: of every step so far.
        seconds: that those steps took.
    """

    folder: Path
    step: int
    losses: tuple[float, ...]
    seconds: float


def identify_run(start: Path, pairs: Sequence[Pair], recipe: FineTuneRecipe) -> str:
    """SHA-256 in hex of everything that decides what a run gives.

    Raises:
        WeightsError: the start has no weights.
    """
    try:
        digest = hashlib.sha256((start / "model.safetensors").read_bytes())
    except OSError as error:
        raise WeightsError(
            f"{start / 'model.safetensors'} can't be read ({error.strerror or error})",
            expected="a sentence-transformers folder",
        ) from error
    digest.update(json.dumps(recipe.to_dict(), sort_keys=True).encode())
    for pair in pairs:
        digest.update(
            repr((pair.text, pair.title, sorted(pair.accepted), pair.source, pair.negatives)).encode()
        )
    return digest.hexdigest()


def find_checkpoint(folder: Path, run: str) -> Checkpoint | None:
    """The newest whole checkpoint of ``run`` in ``folder``; None without one."""
    found = (read_checkpoint(path, run) for path in folder.glob("checkpoint-*"))
    return max((one for one in found if one), key=lambda one: one.step, default=None)


def read_checkpoint(folder: Path, run: str) -> Checkpoint | None:
    """The checkpoint in ``folder``; None where it is not whole, or of another run."""
    try:
        mark: dict[str, Any] = json.loads((folder / MARK).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in mark["files"].items())
        if whole and mark["run"] == run:
            return Checkpoint(folder, int(mark["step"]), tuple(mark["losses"]), float(mark["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended.

    Attributes:
        losses: of every step.
        seconds: that the steps took.
    """

    losses: tuple[float, ...]
    seconds: float


def note_finished(folder: Path, run: str, output: Path, finished: Finished) -> None:
    """Note in the checkpoints' ``folder`` that ``run`` has ended and that its result is in ``output``."""
    note = {
        "run": run,
        "result": _digest_folder(output),
        "losses": list(finished.losses),
        "seconds": finished.seconds,
    }
    _write(folder / FINISHED, note)


def find_finished(folder: Path, run: str, output: Path) -> Finished | None:
    """What ``run`` did, if it has ended and every byte of its result is still in ``output``; None otherwise."""
    try:
        note: dict[str, Any] = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
        if note["run"] == run and note["result"] == _digest_folder(output):
            return Finished(tuple(note["losses"]), float(note["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None


def _digest_folder(folder: Path) -> str:
    """SHA-256 in hex of all files with their names; equal where the folders are."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def mark_whole(folder: Path, run: str, *, step: int, losses: Sequence[float], seconds: float) -> None:
    """Write the mark of a checkpoint all of whose other files are there."""
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != MARK}
    mark = {"run": run, "step": step, "losses": list(losses), "seconds": seconds, "files": files}
    _write(folder / MARK, mark)


def _write(path: Path, content: dict[str, Any]) -> None:
    making = path.with_name(f".{path.name}")
    making.write_text(json.dumps(content), encoding="utf-8")
    making.replace(path)


def clear_others(folder: Path, run: str) -> None:
    """Remove the checkpoints that ``run`` can't go on from, so that none of them is counted as its own."""
    for path in folder.glob("checkpoint-*"):
        if read_checkpoint(path, run) is None:
            shutil.rmtree(path, ignore_errors=True)
