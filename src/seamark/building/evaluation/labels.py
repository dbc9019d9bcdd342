"""From the labels that people wrote to the skills of a taxonomy."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from seamark.errors import InputError
from seamark.taxonomy.skill import Skill

NO_LABEL = frozenset({"", "UNK", "UNDERSPECIFIED", "LABEL NOT PRESENT"})
"""What annotators write where the taxonomy has no skill for a stretch; compared without case."""

_SEPARATOR = re.compile(r"[;,\n]")


def fold(text: str) -> str:
    """``text`` without case, outer space and doubled spaces; line breaks stay, as they part labels."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line).casefold()


def normalise_sentence(text: str) -> str:
    """``text`` with all white space as single spaces and without case, to compare sentences by."""
    return " ".join(text.split()).casefold()


def is_no_label(label: str) -> bool:
    """Whether ``label`` says that there is none (see :data:`NO_LABEL`)."""
    return " ".join(label.split()).upper() in NO_LABEL


class LabelResolver:
    """Finds the skills that a label means, and the labels in a cell.

    A label is looked up as a title in exactly its letters, then as a title whatever its case and
    spaces, then as a skill id, then as an alternative title; the first that finds anything decides.
    Retired skills are not found: they are never predicted.

    Args:
        skills: the taxonomy.
    """

    def __init__(self, skills: Iterable[Skill]) -> None:
        self._exact: dict[str, set[str]] = {}
        self._titles: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        self._alternatives: dict[str, set[str]] = {}
        for skill in skills:
            if skill.status != "retired":
                self._add(skill)
        self._most_separators = max(
            (len(_SEPARATOR.findall(name)) for index in self._indices() for name in index), default=0
        )

    def _indices(self) -> tuple[dict[str, set[str]], ...]:
        return self._exact, self._titles, self._ids, self._alternatives

    def _add(self, skill: Skill) -> None:
        self._exact.setdefault(skill.title, set()).add(skill.skill_id)
        self._titles.setdefault(fold(skill.title), set()).add(skill.skill_id)
        self._ids.setdefault(skill.skill_id, set()).add(skill.skill_id)
        for title in skill.alternative_titles:
            self._alternatives.setdefault(fold(title), set()).add(skill.skill_id)

    def resolve(self, label: str) -> frozenset[str]:
        """The ids of the skills that ``label`` may mean; empty when the taxonomy knows none."""
        folded = fold(label)
        if not folded:
            return frozenset()
        for index, key in zip(self._indices(), (label, folded, label.strip(), folded), strict=True):
            if found := index.get(key):
                return frozenset(found)
        return frozenset()

    def split(self, cell: str | Sequence[Any], *, where: str = "labels") -> list[str]:
        """The labels in a cell, in order.

        A list is taken as it is, and so is a text that is a JSON or Python list. Any other text is
        parted at line breaks, semicolons and commas, except where they stand inside a name that
        the taxonomy knows: from the left, the longest known name wins.

        Raises:
            InputError: an item of a list isn't a text or a number; the message begins with ``where``.
        """
        items = _parse_list(cell) if isinstance(cell, str) else cell
        if items is not None:
            return [label for item in items if (label := _to_label(item, where))]
        return self._split_text(str(cell))

    def _split_text(self, cell: str) -> list[str]:
        ends = [match.start() for match in _SEPARATOR.finditer(cell)] + [len(cell)]
        labels: list[str] = []
        position = first = 0
        while first < len(ends):
            last = self._find_longest(cell, position, ends, first)
            labels.append(cell[position : ends[last]].strip())
            position, first = ends[last] + 1, last + 1
        return [label for label in labels if label]

    def _find_longest(self, cell: str, position: int, ends: Sequence[int], first: int) -> int:
        furthest = min(first + self._most_separators, len(ends) - 1)
        for last in range(furthest, first, -1):
            if self.resolve(cell[position : ends[last]]):
                return last
        return first


def _parse_list(cell: str) -> list[Any] | None:
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list):
            return value
    return None


def _to_label(item: Any, where: str) -> str:
    if item is None:
        return ""
    if isinstance(item, str | int | float) and not isinstance(item, bool):
        return str(item).strip()
    raise InputError(f"{where}: a {type(item).__name__} in a list of labels", expected="a list of texts")


class LabelCounter:
    """Counts what became of the labels of a gold file while they are resolved.

    Args:
        resolver: finds the skills.
    """

    def __init__(self, resolver: LabelResolver) -> None:
        self._resolver = resolver
        self.dropped: Counter[str] = Counter()
        self.unresolved: Counter[str] = Counter()

    def resolve(self, label: str) -> frozenset[str]:
        """The skills that ``label`` may mean; empty, and counted, when it is of no use."""
        if is_no_label(label):
            self.dropped[" ".join(label.split()).upper() or "(empty)"] += 1
            return frozenset()
        found = self._resolver.resolve(label)
        if not found:
            self.unresolved[label.strip()] += 1
        return found


def merge_alternatives(groups: Iterable[frozenset[str]]) -> dict[str, str]:
    """For each id in ``groups`` the one id that stands for all that its label may mean.

    Several skills can share a title, and a label can't say which of them it means: whichever is
    predicted is right, and they count as one. Groups that overlap become one. The smallest id stands
    for its group.
    """
    merged: list[set[str]] = []
    for group in groups:
        apart = [other for other in merged if not other & group]
        touching = [other for other in merged if other & group]
        merged = [*apart, set(group).union(*touching)]
    return {skill_id: min(group) for group in merged for skill_id in group}


def sort_counts(counts: Counter[str]) -> dict[str, int]:
    """The counts as a dict, the most frequent first, ties by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
