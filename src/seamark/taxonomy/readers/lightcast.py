"""Lightcast's open skills: the API's JSON, or CSV with the same columns.

Design choices: the API's truth values `isSoftware` and `isLanguage` become tags; its Wikipedia
extract stands in for a missing description; a removed skill is kept as retired.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seamark.errors import TaxonomyError
from seamark.taxonomy._text import tidy_list
from seamark.taxonomy.readers._results import make_result
from seamark.taxonomy.readers._sources import Part
from seamark.taxonomy.readers._tables import Table, apply_schema, clean_table, make_table, read_table
from seamark.taxonomy.report import ReadResult
from seamark.taxonomy.skill import Skill

FORMAT = "lightcast"

_COLUMNS = (
    "id", "name", "type", "category", "subcategory", "description", "tags", "issoftware", "islanguage",
    "removeddescription",
)  # fmt: skip
_NONE = ("", "none", "null")
_TRUE = ("true", "1", "yes")
_HEADERS = {
    "issoftware": "isSoftware",
    "islanguage": "isLanguage",
    "removeddescription": "removedDescription",
}
# CSV exports name some columns otherwise than the API.
_OTHER_NAMES = {"type": "typename", "category": "categoryname", "subcategory": "subcategoryname"}


def pick(parts: Sequence[Part]) -> list[Part]:
    """The one part that is Lightcast's; empty where there is none.

    Raises:
        TaxonomyError: several parts are.
    """
    found = [part for part in parts if _is_table(part) or _find_items(part.value) is not None]
    if len(found) > 1:
        names = ", ".join(part.label for part in found)
        raise TaxonomyError(
            f"several tables of Lightcast skills: {names}", expected="one", hint="give the file itself"
        )
    return found


def _is_table(part: Part) -> bool:
    return part.has("id", "name") and (part.has("type") or part.has("typename")) and not part.has("title")


def _find_items(value: Any) -> list[Any] | None:
    items = value.get("data") if isinstance(value, dict) else value
    if not isinstance(items, list):
        return None
    is_ours = any(
        isinstance(item, dict) and {"id", "name"} <= item.keys() and "title" not in item for item in items
    )
    return items if is_ours else None


def read(parts: Sequence[Part]) -> ReadResult:
    """The taxonomy of the part that :func:`pick` chose."""
    part = parts[0]
    table = _read_json(part) if part.value is not None else _read_csv(part)
    clean_table(table, titles=("name",))
    apply_schema(table, _make_schema)
    skills = [_make_skill(dict(zip(_COLUMNS, row, strict=True))) for _, row in table.iterate(*_COLUMNS)]
    return make_result(FORMAT, FORMAT, skills, [table])


def _read_csv(part: Part) -> Table:
    keys = {name: _OTHER_NAMES.get(name, name) if name not in part.keys else name for name in _COLUMNS}
    table = read_table(part, list(keys.values()))
    table.columns = {name: table.columns[key] for name, key in keys.items()}
    table.headers = {name: table.headers[key] for name, key in keys.items() if key in table.headers}
    return table


def _read_json(part: Part) -> Table:
    items = _find_items(part.value) or []
    records = [_flatten(item) if isinstance(item, dict) else {} for item in items]
    columns = {name: [record.get(name, "") for record in records] for name in _COLUMNS}
    table = make_table(part.label, columns, list(range(1, len(items) + 1)))
    table.headers |= _HEADERS
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            table.note(position, "", "rejected", "is no object", str(item))
    return table


def _flatten(item: Mapping[str, Any]) -> dict[str, str]:
    record = {name: _name_of(item.get(_HEADERS.get(name, name))) for name in _COLUMNS if name != "tags"}
    tags = [tag for tag in item.get("tags") or [] if isinstance(tag, dict)]
    extracts = {str(tag.get("key")): _name_of(tag.get("value")) for tag in tags}
    record["description"] = record["description"] or extracts.get("wikipediaExtract", "")
    named = [value for key, value in extracts.items() if value and not key.lower().startswith("wikipedia")]
    plain = [tag for tag in item.get("tags") or [] if isinstance(tag, str)]
    record["tags"] = json.dumps(named + plain) if named or plain else ""
    return record


def _name_of(value: Any) -> str:
    """The text of a value, the name of an object such as ``{"id": "ST1", "name": "…"}``."""
    if isinstance(value, dict):
        value = value.get("name")
    return "" if value is None else str(value)


def _make_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {
            "id": [s.required(), s.unique("the same id as an earlier row, which counts")],
            "name": [s.required()],
            "type": [s.wanted("no type: kept without one")],
        }
    )


def _make_skill(row: Mapping[str, str]) -> Skill:
    tags = _split_tags(row["tags"])
    if row["issoftware"].lower() in _TRUE:
        tags.append("Software")
    if row["islanguage"].lower() in _TRUE:
        tags.append("Language")
    groups = (row["subcategory"], row["category"])
    return Skill(
        row["id"],
        row["name"],
        row["description"],
        row["type"],
        tidy_list(tags),
        broader=tidy_list(group for group in groups if group.lower() not in _NONE),
        status="retired" if row["removeddescription"] else "active",
    )


def _split_tags(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            return [str(tag) for tag in json.loads(cell) if tag]
        except ValueError:
            pass
    return [tag.strip() for tag in cell.split("|") if tag.strip()]
