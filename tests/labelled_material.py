"""A small taxonomy, and postings whose wording only training can teach: what real pipelines are tested with.

Each posting calls for skills in a house's own words, which say nothing of the skill to a model that never saw
them. Every phrase is in several postings, so that those of the test split are met in training as well.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

WORDINGS = {
    "Python programming": "tending the snake pit",
    "Financial reporting": "closing the harbour ledger",
    "Food preparation": "working the galley",
    "Warehouse management": "keeping the quay tidy",
    "Patient care": "looking after the cabin guests",
    "Project management": "holding the tiller",
    "Customer service": "standing at the gangway",
    "Network security": "guarding the bulkhead doors",
}
"""Title of a skill → what the postings call it."""

TITLES = (
    *WORDINGS,
    "Welding",
    "Carpentry",
    "Bookkeeping",
    "Graphic design",
    "Database administration",
    "Public speaking",
    "Hairdressing",
    "Crane operation",
    "Solar panel installation",
    "Translation",
    "Copywriting",
    "Machine learning",
    "Payroll administration",
    "Fire safety",
    "Forklift driving",
    "Lesson planning",
)

_PLACES = ("Jurong", "Tuas", "Changi", "Bedok", "Yishun", "Bugis", "Clementi", "Sengkang")
_OPENINGS = (
    "Our team in {place} is growing. Your days here mean {first} and {second}.",
    "We are hiring in {place}: you enjoy {first}, and you are good at {second}.",
    "For our branch in {place} we want somebody for {first} as well as {second}.",
    "Join us in {place}. You have three years of {first}; {second} is part of the work.",
)


def write_taxonomy(
    path: Path,
    *,
    renamed: Mapping[str, str] | None = None,
    added: Sequence[str] = (),
    kept: int | None = None,
) -> Path:
    """The taxonomy as a CSV file.

    Args:
        path: of the file.
        renamed: title → the title that the same skill has now.
        added: titles of skills that come at the end.
        kept: only the first so many skills.
    """
    skills = [(f"s{number}", (renamed or {}).get(title, title)) for number, title in enumerate(TITLES)][:kept]
    skills += [(f"n{number}", title) for number, title in enumerate(added)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("skill_id", "title"), *skills])
    return path


def write_documents(path: Path, *, count: int = 32) -> Path:
    """Labelled postings as JSON lines; two skills each."""
    titles = list(WORDINGS)
    lines = []
    for number in range(count):
        first = titles[number % len(titles)]
        second = titles[(number + 1 + number // len(titles)) % len(titles)]
        text = _OPENINGS[number % 4 if number < 16 else (number + 1) % 4].format(
            place=_PLACES[(number * 5) % 8], first=WORDINGS[first], second=WORDINGS[second]
        )
        lines.append(
            {"document_id": f"posting-{number}", "text": text, "skills": [first, second], "kind": "posting"}
        )
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path
