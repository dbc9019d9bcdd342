"""A prediction as a web page: the text with its spans marked, the skills beside it.

Design choices:

- One file that asks nobody for anything: a content security policy forbids every request, and lets only
  the page's own script run. Without the script all is there; it only lights up what belongs together.
- Spans overlap and nest, elements may not. The text is cut at every span's edge, and each piece knows all
  the spans it is part of.
- Colour never speaks alone: a skill has a solid line under it, knowledge a dotted one.
- HTML that was pasted in is shown as a person would read it; spans are moved along.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from seamark.extraction._page_style import SCRIPT, STYLE
from seamark.extraction.result import FULL_TEXT, ExtractedSkill, Prediction, Span
from seamark.extraction.text import clean_text

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MAX_LINK = 64  # characters of a span that a link to it shows
_MAX_LINKS = 6  # links shown before the rest is folded away


def render_page(prediction: Prediction, *, title: str = "", taxonomy_name: str = "") -> str:
    """A self-contained HTML page of one prediction.

    Args:
        prediction: what to show.
        title: the page's heading; empty: "Skills in this text".
        taxonomy_name: whose skills they are, for the line under the heading; may be empty.
    """
    heading = title or "Skills in this text"
    body = (
        f'<header class="top"><h1>{_escape(heading)}</h1>{_render_facts(prediction, taxonomy_name)}</header>'
        f"<main>{_Section(prediction, 't1', level=2, taxonomy_name=taxonomy_name).render()}</main>"
    )
    return _render_document(heading, body, kind="one")


def render_pages(
    predictions: Sequence[tuple[str, Prediction]], *, title: str = "", taxonomy_name: str = ""
) -> str:
    """A self-contained HTML page of several texts, each a section, with an index of them.

    Args:
        predictions: a title and a prediction for each text.
        title: the page's heading; empty: "Skills in N texts".
        taxonomy_name: whose skills they are; may be empty.
    """
    heading = title or f"Skills in {_count(len(predictions), 'text')}"
    total = sum(len(prediction.skills) for _, prediction in predictions)
    facts = [_count(len(predictions), "text"), _count(total, "skill"), taxonomy_name]
    index = "".join(
        f'<li><a href="#t{i}"><span>{_escape(name)}</span><small>{len(prediction.skills)}</small></a></li>'
        for i, (name, prediction) in enumerate(predictions, 1)
    )
    sections = "".join(
        f'<article id="t{i}"><header class="sub"><h2>{_escape(name)}</h2>'
        f"{_render_facts(prediction, '')}</header>"
        f"{_Section(prediction, f't{i}', level=3, taxonomy_name=taxonomy_name).render()}</article>"
        for i, (name, prediction) in enumerate(predictions, 1)
    )
    body = (
        f'<header class="top"><h1>{_escape(heading)}</h1>{_render_list(facts)}</header>'
        f'<div class="shelf"><nav aria-label="Texts"><ol>{index}</ol></nav><main>{sections}</main></div>'
    )
    return _render_document(heading, body, kind="many")


def _render_document(title: str, body: str, *, kind: str) -> str:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{_escape(title)} · Seamark</title>\n<style>{STYLE}</style>\n</head>\n"
        f'<body class="{kind}">\n{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n'
    )


def _render_facts(prediction: Prediction, taxonomy_name: str) -> str:
    spans = {(span.start, span.end, span.label) for skill in prediction.skills for span in skill.evidence}
    return _render_list(
        [
            _count(len(prediction.skills), "skill"),
            _count(len(spans), "span"),
            taxonomy_name,
            f"model {prediction.model_version}" if prediction.model_version else "",
            _format_time(prediction.timestamp),
        ]
    )


def _render_list(facts: Sequence[str]) -> str:
    items = "".join(f"<li>{_escape(fact)}</li>" for fact in facts if fact)
    return f'<ul class="facts">{items}</ul>'


@dataclass(slots=True)
class _Mark:
    """A span as it is shown: once, whatever number of skills it supports."""

    number: int
    start: int
    end: int
    label: str
    score: float
    skills: list[int] = field(default_factory=list)


class _Section:
    """One text and its skills; ``prefix`` keeps its anchors apart from other sections'."""

    def __init__(self, prediction: Prediction, prefix: str, *, level: int, taxonomy_name: str) -> None:
        self._prediction = prediction
        self._prefix = prefix
        self._level = level
        self._taxonomy_name = taxonomy_name
        self._clean = clean_text(prediction.original_input)
        self._marks = self._collect_marks()

    def render(self) -> str:
        h = f"h{self._level}"
        hint = '<span class="hint">confidence</span>' if self._prediction.skills else ""
        return (
            f'<section class="doc"><div class="text"><div class="bar"><{h}>Text</{h}>{_LEGEND}</div>'
            f'<div class="words" dir="auto">{"".join(self._render_text())}</div></div>'
            f'<div class="skills" role="region" tabindex="0" aria-label="Skills">'
            f'<div class="bar"><{h}>Skills</{h}>{hint}</div>'
            f"{self._render_skills()}</div></section>"
        )

    def _collect_marks(self) -> dict[tuple[int, int, str], _Mark]:
        marks: dict[tuple[int, int, str], _Mark] = {}
        for number, skill in enumerate(self._prediction.skills, 1):
            for span in skill.evidence:
                key = self._key(span)
                mark = marks.setdefault(key, _Mark(len(marks) + 1, *key, span.score))
                mark.score = max(mark.score, span.score)
                if number not in mark.skills:
                    mark.skills.append(number)
        return marks

    def _key(self, span: Span) -> tuple[int, int, str]:
        size = len(self._prediction.original_input)
        start, end = self._clean.to_clean(min(max(span.start, 0), size), min(max(span.end, 0), size))
        return start, end, span.label

    # ---- the text

    def _render_text(self) -> Iterator[str]:
        text = self._clean.text
        shown: set[int] = set()
        position = 0
        for start, end, marks in _cut_into_pieces([m for m in self._marks.values() if m.start < m.end]):
            yield _escape(text[position:start])
            yield self._render_piece(text[start:end], marks, shown)
            position = end
        yield _escape(text[position:])

    def _render_piece(self, text: str, marks: list[_Mark], shown: set[int]) -> str:
        """A stretch that the same spans cover; the first of a span carries its anchor."""
        anchors = "".join(
            f'<span id="{self._prefix}m{mark.number}"></span>' for mark in marks if mark.number not in shown
        )
        shown.update(mark.number for mark in marks)
        labels = _escape(" ".join(sorted({mark.label for mark in marks})))
        skills = sorted({number for mark in marks for number in mark.skills})
        tip = "".join(self._render_tip(mark) for mark in marks)
        nested = " deep" if len(marks) > 1 else ""
        return (
            f'<span class="mark">{anchors}<a class="{labels}{nested}" href="#{self._prefix}s{skills[0]}"'
            f' data-k="{" ".join(map(str, skills))}">{_escape(text)}</a><span class="tip">{tip}</span></span>'
        )

    def _render_tip(self, mark: _Mark) -> str:
        links = "".join(
            f'<a href="#{self._prefix}s{number}">{_escape(self._prediction.skills[number - 1].title)}</a>'
            for number in mark.skills
        )
        label = f'<b class="{_escape(mark.label)}">{_escape(mark.label)}</b> <i>{mark.score:.2f}</i>'
        return f'<span class="row">{label}{links}</span>'

    # ---- the skills

    def _render_skills(self) -> str:
        if not self._prediction.skills:
            return self._render_nothing()
        items = "".join(self._render_skill(n, skill) for n, skill in enumerate(self._prediction.skills, 1))
        return f"<ol>{items}</ol>"

    def _render_nothing(self) -> str:
        whose = f" of {_escape(self._taxonomy_name)}" if self._taxonomy_name else ""
        return (
            f'<div class="nothing"><p><strong>No skill found.</strong></p><p>Nothing in this text calls for '
            f"a skill{whose} with enough confidence. Company portraits, benefits and equal-opportunity "
            "statements give none; a lower threshold shows weaker matches.</p></div>"
        )

    def _render_skill(self, number: int, skill: ExtractedSkill) -> str:
        percent = round(100 * min(max(skill.confidence, 0.0), 1.0), 1)
        return (
            f'<li id="{self._prefix}s{number}" class="skill" data-k="{number}">'
            f'<div class="head"><div><strong title="{_escape(skill.skill_id)}">'
            f"<bdi>{_escape(skill.title)}</bdi></strong>{_render_kind(skill)}</div>"
            f'<span class="score"><span class="aside">confidence </span>{skill.confidence:.2f}</span></div>'
            f'<div class="meter" aria-hidden="true"><i style="width:{percent}%"></i></div>'
            f"{self._render_evidence(skill)}</li>"
        )

    def _render_evidence(self, skill: ExtractedSkill) -> str:
        links = [self._render_link(span) for span in skill.evidence]
        if not any(skill.phrase in (span.text, self._read(span)) for span in skill.evidence):
            links.insert(0, _render_phrase(skill.phrase))
        shown, folded = "".join(links[:_MAX_LINKS]), "".join(links[_MAX_LINKS:])
        if folded:
            folded = f"<details><summary>{len(links) - _MAX_LINKS} more</summary>{folded}</details>"
        return f'<div class="evidence">{shown}{folded}</div>'

    def _read(self, span: Span) -> str:
        """The span as a person would read it, without the markup that stood in it."""
        start, end, _ = self._key(span)
        return self._clean.text[start:end]

    def _render_link(self, span: Span) -> str:
        mark = self._marks[self._key(span)]
        if mark.start >= mark.end:
            return _render_phrase(span.text)  # nothing in the text to jump to
        label = _escape(span.label)
        words = _shorten(self._read(span))
        return (
            f'<a class="{label}" href="#{self._prefix}m{mark.number}"'
            f' title="{label} {span.score:.2f}"><bdi>{_escape(words)}</bdi></a>'
        )


_LEGEND = (
    '<span class="legend"><span class="skill">skill</span><span class="knowledge">knowledge</span></span>'
)


def _render_kind(skill: ExtractedSkill) -> str:
    parts = [skill.type, f"level {skill.proficiency_level}" if skill.proficiency_level else ""]
    shown = [f"<span>{_escape(part)}</span> " for part in parts if part]
    if skill.occurrence > 1:
        shown.append(f'<span title="{_count(skill.occurrence, "occurrence")}">{skill.occurrence:,}×</span> ')
    shown += [f'<span class="tag">{_escape(tag)}</span> ' for tag in skill.tags]
    return f'<span class="kind">{"".join(shown)}</span>' if shown else ""


def _render_phrase(phrase: str) -> str:
    words = "the text as a whole" if phrase == FULL_TEXT else _shorten(phrase)
    return f'<span class="whole"><bdi>{_escape(words)}</bdi></span>'


def _cut_into_pieces(marks: Sequence[_Mark]) -> Iterator[tuple[int, int, list[_Mark]]]:
    """Stretches of the text that at least one mark covers, each with all that do, the widest first."""
    opening = sorted(marks, key=lambda mark: (mark.start, -mark.end, mark.label))
    edges = sorted({edge for mark in marks for edge in (mark.start, mark.end)})
    active: list[_Mark] = []
    waiting = 0
    for start, end in pairwise(edges):
        active = [mark for mark in active if mark.end > start]
        while waiting < len(opening) and opening[waiting].start == start:
            active.append(opening[waiting])
            waiting += 1
        if active:
            yield start, end, list(active)


def _escape(text: str) -> str:
    """Text as it may stand in HTML; what no page can show is a space or U+FFFD."""
    readable = _UNPRINTABLE.sub(lambda m: " " if m[0] < "\xa0" else "\ufffd", text.replace("\r\n", "\n"))
    return html.escape(readable.replace("\r", "\n"))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_LINK else f"{line[: _MAX_LINK - 1].rstrip()}…"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _format_time(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
