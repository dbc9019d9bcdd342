"""What pages about a candidate are made of: one file each, in the look of a prediction's page.

No page asks anybody for anything: a content security policy forbids every request, and there is no script.
Whatever comes from texts, taxonomies and settings is escaped.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from seamark.extraction._page_style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_OWN_STYLE = """
:root { --good: #1f6f78; --good-wash: #d8eeee; --bad: #a32f1d; --bad-wash: #fbe1da; --calm: #6a6f7a; }
@media (prefers-color-scheme: dark) {
  :root { --good: #7fd0d3; --good-wash: #17393c; --bad: #f2957f; --bad-wash: #45211a; --calm: #9a9fa9; }
}
body.report { max-width: 74rem; }
.report .verdict { display: inline-block; margin-bottom: .7rem; padding: .15rem .8rem; border-radius: 99px;
  font: 600 .78rem/1.6 var(--sans); letter-spacing: .06em; text-transform: uppercase; }
.verdict.good { background: var(--good-wash); color: var(--good); }
.verdict.bad { background: var(--bad-wash); color: var(--bad); }
.report section { margin-top: 2.4rem; }
.report h2 { font: 600 1.3rem/1.3 var(--serif); letter-spacing: -.005em; }
.report h2 + .lead { margin-top: .25rem; }
.lead { color: var(--soft); font-size: .9rem; max-width: 62rem; }
.sheet { margin-top: .9rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 12px;
  overflow-x: auto; }
.why { padding: 1.1rem 1.5rem 1.2rem; }
.why li { position: relative; padding-left: 1.5rem; max-width: 60rem; }
.why li + li { margin-top: .4rem; }
.why li::before { content: "–"; position: absolute; left: .2rem; color: var(--soft); }
.why .first { font: 500 1.08rem/1.5 var(--serif); }
.why .note { color: var(--soft); }
.why .note::before { content: "!"; left: .3rem; font-weight: 600; }
.why .first:only-child { padding-left: 0; }
.why .first:only-child::before { content: none; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: middle; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1.5rem; }
th:last-child, td:last-child { padding-right: 1.5rem; }
tbody tr:last-child > * , tfoot > tr > * { border-bottom: 0; }
thead th { font: 600 .72rem/1.4 var(--sans); letter-spacing: .06em; text-transform: uppercase; color: var(--soft);
  white-space: nowrap; }
tbody th { font-weight: 500; white-space: nowrap; }
tbody th small, td small { color: var(--soft); font-weight: 400; font-size: .8rem; }
tbody tr.main th { font-weight: 700; }
tr.group th { padding-top: 1rem; color: var(--soft); font-weight: 600; font-size: .8rem; }
tr.faint { color: var(--soft); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.up { color: var(--good); } td.down { color: var(--bad); }
td.plot, th.plot { width: 19rem; min-width: 15rem; padding-top: 0; padding-bottom: 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg .zero { stroke: var(--soft); stroke-width: 1; }
svg .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 3 2.5; }
svg .span { stroke-width: 2.5; stroke-linecap: round; }
svg .good { stroke: var(--good); fill: var(--good); } svg .bad { stroke: var(--bad); fill: var(--bad); }
svg .calm { stroke: var(--calm); fill: var(--calm); }
svg text { font: 10px var(--sans); fill: var(--soft); letter-spacing: 0; text-transform: none; }
.mark-ok, .mark-no, .mark-off { display: inline-block; padding: .02rem .55em; border-radius: 99px; font-size: .78rem;
  white-space: nowrap; }
.mark-ok { background: var(--good-wash); color: var(--good); }
.mark-no { background: var(--bad-wash); color: var(--bad); font-weight: 600; }
.mark-off { background: var(--hover); color: var(--soft); }
.case { margin: 0; padding: 1.1rem 1.5rem 1.2rem; }
.case + .case { border-top: 1px solid var(--line); }
.case header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
.case h3 { font: 600 .95rem/1.4 var(--sans); overflow-wrap: anywhere; }
.case h3 small { font-weight: 400; color: var(--soft); margin-left: .5rem; }
.case .move { font-variant-numeric: tabular-nums; white-space: nowrap; font-size: .9rem; }
.case blockquote { margin: .5rem 0 .8rem; font: 16px/1.6 var(--serif); max-width: 60rem; overflow-wrap: anywhere; }
.case dl { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .45rem 1rem; margin: 0; }
.case dt { color: var(--soft); font-size: .82rem; padding-top: .12rem; }
.case dd { margin: 0; display: flex; flex-wrap: wrap; gap: .3rem .4rem; font-size: .84rem; }
.chip { padding: .08rem .6em; border-radius: 6px; border: 1px solid var(--line); overflow-wrap: anywhere; }
.chip.hit { background: var(--good-wash); border-color: transparent; color: var(--good); }
.chip.hit::before { content: "✓ "; }
.chip.wrong { background: var(--bad-wash); border-color: transparent; color: var(--bad); }
.chip.wrong::before { content: "✕ "; }
.chip.missed { border-style: dashed; color: var(--soft); }
.chip.missed::before { content: "missed "; font-size: .85em; }
.chip i { font-style: normal; opacity: .75; font-variant-numeric: tabular-nums; }
.key { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .5rem; font-size: .8rem; }
.details td { vertical-align: top; overflow-wrap: anywhere; }
.details th { width: 14rem; vertical-align: top; font-weight: 500; color: var(--soft); }
.details code, .examples { font: .84rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.examples { margin-top: .35rem; color: var(--soft); white-space: pre-wrap; }
.examples li + li { margin-top: .2rem; }
.hint { display: block; margin-top: .3rem; font-size: .85rem; color: var(--ink); }
@media (max-width: 56rem) {
  th:first-child, td:first-child { padding-left: 1rem; } th:last-child, td:last-child { padding-right: 1rem; }
  .case dl { grid-template-columns: minmax(0, 1fr); gap: .2rem; } .case, .why { padding: 1rem; }
}
"""


def render_document(title: str, body: str) -> str:
    """A whole page around ``body``, which is HTML; ``title`` is plain text."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)} · Seamark</title>\n<style>{STYLE}{_OWN_STYLE}</style>\n</head>\n"
        f'<body class="report">\n{body}\n</body>\n</html>\n'
    )


def render_header(heading: str, facts: Sequence[str], *, verdict: str, good: bool) -> str:
    """The head of a page: the verdict in a word, the heading, a line of facts."""
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts if fact)
    return (
        f'<header class="top"><span class="verdict {"good" if good else "bad"}">{escape(verdict)}</span>'
        f'<h1>{escape(heading)}</h1><ul class="facts">{items}</ul></header>'
    )


def render_facts(title: str, facts: Mapping[str, Any]) -> str:
    """A section with a table of facts; nested ones are flattened to ``outer · inner``. Empty without facts."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in flatten(facts)
    )
    if not rows:
        return ""
    return (
        f"<section><h2>{escape(title)}</h2>"
        f'<div class="sheet"><table class="details"><tbody>{rows}</tbody></table></div></section>'
    )


def flatten(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Each fact with its value as a person reads it."""
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping) and value:
            rows += flatten(value, f"{label} · ")
        else:
            rows.append((label, _show(value)))
    return rows


def escape(text: str) -> str:
    """Text as it may stand in HTML, in attributes too; what no page can show is a space or U+FFFD."""
    return html.escape(_UNPRINTABLE.sub(lambda m: " " if m[0] < "\xa0" else "\ufffd", text))


def _show(value: Any) -> str:
    if value is None or value in ("", {}, [], ()):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
