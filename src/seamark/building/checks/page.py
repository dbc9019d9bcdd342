"""The checks of a candidate as HTML, and as text for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seamark.building.champion.wording import name_candidate
from seamark.building.checks.result import CheckReport, CheckResult
from seamark.building.page_parts import escape, render_document, render_facts, render_header

_MARKS = {"passed": "mark-ok", "failed": "mark-no", "not asked": "mark-off"}


def render_checks(report: CheckReport) -> str:
    """A section for a page: a row for each check, first those that failed, with what to do about them."""
    return (
        f'<section><h2>Functional and performance tests</h2><p class="lead">{escape(report.summary)}.</p>'
        f"{_render_table(report)}</section>"
    )


def render_checks_page(report: CheckReport, *, facts: Mapping[str, Any] | None = None) -> str:
    """A self-contained page of the checks alone.

    Args:
        report: the checks.
        facts: recipe, data, trigger and the like, shown as a table at the end.
    """
    verdict = "passed" if report.passed else "failed"
    name = name_candidate(report.version, "The candidate")
    heading = f"{name} {verdict} its tests"
    body = (
        render_header(
            heading, ["functional and performance tests", report.summary], verdict=verdict, good=report.passed
        )
        + f"<main>{_render_table(report)}{render_facts('How it came about', facts or {})}</main>"
    )
    return render_document(heading, body)


def render_checks_text(report: CheckReport) -> str:
    """A line for each check, what to do about those that failed, and the summary, for the command line."""
    width = max((len(result.name) for result in report.results), default=0)
    lines = []
    for result in report.results:
        lines.append(f"{result.status:<9}  {result.name:<{width}}  {result.found}")
        if not result.passed:
            lines.append(f"{'':<9}  {'':<{width}}  expected {result.expected}; try: {result.hint}")
            lines += [f"{'':<9}  {'':<{width}}    {example.strip()}" for example in result.examples]
    return "\n".join([*lines, report.summary])


def _render_table(report: CheckReport) -> str:
    ordered = sorted(report.results, key=lambda result: result.passed)  # stable: else as described
    return (
        '<div class="sheet"><table class="checks"><thead><tr><th>check</th><th></th><th>found</th><th>expected</th>'
        f'<th class="n">seconds</th></tr></thead><tbody>{"".join(map(_render_row, ordered))}</tbody></table></div>'
    )


def _render_row(result: CheckResult) -> str:
    items = "".join(f"<li>{escape(example.strip())}</li>" for example in result.examples)
    examples = f'<ul class="examples">{items}</ul>' if items else ""
    expected = (
        f'<td class="expected">{f"<small>{escape(result.expected)}</small>" if result.expected else ""}</td>'
    )
    hint = f'<span class="hint"><b>Try:</b> {escape(result.hint)}.</span>' if result.hint else ""
    return (
        f'<tr><th scope="row">{escape(result.name)}</th>'
        f'<td><span class="{_MARKS[result.status]}">{result.status}</span></td>'
        f'<td class="found">{escape(result.found)}{hint}{examples}</td>{expected}'
        f'<td class="n">{result.seconds:.1f}</td></tr>'
    )
