"""What a new taxonomy release changes: its skills, and what a model predicts with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from seamark.building.evaluation.protocols import ProgressListener, SkillExtractor, ignore_progress
from seamark.taxonomy.diff import TaxonomyDiff

if TYPE_CHECKING:
    from seamark.extraction.result import Prediction

LEAST_MOVE = 0.05
"""A confidence that changes by more has moved."""

_BATCH = 8  # texts between two reports of progress
_EXCERPT = 280  # characters of a text that the report shows

Cause = Literal["new skill", "skill gone", "skill changed", "other skills changed", "other version"]


@dataclass(frozen=True, slots=True)
class ImpactText:
    """A text that the report is made on.

    Attributes:
        title: what it is called there.
        text: the text.
    """

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangedPrediction:
    """A skill whose prediction for a text changes.

    Attributes:
        skill_id: its id.
        title: its title, the new one where it has one.
        before: confidence with the old release, 0-1; None: not predicted.
        after: confidence with the new release, 0-1; None: not predicted.
        cause: what happened to the skill itself.
    """

    skill_id: str
    title: str
    before: float | None
    after: float | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class TextImpact:
    """What changes for one text.

    Attributes:
        title: what the text is called.
        excerpt: its beginning.
        changes: gained, then lost, then moved predictions, the highest confidence first.
    """

    title: str
    excerpt: str
    changes: tuple[ChangedPrediction, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a release changes.

    Attributes:
        before: the old release as ``name@X.Y.Z``; empty: there was none.
        after: the new one.
        model: the model version that predicted; empty: there is none yet, so nothing was predicted.
        diff: what changed between the releases; None: there was none before.
        texts: how many texts were looked at.
        predictions: how many predictions they have with the old release.
        touched: the texts for which a prediction changes, in their order.
    """

    before: str
    after: str
    model: str
    diff: TaxonomyDiff | None
    texts: int = 0
    predictions: int = 0
    touched: tuple[TextImpact, ...] = ()

    @property
    def totals(self) -> dict[str, int]:
        """How many texts and predictions change."""
        changes = [change for text in self.touched for change in text.changes]
        return {
            "texts": self.texts,
            "texts_touched": len(self.touched),
            "predictions_before": self.predictions,
            "gained": sum(change.before is None for change in changes),
            "lost": sum(change.after is None for change in changes),
            "moved": sum(None not in (change.before, change.after) for change in changes),
        }

    def to_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "model": self.model,
            "skills": self.diff.to_dict() if self.diff else None,
            "totals": self.totals,
            "texts": [asdict(text) for text in self.touched],
        }


def measure_impact(
    before: SkillExtractor,
    after: SkillExtractor,
    diff: TaxonomyDiff,
    texts: Sequence[ImpactText],
    *,
    names: tuple[str, str] = ("", ""),
    model: str = "",
    otherwise: Cause = "other skills changed",
    on_progress: ProgressListener = ignore_progress,
) -> Impact:
    """What changes for ``texts`` when ``after`` predicts in place of ``before``.

    Args:
        before: predicts with the old release.
        after: the same model with the new release.
        diff: what changed between the two.
        texts: what to predict for.
        names: the two releases as ``name@X.Y.Z``.
        model: the model version.
        otherwise: the cause where the skill itself is the same.
        on_progress: hears how many texts are done.
    """
    causes = _find_causes(diff)
    touched: list[TextImpact] = []
    predictions = 0
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        raw = [item.text for item in batch]
        pairs = zip(before.extract_many(raw), after.extract_many(raw), strict=True)
        for item, (old, new) in zip(batch, pairs, strict=True):
            predictions += len(old.skills)
            if changes := _compare(old, new, causes, otherwise):
                touched.append(TextImpact(item.title, _shorten(item.text), changes))
        on_progress(min(start + _BATCH, len(texts)), len(texts))
    return Impact(*names, model, diff, len(texts), predictions, tuple(touched))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1].rstrip()}…"


def _find_causes(diff: TaxonomyDiff) -> dict[str, Cause]:
    causes: dict[str, Cause] = {}
    for change in diff.changed:
        was, is_now = change.old.status == "active", change.new.status == "active"
        cause: Cause = "skill changed" if was == is_now else "new skill" if is_now else "skill gone"
        causes[change.new.skill_id] = cause
    causes |= dict.fromkeys((skill.skill_id for skill in diff.added), "new skill")
    return causes | dict.fromkeys((skill.skill_id for skill in diff.removed), "skill gone")


def _compare(
    old: Prediction, new: Prediction, causes: Mapping[str, Cause], otherwise: Cause
) -> tuple[ChangedPrediction, ...]:
    titles = {skill.skill_id: skill.title for skill in (*old.skills, *new.skills)}
    before = {skill.skill_id: skill.confidence for skill in old.skills}
    after = {skill.skill_id: skill.confidence for skill in new.skills}
    changes = [
        ChangedPrediction(
            skill_id,
            title,
            before.get(skill_id),
            after.get(skill_id),
            causes.get(skill_id, otherwise),
        )
        for skill_id, title in titles.items()
    ]
    return tuple(sorted(filter(_is_change, changes), key=_rank))


def _is_change(change: ChangedPrediction) -> bool:
    if change.before is None or change.after is None:
        return True
    return round(abs(change.after - change.before), 4) > LEAST_MOVE  # as many digits as the wire format


def _rank(change: ChangedPrediction) -> tuple[int, float, str]:
    group = 0 if change.before is None else 1 if change.after is None else 2
    return group, -max(change.before or 0.0, change.after or 0.0), change.skill_id
