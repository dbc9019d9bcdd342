"""The number of a model version, worked out from what changed and never typed.

X grows where the encoder, its architecture or the loss changed, Y where weights were trained anew, Z
where the taxonomy's embeddings were made again or something was put right. Each component is a whole number
without a limit, and versions sort by those, never as text.

A new version is compared with the newest one of its line, whether or not it was trained from that one: the
number says what is different from the version right before it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from seamark.errors import InputError
from seamark.extraction.bundle import MODEL_CARD, RECORDED

_NUMBER = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_ENCODER_KEYS = ("base_model", "base_sha256", "architecture", "dimensions")
# Written anew for each candidate, also where it predicts exactly what the version before it predicts.
_DESCRIPTIONS = (MODEL_CARD, RECORDED)


class Change(StrEnum):
    """What is different from the version before; the first that holds counts.

    ``FIRST``: there is no version before. ``ENCODER``: another base model, architecture or number of dimensions.
    ``LOSS``: trained towards another aim. ``WEIGHTS``: trained anew. ``TAXONOMY``: another release,
    and so other embeddings. ``FIX``: a setting, a threshold, or a file. ``NONE``: nothing at all.
    """

    FIRST = "first"
    ENCODER = "encoder"
    LOSS = "loss"
    WEIGHTS = "weights"
    TAXONOMY = "taxonomy"
    FIX = "fix"
    NONE = "none"


class Number(NamedTuple):
    """X, Y and Z of a model version; compares as numbers do."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST_NUMBER = Number(1, 0, 0)


def parse_number(text: str) -> Number:
    """The number written as X.Y.Z.

    Raises:
        InputError: it is written otherwise.

    >>> parse_number("1.2.9") < parse_number("1.2.10")
    True
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is no version's number", expected="X.Y.Z, such as 1.3.0")
    return Number(*map(int, match.groups()))


def find_newest(numbers: Iterable[str]) -> str | None:
    """The highest of some numbers, by their components; None where there is none."""
    return max(numbers, key=parse_number, default=None)


def choose_number(newest: tuple[str, Mapping[str, Any]] | None, new: Mapping[str, Any]) -> tuple[str, Change]:
    """The number that a new version takes, and why.

    Args:
        newest: the highest number of the line, registered or reserved, and what :func:`describe_content`
            said of that version; None: there is none yet.
        new: what :func:`describe_content` says of the new one.

    Returns:
        The number and the change; the newest number itself and ``Change.NONE`` where nothing changed.

    Raises:
        InputError: the newest number is none.
    """
    if newest is None:
        return str(FIRST_NUMBER), Change.FIRST
    number, previous = newest
    change = find_change(previous, new)
    return str(raise_number(parse_number(number), change)), change


def raise_number(number: Number, change: Change) -> Number:
    """The number after ``number``: one component up by one, those behind it 0; itself for ``Change.NONE``."""
    if change is Change.NONE:
        return number
    if change in (Change.ENCODER, Change.LOSS):
        return Number(number.major + 1, 0, 0)
    if change is Change.WEIGHTS:
        return Number(number.major, number.minor + 1, 0)
    return Number(number.major, number.minor, number.patch + 1)


def find_change(previous: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    """What is different between two versions, by what :func:`describe_content` says of them."""
    before, after = previous["recipe"], new["recipe"]
    if _pick_encoder(before) != _pick_encoder(after):
        return Change.ENCODER
    # Without a loss nothing was trained: the first training after it makes new weights, not another model.
    if before.get("loss") and after.get("loss") and before["loss"] != after["loss"]:
        return Change.LOSS
    if previous["weights"] != new["weights"]:
        return Change.WEIGHTS
    if previous["taxonomy"] != new["taxonomy"]:
        return Change.TAXONOMY
    return Change.NONE if (before, previous["files"]) == (after, new["files"]) else Change.FIX


def describe_content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What decides over a version's number: its recipe, weights, taxonomy, and one digest of all its files.

    Left out is what differs between two bundles that predict the same: when and by which run they were made,
    what was measured, the model card.
    """
    taxonomy = manifest.get("taxonomy") or {}
    return {
        "recipe": dict(manifest.get("recipe") or {}),
        "weights": dict(manifest.get("weights") or {}),
        "taxonomy": {key: taxonomy.get(key) for key in ("name", "number", "digest")},
        "files": _digest_files(manifest.get("files") or {}),
    }


def _digest_files(files: Mapping[str, Mapping[str, Any]]) -> str:
    kept = {path: facts["sha256"] for path, facts in files.items() if path not in _DESCRIPTIONS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _pick_encoder(recipe: Mapping[str, Any]) -> dict[str, Any]:
    encoder = recipe.get("encoder") or {}
    return {key: encoder.get(key) for key in _ENCODER_KEYS}
