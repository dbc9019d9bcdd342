"""What pages about candidates and releases are made of: one file each, in the look of a prediction's page.

No page asks anybody for anything: a content security policy forbids every request, and there is no script.
Whatever comes from texts, taxonomies and settings is escaped.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seamark.building._page_style import REPORT_STYLE
from seamark.extraction._page_style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render_document(title: str, body: str) -> str:
    """A whole page around ``body``, which is HTML; ``title`` is plain text."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)} · Seamark</title>\n<style>{STYLE}{REPORT_STYLE}</style>\n</head>\n"
        f'<body class="report">\n{body}\n</body>\n</html>\n'
    )


def render_header(heading: str, facts: Sequence[str], *, verdict: str = "", good: bool = True) -> str:
    """The head of a page: the verdict in a word, if there is one, the heading, a line of facts."""
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts if fact)
    pill = f'<span class="verdict {"good" if good else "bad"}">{escape(verdict)}</span>' if verdict else ""
    return (
        f'<header class="top">{pill}<h1>{escape(heading)}</h1>'
        + (f'<ul class="facts">{items}</ul>' if items else "")
        + "</header>"
    )


def render_tiles(tiles: Iterable[tuple[str, str, str]], *, wide: bool = False) -> str:
    """The page's figures in a row: each with its value, what it is, and its tone.

    Args:
        tiles: value, what it is, and tone: ``good``, ``bad``, ``faint``, or empty for none.
        wide: whether what they are takes more than a word or two.
    """
    items = "".join(
        f'<li class="{escape(tone)}"><b>{escape(value)}</b><span>{escape(what)}</span></li>'
        for value, what, tone in tiles
    )
    return f'<ul class="tiles{" wide" if wide else ""}">{items}</ul>' if items else ""


def render_facts(title: str, facts: Mapping[str, Any]) -> str:
    """A section with a table of facts; nested ones are flattened to ``outer · inner``. Empty without facts."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in flatten(facts)
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
