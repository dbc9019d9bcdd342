"""The report of a judgement: JSON for machines, one HTML page and a text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seamark.building.champion._sections import (
    render_documents,
    render_gist,
    render_measures,
    render_reasons,
    render_slices,
)
from seamark.building.champion.decision import Comparison, Decision
from seamark.building.champion.scoring import Scores
from seamark.building.champion.wording import count, name_candidate, show, show_signed
from seamark.building.page_parts import render_document, render_facts, render_header

FORMAT = 1


def make_report(
    decision: Decision, champion: Scores | None, contender: Scores, *, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The evidence as JSON: the decision, both scores document by document, and facts about how it came about.

    Args:
        decision: what :func:`~seamark.building.champion.judging.judge` said.
        champion: its scores; None where there is none.
        contender: its scores.
        facts: recipe, data, trigger and the like, ready for JSON.
    """
    return {
        "format": FORMAT,
        "decision": decision.to_dict(),
        "champion": champion.to_dict() if champion else None,
        "contender": contender.to_dict(),
        "facts": dict(facts or {}),
    }


def render_report(
    decision: Decision,
    champion: Scores | None,
    contender: Scores,
    *,
    facts: Mapping[str, Any] | None = None,
    sections: Sequence[str] = (),
) -> str:
    """The same as a self-contained page that a person can read.

    Args:
        decision: what :func:`~seamark.building.champion.judging.judge` said.
        champion: its scores; None where there is none.
        contender: its scores.
        facts: recipe, data, trigger and the like, shown as a table at the end.
        sections: more sections as HTML, such as
            :func:`~seamark.building.checks.page.render_checks` gives, before the facts.
    """
    heading = make_headline(decision)
    line = [count(decision.n, "document"), f"judged by {decision.primary.name}", contender.taxonomy]
    body = (
        render_header(heading, line, verdict="won" if decision.won else "lost", good=decision.won)
        + "<main>"
        + render_gist(decision)
        + render_reasons(decision)
        + render_measures(decision)
        + render_slices(decision)
        + render_documents(decision, champion, contender)
        + "".join(sections)
        + render_facts("How it came about", facts or {})
        + "</main>"
    )
    return render_document(heading, body)


def make_headline(decision: Decision) -> str:
    """The outcome in one sentence without a full stop."""
    contender = name_candidate(decision.contender_version, "The contender")
    if decision.champion_version is None:
        return f"{contender} becomes the first champion"
    if decision.won:
        return f"{contender} replaces {decision.champion_version}"
    return f"{contender} does not replace {decision.champion_version}"


def render_text(decision: Decision) -> str:
    """The outcome, its reasons and a table of the measures, for the command line."""
    lines = [make_headline(decision), ""]
    lines += [f"  - {text}" for text in decision.reasons]
    lines += [f"  ! {text}" for text in decision.notes]
    rows = [("measure", "champion", "contender", "difference", "95% interval", "")]
    rows += [_make_row(made) for made in decision.comparisons]
    rows += [
        (f"{part.dimension}: {part.value} ({part.documents})", *_make_row(part.comparison)[1:])
        for part in decision.slices
        if part.judged
    ]
    return "\n".join([*lines, "", *_align(rows)])


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]).rstrip()
        for row in rows
    ]


def _make_row(made: Comparison) -> tuple[str, str, str, str, str, str]:
    low_high = made.interval and f"{show_signed(made.name, made.interval.low)} … " + show_signed(
        made.name, made.interval.high
    )
    return (
        made.name,
        show(made.name, made.champion),
        show(made.name, made.contender),
        show_signed(made.name, made.difference),
        low_high or "–",
        "" if made.passed else "does not hold",
    )
