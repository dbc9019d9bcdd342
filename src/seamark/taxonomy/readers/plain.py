"""Seamark's own plain format, CSV or JSON (docs/reference/taxonomy-formats.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seamark.errors import TaxonomyError
from seamark.taxonomy._records import FIELDS, LIST_FIELDS, TEXT_FIELDS
from seamark.taxonomy._text import derive_skill_id
from seamark.taxonomy.readers._results import make_result
from seamark.taxonomy.readers._sources import Part, make_key
from seamark.taxonomy.readers._tables import (
    Table,
    apply_schema,
    clean_table,
    make_table,
    read_table,
    split_labels,
)
from seamark.taxonomy.report import ReadResult
from seamark.taxonomy.skill import Skill

FORMAT = "plain"
JSON_FORMAT = "seamark-taxonomy/1"

_KEYS = tuple(make_key(name) for name in FIELDS)
_FIELD_OF = dict(zip(_KEYS, FIELDS, strict=True))
_STATUSES = ("active", "retired")


def pick(parts: Sequence[Part], *, forced: bool = False) -> list[Part]:
    """The one part that is a plain taxonomy; empty where there is none.

    Args:
        parts: what the source holds.
        forced: the user named the format, so a column ``title`` is enough.

    Raises:
        TaxonomyError: several parts are.
    """
    found = [part for part in parts if _is_table(part) or is_plain_json(part.value)]
    if not found and len(parts) == 1 and forced and parts[0].has("title"):
        return list(parts)
    if len(found) > 1:
        names = ", ".join(part.label for part in found[:5])
        raise TaxonomyError(f"several plain taxonomies: {names}", expected="one", hint="give the file itself")
    return found


def _is_table(part: Part) -> bool:
    # Job postings have titles too: without a skill_id, a column that is not ours makes it no taxonomy.
    return part.has("title") and ("skillid" in part.keys or set(part.keys) <= {*_KEYS, ""})


def is_plain_json(value: Any) -> bool:
    """True for an object of our JSON format, and for a list of objects with titles."""
    if isinstance(value, dict):
        return value.get("format") == JSON_FORMAT or isinstance(value.get("skills"), list)
    return isinstance(value, list) and any(isinstance(item, dict) and "title" in item for item in value)


def read(parts: Sequence[Part]) -> ReadResult:
    """The taxonomy of the part that :func:`pick` chose."""
    part = parts[0]
    if part.value is not None:
        return _read_json(part)
    table = read_table(part, _KEYS)
    lists = {key: [split_list(cell) for cell in table.columns[key]] for key in _KEYS if _is_list(key)}
    return _read_rows(table, lists, name=part.path.stem)


def _is_list(key: str) -> bool:
    return _FIELD_OF[key] in LIST_FIELDS


def _read_json(part: Part) -> ReadResult:
    value = part.value if isinstance(part.value, dict) else {"skills": part.value}
    _check_version(value, part)
    items = value.get("skills")
    if not isinstance(items, list):
        raise TaxonomyError(f"{part.label}: 'skills' is no list", expected='{"skills": [{"title": …}, …]}')
    table, lists = _tabulate(part.label, items)
    name = value.get("name")
    result = _read_rows(table, lists, name=name if isinstance(name, str) and name else part.path.stem)
    version = value.get("version")
    if not isinstance(version, str) or not version:
        return result
    from seamark.taxonomy.taxonomy import Taxonomy

    return ReadResult(Taxonomy(result.taxonomy.name, result.taxonomy.skills, version), result.report)


def _check_version(value: dict[str, Any], part: Part) -> None:
    declared = value.get("format", JSON_FORMAT)
    if declared != JSON_FORMAT:
        raise TaxonomyError(f"{part.label} has the format {declared!r}", expected=repr(JSON_FORMAT))


def _tabulate(label: str, items: list[Any]) -> tuple[Table, dict[str, list[list[str]]]]:
    columns: dict[str, list[str]] = {key: [] for key in _KEYS}
    lists: dict[str, list[list[str]]] = {key: [] for key in _KEYS if _is_list(key)}
    problems: list[tuple[int, str, str]] = []
    for position, item in enumerate(items):
        record = item if isinstance(item, dict) else {}
        if record is not item:
            problems.append((position, "", "is no object"))
        for key, name in _FIELD_OF.items():
            text, entries, problem = _read_value(record.get(name), is_list=_is_list(key))
            columns[key].append(text)
            if _is_list(key):
                lists[key].append(entries)
            if problem:
                problems.append((position, key, problem))
    table = make_table(label, columns, list(range(1, len(items) + 1)))
    table.headers = dict(_FIELD_OF)
    for position, key, problem in problems:
        table.note(position, key, "rejected", problem, str(items[position]))
    return table, lists


def _read_value(value: Any, *, is_list: bool) -> tuple[str, list[str], str]:
    """The value as a cell, as a list, and what is wrong with it."""
    if value is None:
        return "", [], ""
    if is_list:
        if isinstance(value, list) and all(isinstance(entry, str | int | float) for entry in value):
            entries = [str(entry) for entry in value]
            return join_list(entries), entries, ""
        return "", [], "is no list of texts"
    if isinstance(value, str | int | float):
        return str(value), [], ""
    return "", [], "is no text"


def _read_rows(table: Table, lists: dict[str, list[list[str]]], *, name: str) -> ReadResult:
    before = {key: list(table.columns[key]) for key in lists}
    clean_table(table, titles=("title",), lists=tuple(lists))
    for key, entries in lists.items():  # a repaired cell is split again
        for position, (old, new) in enumerate(zip(before[key], table.columns[key], strict=True)):
            if old.strip() != new:
                entries[position] = split_list(new)
    _name_skills(table)
    apply_schema(table, _make_schema)
    skills = [_make_skill(table, position, lists) for position, _ in table.iterate("title")]
    return make_result(FORMAT, name, skills, [table])


def _name_skills(table: Table) -> None:
    ids, titles = table.columns["skillid"], table.columns["title"]
    table.headers.setdefault("skillid", "skill_id")
    for position, (skill_id, title) in enumerate(zip(ids, titles, strict=True)):
        if not skill_id and title:
            ids[position] = derive_skill_id(title)


def _make_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {
            "title": [s.required()],
            "skillid": [
                s.unique("the same skill_id (or, without one, title) as an earlier row, which counts")
            ],
            "status": [s.one_of(_STATUSES, "the status is neither active nor retired")],
        }
    )


def _make_skill(table: Table, position: int, lists: dict[str, list[list[str]]]) -> Skill:
    texts = {name: table.columns[make_key(name)][position] for name in TEXT_FIELDS}
    title = texts["title"]
    entries = {
        _FIELD_OF[key]: split_labels(
            table, position, key, values[position], title if key == "alternativetitles" else ""
        )
        for key, values in lists.items()
    }
    texts["status"] = texts["status"].lower() or "active"
    return Skill(**texts, **entries)  # type: ignore[arg-type]


def split_list(cell: str) -> list[str]:
    r"""The entries of a cell: separated by ``|``; ``\|`` is a bar and ``\\`` a backslash in an entry."""
    if "\\" not in cell:
        return [entry.strip() for entry in cell.split("|") if entry.strip()]
    entries, current = [], ""
    for char in _iterate_escaped(cell):
        if char == "|":
            entries.append(current)
            current = ""
        else:
            current += char[-1] if len(char) == 2 else char
    entries.append(current)
    return [entry.strip() for entry in entries if entry.strip()]


def _iterate_escaped(cell: str) -> Iterator[str]:
    characters = iter(range(len(cell)))
    for place in characters:
        pair = cell[place : place + 2]
        if pair in ("\\|", "\\\\"):
            next(characters)
            yield pair
        else:
            yield cell[place]


def join_list(entries: Sequence[str]) -> str:
    """The cell that :func:`split_list` splits into these entries."""
    return "|".join(entry.replace("\\", "\\\\").replace("|", "\\|") for entry in entries)


def read_trusted_csv(path: Path) -> tuple[Skill, ...]:
    """The skills of a plain CSV that Seamark itself wrote: no schema, no repairs, no Polars.

    Raises:
        TaxonomyError: the file is missing or has no heading ``title``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(_parse_trusted(row) for row in csv.DictReader(file))
    except (OSError, KeyError) as error:
        raise TaxonomyError(f"{path} can't be read: {error!r}", hint="install seamark again") from error


def _parse_trusted(row: dict[str, str]) -> Skill:
    lists = {name: tuple(split_list(row.get(name) or "")) for name in LIST_FIELDS}
    title = row["title"]
    skill_id = row.get("skill_id") or derive_skill_id(title)
    description, kind = row.get("description") or "", row.get("type") or ""
    return Skill(skill_id, title, description, kind, **lists, status=row.get("status") or "active")
