"""A taxonomy as a plain CSV or JSON file (docs/reference/taxonomy-formats.md)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from seamark.errors import UsageError
from seamark.taxonomy._files import write_file
from seamark.taxonomy._records import FIELDS, LIST_FIELDS, make_record
from seamark.taxonomy.readers.plain import JSON_FORMAT, join_list
from seamark.taxonomy.skill import Skill
from seamark.taxonomy.taxonomy import Taxonomy


def write_taxonomy(taxonomy: Taxonomy, path: Path) -> None:
    """Write the taxonomy to ``path``, which ends in ``.csv`` or ``.json``; the file is whole or not there.

    Raises:
        UsageError: another ending.
        StorageError: the file can't be written.
    """
    makers = {".csv": _make_csv, ".json": _make_json}
    if (maker := makers.get(Path(path).suffix.lower())) is None:
        raise UsageError(f"a taxonomy can't be written to {Path(path).name}", expected="a .csv or .json file")
    write_file(Path(path), maker(taxonomy))


def _make_csv(taxonomy: Taxonomy) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(_make_row(skill) for skill in taxonomy)
    return buffer.getvalue()


def _make_row(skill: Skill) -> list[str]:
    return [
        join_list(getattr(skill, name)) if name in LIST_FIELDS else getattr(skill, name) for name in FIELDS
    ]


def _make_json(taxonomy: Taxonomy) -> str:
    return json.dumps(make_document(taxonomy), ensure_ascii=False, indent=1) + "\n"


def make_document(taxonomy: Taxonomy) -> dict[str, Any]:
    """The taxonomy in our JSON format, as an object."""
    return {
        "format": JSON_FORMAT,
        "name": taxonomy.name,
        "version": taxonomy.version,
        "skills": [make_record(skill) for skill in taxonomy],
    }
