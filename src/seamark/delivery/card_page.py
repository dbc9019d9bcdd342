"""A model card's Markdown as HTML: the headings, tables, lists and paragraphs that cards are made of, nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from seamark.building.page_parts import escape

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"(?<!\\)\|")


def render_card(markdown: str) -> str:
    """The card's sections as HTML, without the facts for the model hub at its top and without its title."""
    blocks = _FRONT_MATTER.sub("", markdown).split("\n\n")
    return "".join(html for block in blocks if block.strip() for html in _render_block(block.strip("\n")))


def _render_block(block: str) -> Iterator[str]:
    """One block; a line of another kind within it begins a part of its own."""
    for kind, found in groupby(block.splitlines(), key=_name_kind):
        lines = list(found)
        if kind == "heading":
            yield from (f"<h3>{_render_inline(line.lstrip('# '))}</h3>" for line in lines if line[:2] == "##")
        elif kind == "table":
            yield _render_table(lines)
        elif kind == "list":
            yield _render_list(lines)
        else:
            yield f"<p>{_render_inline(' '.join(lines))}</p>"


def _name_kind(line: str) -> str:
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if line.startswith(("- ", "  ")) else "text"


def _render_table(lines: list[str]) -> str:
    head, *rows = ([cell.strip() for cell in _CELL.split(line)[1:-1]] for line in lines)
    body = "".join(_render_row(row, "td") for row in rows if not all(cell.strip("-") == "" for cell in row))
    return f"<table><thead>{_render_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _render_row(cells: list[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{_render_inline(cell)}</{tag}>' for cell in cells)}</tr>"


def _render_list(lines: list[str]) -> str:
    items = re.split(r"^- ", "\n".join(lines), flags=re.MULTILINE)[1:]
    rendered = (f"<li>{_render_inline(' '.join(item.split()))}</li>" for item in items)
    return f"<ul>{''.join(rendered)}</ul>"


def _render_inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text.replace("\\|", "|")))
