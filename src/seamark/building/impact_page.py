"""The impact of a taxonomy release as one web page that asks nobody for anything.

A gained prediction has a plus before it, a lost one a minus, a moved one an arrow; colour never speaks alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from seamark.building.impact import ChangedPrediction, Impact, TextImpact
from seamark.building.page_parts import escape, render_document, render_header, render_tiles
from seamark.taxonomy.diff import ChangedSkill, TaxonomyDiff

_MOST_SKILLS = 200  # of each kind of change; the JSON has them all
_MOST_OPEN = 6  # a list of so many stands open
_MOST_VALUE = 160  # characters of an old or new value
_FIELDS = {"title": "Retitled", "description": "Redescribed", "type": "Retyped"}


def render_impact(impact: Impact) -> str:
    """A self-contained HTML page of the report."""
    title = f"What {impact.after} changes"
    facts = [
        f"compared with {impact.before}" if impact.before else "the first release",
        f"predicted by model version {impact.model}" if impact.model else "",
    ]
    body = (
        render_header(title, facts)
        + f'<main><p class="gist">{escape(_sum_up(impact))}</p>'
        + render_skills(impact.diff)
        + render_predictions(impact)
        + "</main>"
    )
    return render_document(title, body)


def _sum_up(impact: Impact) -> str:
    """What matters most, in a sentence or two."""
    return " ".join(filter(None, (_sum_up_skills(impact.diff), sum_up_predictions(impact))))


def _sum_up_skills(diff: TaxonomyDiff | None) -> str:
    if diff is None:
        return ""
    named = (diff.retitled, diff.redescribed, diff.retyped, diff.changed_otherwise)
    changed = len({change.new.skill_id for changes in named for change in changes})
    parts = ((len(diff.added), "new"), (len(diff.removed), "gone"), (changed, "changed"))
    told = [f"{number:,} {what}" for number, what in parts if number]
    return f"Skills: {', '.join(told)}." if told else "No skill is new, gone or changed."


def sum_up_predictions(impact: Impact) -> str:
    """How many predictions change, in a sentence; empty where nothing was predicted."""
    if not impact.model:
        return ""
    totals = impact.totals
    if not totals["texts_touched"]:
        return f"No prediction changes in the {totals['texts']:,} texts looked at."
    kinds = [f"{totals[kind]:,} {kind}" for kind in ("gained", "lost", "moved") if totals[kind]]
    return (
        f"Predictions change in {totals['texts_touched']:,} of {totals['texts']:,} texts: {', '.join(kinds)} "
        f"({totals['predictions_before']:,} before)."
    )


# ---- skills


def render_skills(diff: TaxonomyDiff | None) -> str:
    """A section with the skills that are new, gone or changed."""
    if diff is None:
        return '<section><h2>Skills</h2><p class="none">There is no earlier release to compare with.</p></section>'
    tiles = [_make_tile(number, name.replace("_", " ")) for name, number in diff.counts.items()]
    folds = "".join(
        _render_fold(heading, items)
        for heading, items in (
            ("Added", [_render_skill(skill.title, skill.skill_id) for skill in diff.added]),
            ("Removed", [_render_skill(skill.title, skill.skill_id) for skill in diff.removed]),
            *(
                (heading, [_render_change(change, field) for change in changes])
                for (field, heading), changes in zip(
                    _FIELDS.items(), (diff.retitled, diff.redescribed, diff.retyped), strict=True
                )
            ),
            ("Changed otherwise", [_render_fields(change) for change in diff.changed_otherwise]),
        )
        if items
    )
    lists = f'<div class="sheet folds">{folds}</div>' if folds else ""
    return f"<section><h2>Skills</h2>{render_tiles(tiles)}{lists}</section>"


def _render_fold(heading: str, items: Sequence[str]) -> str:
    shown = "".join(f"<li>{item}</li>" for item in items[:_MOST_SKILLS])
    rest = len(items) - _MOST_SKILLS
    more = f'<p class="more">and {rest:,} more, which the JSON report lists</p>' if rest > 0 else ""
    is_open = " open" if len(items) <= _MOST_OPEN else ""
    return (
        f"<details{is_open}><summary>{heading} <small>{len(items):,}</small></summary>"
        f"<ul>{shown}</ul>{more}</details>"
    )


def _render_skill(title: str, skill_id: str) -> str:
    return f"<bdi>{escape(title)}</bdi> <small>{escape(skill_id)}</small>"


def _render_change(change: ChangedSkill, field: str) -> str:
    old, new = (escape(_shorten(getattr(skill, field))) for skill in (change.old, change.new))
    values = f"<del>{old or '(empty)'}</del> → <ins>{new or '(empty)'}</ins>"
    return values if field == "title" else f"<b>{escape(change.new.title)}</b><br>{values}"


def _render_fields(change: ChangedSkill) -> str:
    fields = ", ".join(name.replace("_", " ") for name in change.fields if name not in _FIELDS)
    return f"<bdi>{escape(change.new.title)}</bdi> <small>{escape(fields)}</small>"


# ---- predictions


def render_predictions(impact: Impact) -> str:
    """A section with the texts whose predictions change."""
    if not impact.model:
        none = "No model version predicts with this taxonomy yet."
        return f'<section><h2>Predictions</h2><p class="none">{none}</p></section>'
    totals = impact.totals
    tiles = [
        (f"{totals['texts']:,}", "texts looked at", ""),
        _make_tile(totals["texts_touched"], "texts that change"),
        (f"{totals['predictions_before']:,}", "predictions before", ""),
        *(_make_tile(totals[kind], kind) for kind in ("gained", "lost", "moved")),
    ]
    texts = "".join(map(_render_text, impact.touched))
    cases = f'<div class="sheet">{texts}</div>' if texts else '<p class="none">No prediction changes.</p>'
    return f"<section><h2>Predictions</h2>{render_tiles(tiles)}{cases}</section>"


def _render_text(text: TextImpact) -> str:
    rows = "".join(map(_render_prediction, text.changes))
    return (
        f'<article class="case"><header><h3>{escape(text.title)}</h3></header>'
        f'<blockquote>{escape(text.excerpt)}</blockquote><ul class="changes">{rows}</ul></article>'
    )


def _render_prediction(change: ChangedPrediction) -> str:
    kind, sign = "moved", "→"
    if change.before is None:
        kind, sign = "gained", "+"
    elif change.after is None:
        kind, sign = "lost", "−"
    score = " → ".join(f"{value:.2f}" for value in (change.before, change.after) if value is not None)
    return (
        f'<li class="{kind}"><span class="sign" title="{kind}">{sign}</span>'
        f'<bdi title="{escape(change.skill_id)}">{escape(change.title)}</bdi>'
        f'<small class="cause">{escape(change.cause)}</small><span class="n">{score}</span></li>'
    )


def _make_tile(number: int, what: str) -> tuple[str, str, str]:
    return (f"{number:,}", what, "" if number else "faint")


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1].rstrip()}…"
