"""Linking measured on the gold files that the settings name: the same figures for every build."""

from __future__ import annotations

from pathlib import Path

from seamark.building.evaluation.gold import read_linking_gold
from seamark.building.evaluation.linking import evaluate_linking
from seamark.building.evaluation.protocols import SkillRanker
from seamark.errors import UsageError

_MEASURES = ("mrr", "rp@1", "rp@5", "rp@10")


def measure_gold_files(extractor: SkillRanker, gold: str, *, folder: Path) -> dict[str, float]:
    """The linking measures on each file, at sentence level, as ``<name>_rp@5`` and the like.

    Args:
        extractor: what is measured.
        gold: ``NAME=FILE``, several parted by commas; empty gives no measure.
        folder: where relative files start.

    Raises:
        UsageError: it is written otherwise.
        InputError: a file can't be read, or the taxonomy knows none of its labels.
    """
    measures: dict[str, float] = {}
    for name, path in parse_gold_files(gold, folder=folder).items():
        found = evaluate_linking(extractor, read_linking_gold(path, level="sentence")).to_dict()
        measures |= {f"{name}_{measure}": float(found[measure]) for measure in _MEASURES}
    return measures


def parse_gold_files(gold: str, *, folder: Path) -> dict[str, Path]:
    """Name → file.

    Raises:
        UsageError: an entry is not ``NAME=FILE``.
    """
    files = {}
    for entry in filter(None, map(str.strip, gold.split(","))):
        name, parted, path = (part.strip() for part in entry.partition("="))
        if not (name and parted and path):
            raise UsageError(
                f"data.linking_gold has {entry!r}", expected="NAME=FILE, several parted by commas"
            )
        files[name] = folder / Path(path).expanduser()
    return files
