"""ESCO's CSV bundle: skills, the groups above them and the relations between them.

Design choices: a language other than English is read from its own files; `skills_xx.csv` alone is
enough; the hierarchy's titles are used only where the relations say which skill stands below which
group, for the hierarchy file itself names no skill.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from seamark.errors import TaxonomyError
from seamark.taxonomy._text import tidy_list
from seamark.taxonomy.readers._results import make_result
from seamark.taxonomy.readers._sources import Part
from seamark.taxonomy.readers._tables import Table, apply_schema, clean_table, read_table, split_labels
from seamark.taxonomy.report import ReadResult
from seamark.taxonomy.skill import Skill

FORMAT = "esco"

_SKILLS = (
    "concepturi", "preferredlabel", "skilltype", "reuselevel", "altlabels", "hiddenlabels", "status",
    "definition", "description", "concepttype", "broaderconceptpt",
)  # fmt: skip
_LEVELS = range(8)
_LANGUAGE = re.compile(r"_([a-z]{2})$")
_SEPARATOR = re.compile(r"\n| \| ")


def pick(parts: Sequence[Part]) -> list[Part]:
    """The parts of an ESCO bundle, the skills first; empty where there is none.

    Raises:
        TaxonomyError: several tables of skills, and none is English or whole.
    """
    skills = [part for part in parts if part.has("concepturi", "preferredlabel", "skilltype")]
    if not skills:
        return []
    chosen = _choose(skills)
    language = _find_language(chosen)
    others = [part for part in parts if _is_group(part) or _is_hierarchy(part)]
    relations = [part for part in parts if _is_relation(part)]
    return [chosen, *(part for part in others if _find_language(part) in (language, "")), *relations]


def _choose(skills: list[Part]) -> Part:
    # A collection (digital, green, …) repeats some of the skills and names their groups in place.
    whole = [part for part in skills if not part.has("broaderconceptpt")] or skills
    english = [part for part in whole if _find_language(part) == "en"]
    found = english if len(whole) > 1 and english else whole
    if len(found) > 1:
        names = ", ".join(part.label for part in found)
        raise TaxonomyError(
            f"several tables of ESCO skills: {names}", expected="one", hint="give the file itself"
        )
    return found[0]


def _find_language(part: Part) -> str:
    match = _LANGUAGE.search(part.path.stem.lower())
    return match.group(1) if match else ""


def _is_group(part: Part) -> bool:
    return part.has("concepturi", "preferredlabel", "code") and not part.has("skilltype")


def _is_hierarchy(part: Part) -> bool:
    return part.has("level0uri", "level0preferredterm")


def _is_relation(part: Part) -> bool:
    return part.has("concepturi", "broaderuri")


def read(parts: Sequence[Part]) -> ReadResult:
    """The taxonomy of the bundle that :func:`pick` chose."""
    table = read_table(parts[0], _SKILLS)
    clean_table(table, titles=("preferredlabel",), lists=("altlabels", "hiddenlabels"))
    apply_schema(table, _make_schema)
    rest = [part for part in parts[1:] if any(map(_is_relation, parts))]
    groups = _Groups([_read_rest(part) for part in rest])
    groups.add_titles(table, "concepturi", "preferredlabel")
    skills = [_make_skill(table, position, row, groups) for position, row in table.iterate(*_SKILLS)]
    return make_result(FORMAT, FORMAT, skills, [table, *groups.tables])


def _make_schema() -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema(
        {
            "concepttype": [
                s.one_of(["KnowledgeSkillCompetence"], "is no skill but another kind of concept")
            ],
            "concepturi": [s.required(), s.unique("the same URI as an earlier row")],
            "preferredlabel": [s.required()],
            "skilltype": [s.wanted("no skill type: kept without one")],
        }
    )


def _make_skill(table: Table, position: int, row: tuple[str, ...], groups: _Groups) -> Skill:
    uri, title, kind, reuse, alternative, hidden, status, definition, description, _, in_place = row
    labels = _SEPARATOR.split(f"{alternative}\n{hidden}" if hidden else alternative)
    broader = groups.find_above(uri) or tidy_list(in_place.split(" | "))
    return Skill(
        uri,
        title,
        description or definition,
        kind,
        (reuse,) if reuse else (),
        split_labels(table, position, "altlabels", labels, title) if alternative or hidden else (),
        broader=broader,
        status="active" if status in ("released", "") else "retired",
    )


def _read_rest(part: Part) -> Table:
    if _is_relation(part):
        keys: tuple[str, ...] = ("concepturi", "broaderuri")
    elif _is_group(part):
        keys = ("concepturi", "preferredlabel")
    else:
        keys = tuple(key for level in _LEVELS for key in _name_level(level) if key in part.keys)
    table = read_table(part, keys)
    clean_table(table)
    if not _is_hierarchy(part):
        apply_schema(table, lambda: _make_pair_schema(keys))
    return table


def _name_level(level: int) -> tuple[str, str]:
    return f"level{level}uri", f"level{level}preferredterm"


def _make_pair_schema(keys: Sequence[str]) -> Any:
    from seamark.taxonomy.readers import _schemas as s

    return s.make_schema({key: [s.required()] for key in keys})


class _Groups:
    """The groups' titles and what stands above what."""

    def __init__(self, tables: list[Table]) -> None:
        self.tables = tables
        self._titles: dict[str, str] = {}
        self._above: dict[str, list[str]] = defaultdict(list)
        for table in tables:
            self._add(table)

    def _add(self, table: Table) -> None:
        if "broaderuri" in table.columns:
            for _, (below, above) in table.iterate("concepturi", "broaderuri"):
                self._above[below].append(above)
        elif "concepturi" in table.columns:
            self.add_titles(table, "concepturi", "preferredlabel")
        else:
            for level in _LEVELS:
                if _name_level(level)[0] in table.columns:
                    self.add_titles(table, *_name_level(level))

    def add_titles(self, table: Table, uri: str, title: str) -> None:
        """Remember the titles of a table; a title known already stays."""
        for _, (key, value) in table.iterate(uri, title):
            if key and value:
                self._titles.setdefault(key, value)

    def find_above(self, uri: str) -> tuple[str, ...]:
        """Titles of everything above ``uri``, the nearest first, each once."""
        seen, level = {uri}, [uri]
        titles: dict[str, None] = {}
        while level:
            level = list(
                dict.fromkeys(up for one in level for up in self._above.get(one, ()) if up not in seen)
            )
            seen.update(level)
            titles.update((self._titles[one], None) for one in level if one in self._titles)
        return tidy_list(titles)
