"""What a judgement says: each comparison, each slice, the verdict with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seamark.building.champion.measures import LOWER_IS_BETTER
from seamark.building.champion.resampling import Interval

SECTOR, KIND, SKILL_TYPE = "sector", "document kind", "skill type"
"""What documents are sliced by."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of both models.

    Attributes:
        name: the measure.
        champion: the champion's value; None where it can't be measured, or there is no champion.
        contender: the contender's value, likewise.
        interval: the bootstrap's interval of the difference; None where there is none.
        tolerance: by how much it may worsen; None where nothing is asked of it.
        passed: whether what is asked of it holds; True where nothing is.
    """

    name: str
    champion: float | None
    contender: float | None
    interval: Interval | None = None
    tolerance: float | None = None
    passed: bool = True

    @property
    def difference(self) -> float | None:
        """The contender's value less the champion's."""
        if self.champion is None or self.contender is None:
            return None
        return self.contender - self.champion

    @property
    def gain(self) -> float | None:
        """The difference, turned so that above 0 is better."""
        difference = self.difference
        return -difference if difference is not None and self.name in LOWER_IS_BETTER else difference

    def to_dict(self) -> dict[str, Any]:
        """The comparison, ready for JSON."""
        return {**asdict(self), "difference": self.difference}


@dataclass(frozen=True, slots=True)
class SliceComparison:
    """The primary metric on some of the documents.

    Attributes:
        dimension: ``sector``, ``document kind`` or ``skill type``.
        value: which sector, kind or type.
        documents: how many.
        judged: whether it has enough documents to decide anything.
        comparison: of the primary metric.
    """

    dimension: str
    value: str
    documents: int
    judged: bool
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """The slice, ready for JSON."""
        return {
            "dimension": self.dimension,
            "value": self.value,
            "documents": self.documents,
            "judged": self.judged,
            **self.comparison.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the contender won, and why.

    Attributes:
        won: whether it replaces the champion.
        reasons: sentences that say why it won or lost, the weightiest first.
        notes: sentences about what to keep in mind: few documents, what could not be measured.
        primary: the comparison that must rise.
        guards: those that may not worsen past their tolerance.
        others: all the rest, of which nothing is asked.
        slices: the primary metric by sector, document kind and skill type.
        champion_version: the champion's version; None where there is no champion.
        contender_version: the contender's, as its scores name it.
        n: documents that both were scored on.
        rule: the settings that were applied.
    """

    won: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    primary: Comparison
    guards: tuple[Comparison, ...]
    others: tuple[Comparison, ...]
    slices: tuple[SliceComparison, ...]
    champion_version: str | None
    contender_version: str
    n: int
    rule: Mapping[str, Any]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every measure of all documents: the primary, the guards, the others."""
        return (self.primary, *self.guards, *self.others)

    @property
    def intervals(self) -> dict[str, Interval]:
        """The interval of each measure's difference that has one; slices as ``dimension: value``."""
        named = [(comparison.name, comparison.interval) for comparison in self.comparisons]
        named += [(f"{part.dimension}: {part.value}", part.comparison.interval) for part in self.slices]
        return {name: interval for name, interval in named if interval}

    def to_dict(self) -> dict[str, Any]:
        """The decision, ready for JSON."""
        return {
            "won": self.won,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "champion_version": self.champion_version,
            "contender_version": self.contender_version,
            "n": self.n,
            "rule": dict(self.rule),
            "primary": self.primary.to_dict(),
            "guards": [comparison.to_dict() for comparison in self.guards],
            "others": [comparison.to_dict() for comparison in self.others],
            "slices": [part.to_dict() for part in self.slices],
        }
