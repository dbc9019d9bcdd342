"""The sentences that say why a contender won or lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seamark.building.champion.measures import LATENCIES, LOWER_IS_BETTER

if TYPE_CHECKING:
    from seamark.building.champion.decision import Comparison, Decision, SliceComparison
    from seamark.building.champion.resampling import Interval
    from seamark.building.champion.scoring import Scores

FEW_DOCUMENTS = 200
"""Below this many documents a note says that intervals are wide."""

NO_CHAMPION = "There is no champion yet."


def explain(decision: Decision) -> Iterator[str]:
    """Why the contender won or lost, the weightiest reason first."""
    if decision.champion_version is None:
        yield NO_CHAMPION
        return
    failed = [part for part in decision.slices if not part.comparison.passed]
    broken = [guard for guard in decision.guards if not guard.passed]
    against = [*map(_describe_guard, broken), *map(_describe_slice, failed)]
    # Where the primary metric rose enough, it is not the reason why the contender lost.
    yield from (
        [*against, describe_primary(decision)]
        if decision.primary.passed
        else [
            describe_primary(decision),
            *against,
        ]
    )
    if decision.won:
        yield from _describe_what_held(decision)


def list_notes(decision: Decision, champion: Scores | None, contender: Scores) -> Iterator[str]:
    """What to keep in mind when reading the decision."""
    if champion and decision.n < FEW_DOCUMENTS:
        yield (
            f"Only {count(decision.n, 'document')}: the intervals are wide, and another test split could "
            "turn a small difference round."
        )
    yield from _note_chance(decision)
    unmeasured = [guard.name for guard in decision.guards if champion and guard.difference is None]
    if unmeasured:
        yield f"Not measurable here, so not asked: {', '.join(unmeasured)}."
    if champion and champion.taxonomy_digest != contender.taxonomy_digest:
        yield (
            f"The two know different skills: the champion those of {champion.taxonomy}, "
            f"the contender those of {contender.taxonomy}."
        )
    for role, scores in (("champion", champion), ("contender", contender)):
        missing = (
            {skill_id for document in scores.documents for skill_id in document.unknown} if scores else ()
        )
        if missing:
            yield (
                f"{count(len(missing), 'gold skill')} the {role}'s taxonomy does not hold or has retired, "
                "so it can only miss them."
            )


def describe_primary(decision: Decision) -> str:
    """What the primary metric did, with its interval."""
    made, least = decision.primary, float(decision.rule["min_gain"])
    if made.gain is None:
        return f"{made.name} can't be measured on these documents."
    if abs(made.gain) <= 1e-9:
        return f"{made.name} did not rise: {show(made.name, made.contender)} in both."
    change = _describe_change(made)
    if made.passed or made.gain < 0 or not least:
        return f"{change}{describe_interval(made.name, made.interval, decision.rule['resamples'])}."
    return f"{change}, but more than {show(made.name, least)} is asked for."


def describe_interval(name: str, interval: Interval | None, resamples: int) -> str:
    """The interval in brackets; empty where there is none."""
    if interval is None:
        return ""
    return (
        f" (95% interval {show_signed(name, interval.low)} to {show_signed(name, interval.high)}; "
        f"better in {interval.better:.0%} of {resamples:,} resamples)"
    )


def show(name: str, value: float | None) -> str:
    """A value of the measure ``name`` as a person reads it."""
    if value is None:
        return "–"
    return f"{value:.1f} ms" if name in LATENCIES else f"{value:.3f}"


def show_signed(name: str, value: float | None) -> str:
    """A difference of the measure ``name`` as a person reads it, with its sign."""
    if value is None:
        return "–"
    shown = f"{value:+.1f}" if name in LATENCIES else f"{value:+.3f}"
    if not float(shown):
        shown = shown.replace("+", "±").replace("-", "±")
    return shown.replace("-", "−")


def name_candidate(version: str, otherwise: str) -> str:
    """What a model without a number yet is called at the beginning of a sentence.

    Args:
        version: as its predictions name it: empty, or ``candidate``, until it is registered.
        otherwise: what it is called then.
    """
    return otherwise if version in ("", "candidate") else version


def count(number: int, what: str) -> str:
    """``number`` of ``what``, in the plural where it is one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _describe_change(made: Comparison) -> str:
    assert made.difference is not None
    verb = "rose" if made.difference > 0 else "fell"
    better = ", which is worse," if made.name in LOWER_IS_BETTER and verb == "rose" else ""
    return (
        f"{made.name} {verb}{better} by {show(made.name, abs(made.difference))}, "
        f"from {show(made.name, made.champion)} to {show(made.name, made.contender)}"
    )


def _describe_guard(guard: Comparison) -> str:
    return f"{_describe_change(guard)}; {show(guard.name, guard.tolerance)} is tolerated."


def _describe_slice(part: SliceComparison) -> str:
    return (
        f"For {part.dimension} “{part.value}” ({count(part.documents, 'document')}) "
        f"{_describe_change(part.comparison)}; {show(part.comparison.name, part.comparison.tolerance)} "
        "is tolerated."
    )


def _describe_what_held(decision: Decision) -> Iterator[str]:
    if decision.guards:
        names = ", ".join(guard.name for guard in decision.guards)
        yield f"No guard fell past its tolerance ({names})."
    judged = sum(part.judged for part in decision.slices)
    least = decision.rule["slice_min_documents"]
    if judged:
        yield (
            f"No slice of {least} documents or more fell by more than "
            f"{show(decision.primary.name, decision.rule['slice_tolerance'])} ({judged} judged)."
        )
    elif decision.champion_version is not None:
        yield f"No slice has {least} documents, so none was judged."


def _note_chance(decision: Decision) -> Iterator[str]:
    interval = decision.primary.interval
    if interval and interval.low <= 0 <= interval.high and decision.primary.gain:
        yield (
            f"The interval of {decision.primary.name} includes 0: the difference may be chance. "
            "The rule goes by the measured value."
        )
