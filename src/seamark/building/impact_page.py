"""The impact of a taxonomy release as one web page that asks nobody for anything.

It looks like the page of a prediction (:mod:`seamark.extraction.page`): the same paper, the same inks. A gained
prediction has a plus before it, a lost one a minus, a moved one an arrow; colour never speaks alone.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from seamark.building.impact import ChangedPrediction, Impact, TextImpact
from seamark.taxonomy.diff import ChangedSkill, TaxonomyDiff

_MOST_SKILLS = 200  # of each kind of change; the JSON has them all
_MOST_VALUE = 160  # characters of an old or new value
_FIELDS = {"title": "Retitled", "description": "Another description", "type": "Another type"}

_STYLE = """
:root { color-scheme: light dark;
  --paper: #faf9f6; --sheet: #fff; --ink: #23262d; --soft: #6a6f7a; --line: #e5e2da;
  --gain: #1f6f78; --gain-wash: #d8eeee; --loss: #a3560a; --loss-wash: #fbe8cd; --move: #5c4aa8; --move-wash: #ece8fa;
  --serif: "Iowan Old Style", Charter, "Bitstream Charter", "Source Serif 4", "Noto Serif", Georgia, serif;
  --sans: Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #16181c; --sheet: #1c1f24; --ink: #e4e3df; --soft: #9a9fa9; --line: #2e3239;
  --gain: #7fd0d3; --gain-wash: #17393c; --loss: #f0b673; --loss-wash: #41301a;
  --move: #b9abf5; --move-wash: #2d2848; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 2rem 4rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 var(--sans); overflow-wrap: anywhere; }
h1 { font: 600 2rem/1.2 var(--serif); margin: 0; } h2 { font: 600 1.4rem/1.25 var(--serif); margin: 2.5rem 0 .75rem; }
h3 { font: 600 1rem/1.35 var(--sans); margin: 0; } p { margin: .4rem 0; }
ul { list-style: none; margin: 0; padding: 0; }
.facts { display: flex; flex-wrap: wrap; margin-top: .5rem; color: var(--soft); font-size: .875rem; }
.facts li:not(:last-child)::after { content: "·"; margin: 0 .5em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin-bottom: 1rem; }
.tiles li { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem; }
.tiles b { display: block; font: 600 1.6rem/1.2 var(--serif); font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.25rem;
  margin-bottom: .75rem; }
details.sheet > summary { cursor: pointer; font-weight: 600; } details.sheet[open] > summary { margin-bottom: .6rem; }
.text { font: 15px/1.6 var(--serif); color: var(--soft); }
.rows li { padding: .3rem 0; border-top: 1px solid var(--line); } .rows li:first-child { border-top: 0; }
.change { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) auto auto; gap: .7rem; align-items: baseline; }
.sign { text-align: center; border-radius: 4px; font-weight: 700; }
.gained .sign { background: var(--gain-wash); color: var(--gain); }
.lost .sign { background: var(--loss-wash); color: var(--loss); }
.moved .sign { background: var(--move-wash); color: var(--move); }
.score { font-variant-numeric: tabular-nums; white-space: nowrap; }
.cause, .soft { color: var(--soft); font-size: .85rem; }
del { color: var(--loss); text-decoration-thickness: 1px; } ins { color: var(--gain); text-decoration: none; }
@media (max-width: 40rem) {
  .change { grid-template-columns: 1.6rem minmax(0, 1fr) auto; } .cause { grid-column: 2 / -1; } }
"""


def render_impact(impact: Impact) -> str:
    """A self-contained HTML page of the report."""
    title = f"What {impact.after} changes"
    facts = [
        f"compared with {impact.before}" if impact.before else "the first release",
        f"model version {impact.model}" if impact.model else "",
    ]
    body = (
        f"<header><h1>{_escape(title)}</h1>{_render_list(facts, 'facts')}</header>"
        f"<main>{_render_skills(impact.diff)}{_render_predictions(impact)}</main>"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{_escape(title)} · Seamark</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


# ---- skills


def _render_skills(diff: TaxonomyDiff | None) -> str:
    if diff is None:
        return "<h2>Skills</h2><p>There is no earlier release to compare with.</p>"
    tiles = [(count, name.replace("_", " ")) for name, count in diff.counts.items()]
    lists = [
        _render_fold("Added", [_render_skill(skill.title, skill.skill_id) for skill in diff.added]),
        _render_fold("Removed", [_render_skill(skill.title, skill.skill_id) for skill in diff.removed]),
        *(
            _render_fold(heading, [_render_change(change, field) for change in changes])
            for (field, heading), changes in zip(
                _FIELDS.items(), (diff.retitled, diff.redescribed, diff.retyped), strict=True
            )
        ),
        _render_fold("Changed otherwise", [_render_fields(change) for change in diff.changed_otherwise]),
    ]
    return f"<h2>Skills</h2>{_render_tiles(tiles)}{''.join(lists)}"


def _render_fold(heading: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    shown = "".join(f"<li>{item}</li>" for item in items[:_MOST_SKILLS])
    rest = len(items) - _MOST_SKILLS
    more = f'<p class="soft">and {rest:,} more, which the JSON report lists</p>' if rest > 0 else ""
    return (
        f'<details class="sheet"><summary>{heading}: {len(items):,}</summary>'
        f'<ul class="rows">{shown}</ul>{more}</details>'
    )


def _render_skill(title: str, skill_id: str) -> str:
    return f'<bdi>{_escape(title)}</bdi> <span class="soft">{_escape(skill_id)}</span>'


def _render_change(change: ChangedSkill, field: str) -> str:
    old, new = (_escape(_shorten(getattr(skill, field))) for skill in (change.old, change.new))
    values = f"<del>{old or '(empty)'}</del> → <ins>{new or '(empty)'}</ins>"
    return values if field == "title" else f"<b>{_escape(change.new.title)}</b><br>{values}"


def _render_fields(change: ChangedSkill) -> str:
    fields = ", ".join(name.replace("_", " ") for name in change.fields if name not in _FIELDS)
    return f'<bdi>{_escape(change.new.title)}</bdi> <span class="soft">{_escape(fields)}</span>'


# ---- predictions


def _render_predictions(impact: Impact) -> str:
    if not impact.model:
        return "<h2>Predictions</h2><p>No model version predicts with this taxonomy yet.</p>"
    totals = impact.totals
    tiles = [
        (totals["texts"], "texts looked at"),
        (totals["texts_touched"], "texts that change"),
        (totals["predictions_before"], "predictions before"),
        (totals["gained"], "gained"),
        (totals["lost"], "lost"),
        (totals["moved"], "moved"),
    ]
    texts = "".join(map(_render_text, impact.touched)) or "<p>No prediction changes.</p>"
    return f"<h2>Predictions</h2>{_render_tiles(tiles)}{texts}"


def _render_text(text: TextImpact) -> str:
    rows = "".join(map(_render_prediction, text.changes))
    return (
        f'<section class="sheet"><h3>{_escape(text.title)}</h3>'
        f'<p class="text">{_escape(text.excerpt)}</p><ul class="rows">{rows}</ul></section>'
    )


def _render_prediction(change: ChangedPrediction) -> str:
    kind, sign, word = ("moved", "→", "moved")
    if change.before is None:
        kind, sign, word = ("gained", "+", "gained")
    elif change.after is None:
        kind, sign, word = ("lost", "−", "lost")
    score = " → ".join(f"{value:.2f}" for value in (change.before, change.after) if value is not None)
    return (
        f'<li class="change {kind}"><span class="sign" title="{word}">{sign}</span>'
        f'<bdi title="{_escape(change.skill_id)}">{_escape(change.title)}</bdi>'
        f'<span class="cause">{_escape(change.cause)}</span><span class="score">{score}</span></li>'
    )


# ---- pieces


def _render_tiles(tiles: Iterable[tuple[int, str]]) -> str:
    items = "".join(f"<li><b>{count:,}</b><span>{_escape(what)}</span></li>" for count, what in tiles)
    return f'<ul class="tiles">{items}</ul>'


def _render_list(items: Iterable[str], kind: str) -> str:
    return f'<ul class="{kind}">{"".join(f"<li>{_escape(item)}</li>" for item in items if item)}</ul>'


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1].rstrip()}…"


def _escape(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))
