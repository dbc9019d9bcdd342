"""O*NET's tables: skills, knowledge, abilities, work activities, technology and tools.

Design choices: the tables of ratings share their headings, so what an element is follows from its
Element ID (2.A and 2.B skills, 2.C knowledge, 1.A abilities, 4.A work activities). The ratings by
occupation are not read: an element is one skill. The content model reference gives descriptions
and the groups above; alone, its lowest elements of those kinds are the skills. A technology or
tool has no identifier of its own, so its skill_id follows from its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seamark.taxonomy._text import derive_skill_id, normalise_title, tidy_list
from seamark.taxonomy.readers._results import make_result
from seamark.taxonomy.readers._sources import Part
from seamark.taxonomy.readers._tables import Table, apply_schema, clean_table, read_table
from seamark.taxonomy.report import ReadResult
from seamark.taxonomy.skill import Skill

FORMAT = "onet"

_TYPES = {"2.A": "skill", "2.B": "skill", "2.C": "knowledge", "1.A": "ability", "4.A": "work activity"}
_ELEMENT = ("elementid", "elementname", "description")
_EXAMPLE = ("example", "commoditycode", "commoditytitle", "hottechnology", "indemand")
_YES = ("y", "yes", "true", "1")


def pick(parts: Sequence[Part]) -> list[Part]:
    """The parts that are O*NET tables, tables of elements first; empty where there is none."""
    rated = [part for part in parts if part.has("elementid", "elementname", "onetsoccode")]
    reference = [
        part
        for part in parts
        if part.has("elementid", "elementname", "description") and not part.has("onetsoccode")
    ]
    examples = [part for part in parts if part.has("example", "commoditycode", "commoditytitle")]
    return [*rated, *reference, *examples]


def read(parts: Sequence[Part]) -> ReadResult:
    """The taxonomy of the tables that :func:`pick` chose."""
    tables = [_read_one(part) for part in parts]
    elements = _Elements()
    examples: dict[str, _Example] = {}
    rated = [table for table, part in zip(tables, parts, strict=True) if part.has("elementid", "onetsoccode")]
    for table, part in zip(tables, parts, strict=True):
        if part.has("elementid"):
            elements.add(table, is_rated=part.has("onetsoccode"))
        else:
            _add_examples(table, "technology" if part.has("hottechnology") else "tool", examples)
    skills = elements.make_skills(only_rated=bool(rated)) + [one.make_skill() for one in examples.values()]
    return make_result(FORMAT, FORMAT, skills, tables)


def _read_one(part: Part) -> Table:
    is_element = part.has("elementid")
    table = read_table(part, _ELEMENT if is_element else _EXAMPLE)
    clean_table(table, titles=("elementname" if is_element else "example",))
    apply_schema(table, _make_element_schema if is_element else _make_example_schema)
    return table


def _make_element_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema({"elementid": [s.required()], "elementname": [s.required()]})


def _make_example_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {"example": [s.required()], "commoditytitle": [s.wanted("no commodity: kept without a group")]}
    )


@dataclass(slots=True)
class _Elements:
    """The content model as far as the tables tell it."""

    titles: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    rated: dict[str, None] = field(default_factory=dict)

    def add(self, table: Table, *, is_rated: bool) -> None:
        """Take in a table; a name that another table gives differently is reported."""
        for position, (element, title, description) in table.iterate(*_ELEMENT):
            known = self.titles.setdefault(element, title)
            if known != title:
                reason = f"another table or row names {element} {known!r}, which counts"
                table.note(position, "elementname", "repaired", reason, title)
            if description:
                self.descriptions.setdefault(element, description)
            if is_rated:
                self.rated[element] = None

    def make_skills(self, *, only_rated: bool) -> list[Skill]:
        """A skill for each element of the known kinds: the rated ones, or else the lowest ones."""
        if only_rated:
            wanted = list(self.rated)
        else:
            parents = {element.rpartition(".")[0] for element in self.titles}
            wanted = [element for element in self.titles if element not in parents]
        return [self._make_skill(element) for element in wanted if element[:3] in _TYPES]

    def _make_skill(self, element: str) -> Skill:
        above, broader = element.rpartition(".")[0], []
        while above:
            if title := self.titles.get(above):
                broader.append(title)
            above = above.rpartition(".")[0]
        return Skill(
            element,
            self.titles[element],
            self.descriptions.get(element, ""),
            _TYPES[element[:3]],
            codes=(element,),
            broader=tidy_list(broader),
        )


@dataclass(slots=True)
class _Example:
    """A technology or a tool, collected over the occupations that use it."""

    title: str
    type: str
    codes: dict[str, None] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)

    def make_skill(self) -> Skill:
        """The skill: its commodities are its codes and the groups above it."""
        return Skill(
            f"{self.type}/{derive_skill_id(self.title)}",
            self.title,
            type=self.type,
            tags=tuple(self.tags),
            codes=tidy_list(self.codes),
            broader=tidy_list(self.groups),
        )


def _add_examples(table: Table, kind: str, examples: dict[str, _Example]) -> None:
    for _, (title, code, group, hot, demanded) in table.iterate(*_EXAMPLE):
        one = examples.setdefault(f"{kind}/{normalise_title(title)}", _Example(title, kind))
        if code:
            one.codes[code] = None
        if group:
            one.groups[group] = None
        if hot.lower() in _YES:
            one.tags["Hot Technology"] = None
        if demanded.lower() in _YES:
            one.tags["In Demand"] = None
