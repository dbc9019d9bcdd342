"""SkillsFuture's unique-skills workbook, with its TSC mapping and key where they are there.

Design choices: the workbook has no identifier, so the skill_id follows from the title, which the
mapping uses as its key too; a title that stands twice is therefore one skill, and the first row
counts. Titles of the older framework that the mapping sends to a skill are its alternative titles;
the categories of its TSC codes are the groups above it, the most frequent first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seamark.errors import TaxonomyError
from seamark.taxonomy._text import derive_skill_id, normalise_title, tidy_list
from seamark.taxonomy.readers._results import make_result
from seamark.taxonomy.readers._sources import Part
from seamark.taxonomy.readers._tables import Table, apply_schema, clean_table, read_table
from seamark.taxonomy.report import ReadResult
from seamark.taxonomy.skill import Skill

FORMAT = "skillsfuture"

_SKILLS = ("skilltitle", "skilldescription", "skilltype", "emergingskills")
_MAPPING = ("skill2ktitle", "skill11ktitle", "tsccode", "sectortitle", "proficiencylevel")
_KEY = ("tsccode", "tscccstitle", "sector", "tscccscategory", "tscccsdescription", "tscccstype")
_TYPES = ("tsc", "ccs")
_TRUE = ("true", "1", "yes", "y")
_LEVEL_ORDER = {name: place for place, name in enumerate(("basic", "intermediate", "advanced"))}


def pick(parts: Sequence[Part]) -> list[Part]:
    """Workbook, mapping and key (the last two where they are there); empty without a workbook.

    Raises:
        TaxonomyError: several tables fit one of the three.
    """
    skills = _take_one([part for part in parts if part.has("skilltitle", "skilltype", "emergingskills")])
    if not skills:
        return []
    mapping = _take_one([part for part in parts if part.has("tsccode", "skill2ktitle")])
    key = _take_one([part for part in parts if part.has("tsccode", "tscccstitle")])
    return skills + mapping + key


def _take_one(found: list[Part]) -> list[Part]:
    if len(found) > 1:
        names = ", ".join(part.label for part in found)
        raise TaxonomyError(
            f"several tables of the same kind: {names}", expected="one", hint="remove the others"
        )
    return found


@dataclass(slots=True)
class _Usage:
    """Where a skill is used, as the mapping and the key tell it."""

    codes: dict[str, None] = field(default_factory=dict)
    sectors: dict[str, None] = field(default_factory=dict)
    levels: set[str] = field(default_factory=set)
    older_titles: dict[str, None] = field(default_factory=dict)
    categories: Counter[str] = field(default_factory=Counter)


def read(parts: Sequence[Part]) -> ReadResult:
    """The taxonomy of the files that :func:`pick` chose."""
    skills = read_table(parts[0], _SKILLS)
    clean_table(skills, titles=("skilltitle",))
    titles = [normalise_title(title) for title in skills.columns["skilltitle"]]
    apply_schema(skills, _make_schema, normalised={"skilltitle": titles})
    usage: dict[str, _Usage] = defaultdict(_Usage)
    mapping = _read_mapping(parts, set(titles), usage)
    key = _read_key(parts, set(titles), usage)
    made = [_make_skill(row, usage) for _, row in skills.iterate(*_SKILLS)]
    return make_result(FORMAT, FORMAT, made, [skills, *mapping, *key])


def _make_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {
            "skilltitle": [s.required()],
            "skilltype": [
                s.wanted("no skill type: kept without one"),
                s.among(_TYPES, "an unknown skill type, kept as it is"),
            ],
            "skilldescription": [s.wanted("no description: kept without one")],
            "skilltitle:key": [s.unique("the same title as an earlier row, which counts")],
        }
    )


def _read_mapping(parts: Sequence[Part], titles: set[str], usage: Mapping[str, _Usage]) -> list[Table]:
    part = next((part for part in parts[1:] if part.has("skill2ktitle")), None)
    if part is None:
        return []
    table = read_table(part, _MAPPING)
    clean_table(table, titles=("skill2ktitle", "skill11ktitle"))
    apply_schema(table, _make_mapping_schema)
    for position, (title, older, code, sector, level) in table.iterate(*_MAPPING):
        name = normalise_title(title)
        if name not in titles:
            table.note(position, "skill2ktitle", "rejected", "no unique skill has this title", title)
            continue
        _add_use(usage[name], code, sector, level)
        if older and normalise_title(older) not in titles:
            usage[name].older_titles[older] = None
    return [table]


def _make_mapping_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema({"skill2ktitle": [s.required()], "tsccode": [s.required()]})


def _add_use(use: _Usage, code: str, sector: str, level: str = "") -> None:
    use.codes[code] = None
    if sector:
        use.sectors[sector] = None
    if level:
        use.levels.add(level)


def _read_key(parts: Sequence[Part], titles: set[str], usage: Mapping[str, _Usage]) -> list[Table]:
    part = next((part for part in parts[1:] if part.has("tscccstitle")), None)
    if part is None:
        return []
    table = read_table(part, _KEY)
    clean_table(table, titles=("tscccstitle",))
    apply_schema(table, _make_key_schema)
    skill_of = {code: title for title, use in usage.items() for code in use.codes}
    for position, (code, title, sector, category, *_) in table.iterate(*_KEY):
        name = skill_of.get(code) or normalise_title(title)  # a code that the mapping lacks goes by its title
        if name not in titles:
            table.note(position, "tsccode", "rejected", "no unique skill has this code or title", code)
            continue
        _add_use(usage[name], code, sector)
        if category:
            usage[name].categories[category] += 1
    return [table]


def _make_key_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {
            "tsccode": [s.required(), s.unique("the same code as an earlier row")],
            "tscccstitle": [s.required()],
            "tscccstype": [s.wanted("no type: the unique skill's own type is used")],
        }
    )


def _make_skill(row: tuple[str, ...], usage: Mapping[str, _Usage]) -> Skill:
    title, description, kind, emerging = row
    use = usage.get(normalise_title(title), _Usage())
    kind = kind.lower() if kind.lower() in _TYPES else kind
    ranked = sorted(use.categories.items(), key=lambda item: (-item[1], item[0]))
    return Skill(
        derive_skill_id(title),
        title,
        description,
        kind,
        (f"Emerging {(kind or 'tsc').upper()}",) if emerging.lower() in _TRUE else (),
        tidy_list(use.older_titles, without=title),
        tidy_list(use.codes),
        tidy_list(use.sectors),
        tidy_list(sorted(use.levels, key=_order_level)),
        tidy_list(category for category, _ in ranked),
    )


def _order_level(level: str) -> tuple[int, str]:
    return _LEVEL_ORDER.get(level.lower(), -1), level
