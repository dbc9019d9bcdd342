"""The sample texts that ship in the package, with the skills a careful reader finds in them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "starter" / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample text.

    Attributes:
        title: what it is.
        kind: ``posting`` or ``course``.
        text: the text.
        expected: ids of the starter taxonomy's skills that it calls for.
    """

    title: str
    kind: str
    text: str
    expected: tuple[str, ...]


def read_samples() -> list[Sample]:
    """The twenty sample texts, in order."""
    with (_FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return [
            Sample(
                row["title"],
                row["kind"],
                (_FOLDER / row["file"]).read_text(encoding="utf-8"),
                tuple(row["expected"].split("|")),
            )
            for row in csv.DictReader(file)
        ]
