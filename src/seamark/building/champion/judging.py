"""Whether a contender replaces the champion, and why.

Design choices:

- The rule looks at the measured values alone: the primary metric must rise by more than ``min_gain``, no guard and
  no slice may fall past its tolerance. The bootstrap's intervals are shown beside them and decide nothing: a
  rule that waits for significance would refuse every small honest gain on a few hundred documents.
- Equal is not better: a tie leaves the champion where it is.
- Both models must have been scored on the same documents with the same gold; anything else is an error.
- Slices are by sector, document kind and skill type. For a skill type, gold and predictions are restricted to
  skills of that type, and a document counts where its gold or either model's predictions have one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from seamark.building.champion.decision import KIND, SECTOR, SKILL_TYPE, Comparison, Decision, SliceComparison
from seamark.building.champion.measures import COMPARED, UNRANKED, restrict, summarise
from seamark.building.champion.resampling import Interval, bootstrap
from seamark.building.champion.scoring import DocumentScore, Scores
from seamark.building.champion.wording import count, explain, list_notes
from seamark.errors import UsageError
from seamark.settings import ChampionSettings

NOISE = 1e-9
"""Differences up to this are rounding, not rises or falls."""


def judge(champion: Scores | None, contender: Scores, settings: ChampionSettings) -> Decision:
    """Whether ``contender`` replaces ``champion``.

    Args:
        champion: the champion's scores; None where nothing was registered yet: the contender wins.
        contender: its scores on the same documents.
        settings: the rule.

    Raises:
        UsageError: the two were scored on different documents, or a metric of the settings is unknown.
    """
    _check_names(settings)
    pairs = _pair(champion, contender) if champion else None
    intervals = _bootstrap(pairs, settings) if pairs else {}
    made = {
        name: _compare(
            name, champion.metrics if champion else None, contender.metrics, intervals.get(name), settings
        )
        for name in COMPARED
    }
    slices = tuple(_make_slices(pairs, _find_types(champion, contender), settings)) if pairs else ()
    guards = tuple(made[name] for name in COMPARED if name in settings.guards and name != settings.primary)
    shown = {settings.primary, *settings.guards}
    won = champion is None or _has_won(made[settings.primary], guards, slices)
    decision = Decision(
        won=won,
        reasons=(),
        notes=(),
        primary=made[settings.primary],
        guards=guards,
        others=tuple(made[name] for name in COMPARED if name not in shown),
        slices=slices,
        champion_version=champion.version if champion else None,
        contender_version=contender.version,
        n=len(contender.documents),
        rule=asdict(settings),
    )
    return _explain(decision, champion, contender)


def _check_names(settings: ChampionSettings) -> None:
    for name in (settings.primary, *settings.guards):
        if name not in COMPARED:
            raise UsageError(f"there is no metric {name!r} to compare by", expected=", ".join(COMPARED))


def _explain(decision: Decision, champion: Scores | None, contender: Scores) -> Decision:
    return replace(
        decision,
        reasons=tuple(explain(decision)),
        notes=tuple(list_notes(decision, champion, contender)),
    )


# ---- what is compared

_Pair = tuple[DocumentScore, DocumentScore]


def _pair(champion: Scores, contender: Scores) -> list[_Pair]:
    """Both scores of each document, by document_id: their order changes nothing."""
    before = {document.document_id: document for document in champion.documents}
    after = {document.document_id: document for document in contender.documents}
    if before.keys() != after.keys():
        gone, new = len(before.keys() - after.keys()), len(after.keys() - before.keys())
        raise _refuse(f"{count(gone, 'document')} only the champion met, {new:,} only the contender")
    pairs = [(before[document_id], after[document_id]) for document_id in sorted(after)]
    changed = [one.document_id for one, other in pairs if one.gold != other.gold]
    if changed:
        raise _refuse(f"{count(len(changed), 'document')} with other gold skills, such as {changed[0]!r}")
    return pairs


def _refuse(what: str) -> UsageError:
    return UsageError(
        f"champion and contender were scored on different test splits: {what}",
        expected="the same documents with the same gold skills",
        hint="score both on the same frozen split",
    )


def _bootstrap(pairs: Sequence[_Pair], settings: ChampionSettings) -> dict[str, Interval]:
    champion, contender = [one for one, _ in pairs], [other for _, other in pairs]
    return bootstrap(champion, contender, resamples=settings.resamples, seed=settings.seed)


def _compare(
    name: str,
    champion: Mapping[str, float | None] | None,
    contender: Mapping[str, float | None],
    interval: Interval | None,
    settings: ChampionSettings,
) -> Comparison:
    made = Comparison(name, champion[name] if champion else None, contender[name], interval)
    gain = made.gain
    if name == settings.primary:
        passed = champion is None or (gain is not None and gain > settings.min_gain + NOISE)
        return replace(made, passed=passed)
    if name in settings.guards:
        tolerance = settings.guards[name]
        return replace(made, tolerance=tolerance, passed=_holds(gain, tolerance))
    return made


def _holds(gain: float | None, tolerance: float) -> bool:
    """What can't be measured can't fall."""
    return gain is None or gain >= -tolerance - NOISE


def _has_won(primary: Comparison, guards: Sequence[Comparison], slices: Sequence[SliceComparison]) -> bool:
    return (
        primary.passed
        and all(guard.passed for guard in guards)
        and all(part.comparison.passed for part in slices)
    )


# ---- slices


def _find_types(champion: Scores | None, contender: Scores) -> dict[str, str]:
    """The type of each skill; where the two taxonomies differ, the contender's."""
    known = {**(champion.skills if champion else {}), **contender.skills}
    return {skill_id: skill.type for skill_id, skill in known.items() if skill.type}


def _make_slices(
    pairs: Sequence[_Pair], types: Mapping[str, str], settings: ChampionSettings
) -> Iterator[SliceComparison]:
    by_field: tuple[tuple[str, Callable[[DocumentScore], str]], ...] = (
        (SECTOR, lambda document: document.sector),
        (KIND, lambda document: document.kind),
    )
    for dimension, get in by_field:
        for value in sorted({get(document) for _, document in pairs} - {""}):
            chosen = [pair for pair in pairs if get(pair[1]) == value]
            yield _compare_slice(dimension, value, chosen, settings)
    if settings.primary in UNRANKED:
        for value in sorted(set(types.values())):
            if chosen := list(_restrict_pairs(pairs, types, value)):
                yield _compare_slice(SKILL_TYPE, value, chosen, settings)


def _restrict_pairs(pairs: Sequence[_Pair], types: Mapping[str, str], value: str) -> Iterator[_Pair]:
    def keep(skill_id: str) -> bool:
        return types.get(skill_id) == value

    for one, other in pairs:
        if any(map(keep, (*one.gold, *one.predicted, *other.predicted))):
            yield restrict(one, keep), restrict(other, keep)


def _compare_slice(
    dimension: str, value: str, pairs: Sequence[_Pair], settings: ChampionSettings
) -> SliceComparison:
    name = settings.primary
    judged = len(pairs) >= settings.slice_min_documents
    before, after = (summarise([pair[side] for pair in pairs])[name] for side in (0, 1))
    interval = _bootstrap(pairs, settings).get(name)
    made = Comparison(name, before, after, interval)
    if judged:
        tolerance = settings.slice_tolerance
        made = replace(made, tolerance=tolerance, passed=_holds(made.gain, tolerance))
    return SliceComparison(dimension, value, len(pairs), judged, made)
