"""The evidence of a promotion as one web page that asks nobody for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seamark.building.checks.page import render_checks
from seamark.building.checks.result import CheckReport
from seamark.building.impact import Impact
from seamark.building.impact_page import render_predictions, render_skills, sum_up_predictions
from seamark.building.page_parts import escape, render_document, render_facts, render_header, render_tiles
from seamark.delivery.card_page import render_card

_MEGABYTE = 1_000_000
_NONE = "–"
_MINUS = "\u2212"


def render_evidence(
    content: Mapping[str, Any], *, checks: CheckReport | None, impact: Impact | None, primary: str
) -> str:
    """A self-contained HTML page.

    Args:
        content: the evidence, as :func:`seamark.delivery.evidence.gather_evidence` makes it.
        checks: the functional tests; None: there is no report of them.
        impact: what changes for the sample texts; None: it was not measured.
        primary: the metric that matters most.
    """
    version, stage, against = content["version"], content["stage"].upper(), content["against"]
    title = f"{version} for {stage}"
    facts = [
        f"compared with {against}, which is on {stage}" if against else f"{stage} has no version yet",
        content["making"]["taxonomy"],
        f"new: {change}" if (change := content["making"]["what changed"]) else "",
    ]
    body = (
        render_header(title, facts)
        + f'<main><p class="gist">{escape(_sum_up(content, impact))}</p>'
        + render_tiles(_make_tiles(content, checks, impact, primary), wide=True)
        + _render_metrics(content, primary)
        + (render_checks(checks) if checks else _render_missing("Functional tests", content["tests"]))
        + (render_predictions(impact) if impact else _render_missing("Predictions", content["impact"]))
        + (render_skills(impact.diff) if impact and impact.diff else "")
        + render_facts("How it came about", _describe_making(content))
        + _render_card(content["model_card"])
        + "</main>"
    )
    return render_document(title, body)


def _sum_up(content: Mapping[str, Any], impact: Impact | None) -> str:
    told = [content["experiment"]["outcome"], sum_up_predictions(impact) if impact else ""]
    sentences = [text if text.endswith((".", "!", "?")) else f"{text}." for text in filter(None, told)]
    return " ".join(text[0].upper() + text[1:] for text in sentences)


def _make_tiles(
    content: Mapping[str, Any], checks: CheckReport | None, impact: Impact | None, primary: str
) -> list[tuple[str, str, str]]:
    tiles = [
        (_show_pair(metric), primary, _choose_tone(metric))
        for metric in content["metrics"]
        if metric["name"] == primary
    ]
    if checks:
        asked = sum(result.asked for result in checks.results)
        value = f"{asked - len(checks.failed)} of {asked}"
        tiles.append((value, "tests passed", "good" if checks.passed else "bad"))
    if impact:
        totals = impact.totals
        tiles.append((f"{totals['texts_touched']} of {totals['texts']}", "sample texts change", ""))
    size = content["bundle"]["bytes"] / _MEGABYTE
    tiles.append((f"{size:,.1f} MB", f"{content['bundle']['files']} files, every digest verified", ""))
    return tiles


def _render_metrics(content: Mapping[str, Any], primary: str) -> str:
    metrics = content["metrics"]
    if not metrics:
        return _render_missing(
            "Metrics", {"skipped": "nothing was measured: there was no labelled test data"}
        )
    before = f'<th class="n">{escape(content["against"])}</th>' if content["against"] else ""
    lead = (
        "As measured before each was registered. Where their test data differ, the figures are not strictly comparable."
        if content["against"]
        else "As measured before it was registered."
    )
    change = '<th class="n">change</th>' if before else ""
    groups = _group_metrics(metrics, primary)
    rows = "".join(_render_group(title, found, paired=bool(before)) for title, found in groups)
    return (
        f'<section><h2>Metrics</h2><p class="lead">{lead}</p><div class="sheet{"" if before else " narrow"}">'
        f'<table class="metrics"><thead><tr><th>measure</th>{before}<th class="n">{escape(content["version"])}</th>'
        f"{change}</tr></thead>{rows}</table></div></section>"
    )


def _render_group(title: str, metrics: Sequence[Mapping[str, Any]], *, paired: bool) -> str:
    rows = "".join(_render_metric(metric, paired=paired) for metric in metrics)
    columns = 4 if paired else 2
    head = (
        f'<tr class="group"><th colspan="{columns}" scope="rowgroup">{escape(title)}</th></tr>'
        if title
        else ""
    )
    return f"<tbody>{head}{rows}</tbody>"


def _render_metric(metric: Mapping[str, Any], *, paired: bool) -> str:
    name = metric["name"].rpartition(".")[2].replace("_", " ")
    cells = f'<td class="n">{_show(metric["after"])}</td>'
    if paired:
        tone = {"good": " up", "bad": " down"}.get(_choose_tone(metric), "")
        cells = (
            f'<td class="n">{_show(metric["before"])}</td>{cells}<td class="n{tone}">{_subtract(metric)}</td>'
        )
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _group_metrics(
    metrics: Sequence[Mapping[str, Any]], primary: str
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Measures of the whole first, the one that matters most at their head; then a group for each slice."""
    groups: dict[str, list[Mapping[str, Any]]] = {"": []}
    for metric in metrics:
        group = metric["name"].rpartition(".")[0].removeprefix("slices.")
        groups.setdefault(group.replace("_", " ").replace(".", " · "), []).append(metric)
    groups[""].sort(key=lambda metric: metric["name"] != primary)
    return [(title, found) for title, found in groups.items() if found]


def _subtract(metric: Mapping[str, Any]) -> str:
    """The difference with its sign; a dash where there is none to tell."""
    if None in (metric["before"], metric["after"]):
        return _NONE
    difference = metric["after"] - metric["before"]
    scale = max(abs(metric["before"]), abs(metric["after"]))
    sign = "+" if difference > 0 else _MINUS
    return f"{sign}{_show(abs(difference), scale=scale)}" if difference else "0"


def _render_missing(heading: str, part: Mapping[str, Any]) -> str:
    why = part["skipped"]
    return f'<section><h2>{escape(heading)}</h2><p class="none">Not here: {escape(why)}.</p></section>'


def _render_card(text: str) -> str:
    return (
        '<section><h2>Model card</h2><div class="sheet folds"><details><summary>Show</summary>'
        f'<div class="card">{render_card(text)}</div></details></div></section>'
    )


def _describe_making(content: Mapping[str, Any]) -> dict[str, Any]:
    experiment = content["experiment"]
    return {
        **content["making"],
        "experiment": experiment["id"],
        "its report": experiment["report"],
        "manifest": content["bundle"]["manifest_digest"],
    }


def _choose_tone(metric: Mapping[str, Any]) -> str:
    return {"after": "good", "before": "bad"}.get(metric["better"] or "", "")


def _show_pair(metric: Mapping[str, Any]) -> str:
    after = _show(metric["after"])
    return after if metric["before"] is None else f"{_show(metric['before'])} → {after}"


def _show(value: float | None, *, scale: float | None = None) -> str:
    """A figure as a person reads it, with as many decimals as figures of this scale need."""
    if value is None:
        return _NONE
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if abs(value if scale is None else scale) <= 1 else f"{value:,.1f}"
