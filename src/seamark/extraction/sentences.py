"""Sentences with offsets, out of texts that are lists as often as prose.

Design choices:

- A line break ends a sentence, because postings put one demand on a line. Only a line that was wrapped
  at a fixed width, or stops at a comma or a small word, is read on into the next.
- The marks of lists (``•``, ``-``, ``1.``, ``(a)``) belong to no sentence.
- A full stop ends a sentence unless what stands before it is an abbreviation. Rules and a short list
  beat a trained splitter here: it would cost more than the encoder's tokenizer.
- No sentence is longer than the encoder reads. Longer ones are cut where a list would be cut.
- Every pattern looks at each character a bounded number of times: a megabyte without a space, or of
  line breaks, takes no longer than a megabyte of prose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from seamark.extraction.text import INVISIBLE, CleanText, clean_text

MAX_WORDS = 60
"""The most words a sentence may have; longer ones are cut."""

MAX_SENTENCE_CHARACTERS = 400
"""The most characters a sentence may have; longer ones are cut."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it stands in the source text.

    Attributes:
        text: the sentence as a person would read it, without a list's mark and outer spaces.
        start: the offset of its first character in the source.
        end: one past the offset of its last character in the source.
    """

    text: str
    start: int
    end: int
    _clean: CleanText | None = field(default=None, repr=False, compare=False)
    _offset: int = field(default=0, repr=False, compare=False)

    def to_source(self, start: int, end: int) -> tuple[int, int]:
        """The source's offsets of ``self.text[start:end]``."""
        if self._clean is None:
            return self.start + start, self.start + end
        return self._clean.to_source(self._offset + start, self._offset + end)


def split_sentences(text: str) -> list[Sentence]:
    """The text's sentences, in order and without overlap; none for a blank text.

    Where the text holds no HTML, ``text[s.start:s.end] == s.text`` (control characters read as spaces,
    lone surrogates as U+FFFD). Nothing but spaces and the marks of lists is left out.
    """
    clean = clean_text(text)
    plain = clean.text
    cuts = _find_sentences(plain, may_be_wrapped=not clean.had_tags)
    if not clean.has_moved:
        return [Sentence(plain[start:end], start, end) for start, end in cuts]
    return [Sentence(plain[start:end], *clean.to_source(start, end), clean, start) for start, end in cuts]


def _find_sentences(text: str, *, may_be_wrapped: bool) -> Iterator[tuple[int, int]]:
    for start, end in _find_blocks(text, may_be_wrapped):
        for first, last in _cut_at_ends(text, start, end):
            if last - first <= _SURELY_SHORT:
                yield first, last
            else:
                yield from _cut_long(text, first, last)


# ---- what is nothing: spaces, control characters, characters without width

_BLANK = rf"\s\x00-\x1f\x7f-\x9f{INVISIBLE}"
_BLANKS = "".join(
    char
    for char in map(chr, (*range(0x2100), 0x3000, 0xFE0E, 0xFE0F, 0xFEFF))
    if re.match(f"[{_BLANK}]", char)
)
_SKIPPED = re.compile(f"[{_BLANK}]*+")


def _skip(text: str, start: int, end: int) -> int:
    """Where the next character that is something stands, from ``start`` on."""
    match = _SKIPPED.match(text, start, end)
    return match.end() if match else start


def _trim_end(text: str, start: int, end: int) -> int:
    """One past the last character of ``text[start:end]`` that is something."""
    if text[end - 1] not in _BLANKS:  # nearly always; saves the copy
        return end
    return start + len(text[start:end].rstrip(_BLANKS))


# ---- lines and the marks of lists

_BULLET = "•●○◦▪▫■□◆◇◼◾‣⁃∙⦁➢➤►▶✓✔✅☐☑☒★☆❖➔\uf000-\uf0ff"
# What a bullet becomes when its bytes are read in the wrong encoding.
_BROKEN_BULLET = r"â€¢|â\x80¢|Â·|�|Ø|§|\?"
_NUMBER = r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,5}|[IVX]{2,5})[.)](?:\d{1,2}[.)])*"
_GAP = rf"(?=[{_BLANK}]|\Z)"

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\u2028\u2029]+")
_MARK = re.compile(
    rf"(?:[{_BULLET}]++"
    rf"|[-=_*~#·–—]{{3,}}+"
    rf"|(?:{_BROKEN_BULLET}|[-–—−‐·*+:.|>»]){_GAP}"
    rf"|[|>»](?=[-|>»])|[-–·*](?=[A-Za-z(])"
    rf"|o(?=[{_BLANK}])|{_NUMBER}(?=[{_BLANK}])|\(?\d{{1,3}}[.)]{_GAP}|\d{{1,2}}[.)](?=[A-Z][a-z])"
    rf")[{_BLANK}]*+"
)
_MAX_MARKS = 3  # "- 1. • text" at most; what follows is text

_WRAP_WIDTHS = range(50, 121)  # people and mail programs wrap at 65 to 120 columns
_ENDS = frozenset(".!?:;。！？；")
_UNFINISHED = re.compile(r"(?:,|\b(?:and|or|of|the|a|an|with|for|in|to|by|as|from|including)|&)\Z")
_WORD = re.compile(r"\S{1,40}+")


class _Line(NamedTuple):
    start: int
    end: int
    paragraph: int
    has_mark: bool


def _find_blocks(text: str, may_be_wrapped: bool) -> Iterator[tuple[int, int]]:
    """Lines without marks and outer spaces; a wrapped line together with those it goes on in."""
    lines, widths = _read_lines(text)
    start = end = 0
    previous: _Line | None = None
    for line in lines:
        if previous and may_be_wrapped and _goes_on(text, previous, line, widths[line.paragraph]):
            end = line.end
        else:
            if start < end:
                yield start, end
            start, end = line.start, line.end
        previous = line
    if start < end:
        yield start, end


def _read_lines(text: str) -> tuple[list[_Line], list[int]]:
    """The lines that hold something, and the width of each paragraph."""
    lines: list[_Line] = []
    widths = [0]
    last = 0
    for match in _LINE.finditer(text):
        raw_start, raw_end = match.span()
        first = _skip(text, raw_start, raw_end)
        if first == raw_end:
            continue
        if raw_start - last > 1 and text[last:raw_start] != "\r\n":
            widths.append(0)
        last = raw_end
        start = _skip_marks(text, first, raw_end)
        end = _trim_end(text, start, raw_end) if start < raw_end else start
        widths[-1] = max(widths[-1], end - start)
        lines.append(_Line(start, end, len(widths), start > first))
    return lines, [0, *widths]


def _skip_marks(text: str, start: int, end: int) -> int:
    for _ in range(_MAX_MARKS):
        mark = _MARK.match(text, start, end)
        if mark is None:
            break
        start = mark.end()
    return start


def _goes_on(text: str, previous: _Line, line: _Line, width: int) -> bool:
    """Whether ``line`` is the rest of a sentence that was wrapped after ``previous``."""
    if line.has_mark or line.paragraph != previous.paragraph or previous.start == previous.end:
        return False
    if not text[line.start : line.start + 1].islower() or text[previous.end - 1] in _ENDS:
        return False
    if _UNFINISHED.search(text, max(previous.start, previous.end - 12), previous.end):
        return True
    length = previous.end - previous.start
    word = _WORD.match(text, line.start, line.end)
    return length in _WRAP_WIDTHS and length + 1 + len(word[0] if word else "") > width


# ---- ends of sentences

_STOPS = ".!?;…"
_FULL_WIDTH_STOPS = "。！？；"
_END = re.compile(
    rf"[{_STOPS}{_FULL_WIDTH_STOPS}{_BULLET}](?:"
    rf"(?<=[{_STOPS}])(?<![{_STOPS}].)[{_STOPS}]*+[\"'”’)\]»]*+{_GAP}"
    rf"|(?<=[{_FULL_WIDTH_STOPS}])[{_FULL_WIDTH_STOPS}]*+[”’）」』]*+"
    rf"|(?<=[a-z]{{4}}[.!?])(?=[A-Z][a-z]{{2,}}\b)(?!(?:Com|Edu|Gov|Js|Net|Org)\b)"
    rf"|(?<=[{_BULLET}])[{_BULLET}]*+(?=[{_BLANK}])"
    rf")",
    re.DOTALL,
)
_INNER_MARK = re.compile(
    rf"(?:[{_BULLET}|]++|[·–—-](?=[{_BLANK}])|\(?\d{{1,2}}[.)](?=[{_BLANK}]))[{_BLANK}]*+"
)
_IS_BULLET = re.compile(f"[{_BULLET}]")
_TOKEN = re.compile(r"[^\s(\[{/,;:\"'“‘]{1,12}\Z")
_IS_ACRONYM = re.compile(r"[A-Za-z](?:\.[A-Za-z])+")
_NEXT_WORD = re.compile(r"[A-Za-z]{1,20}+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never the end of a sentence.
_LEADING = _words(
    "approx cf dr e.g eg fig figs gen hon i.e ie incl lt max messrs min mr mrs ms mt prof pte sdn sr st "
    "viz vs"
)
# Not the end before a number.
_NUMBERED = _words("art eq ext no nos para pp ref req sec tel ver vol")
# The end before a capital letter only.
_TRAILING = _words("bhd esp etc est hr hrs jr llc ltd mins mo mos mth mths qty ref secs wk wks yr yrs")
# The end only before a word that opens sentences: "Ph.D. Biology" goes on, "Ph.D. You will" does not.
_TITLES = _words(
    "assoc asst b.com b.ed b.eng b.sc b.tech bros co corp d.phil dept dip dist div ed.d exp govt inc intl "
    "ll.b ll.m m.com m.ed m.eng m.phil m.sc m.tech mfg mgmt mgr natl pharm.d ph.d phd psy.d tech "
    "univ"
)
_OPENERS = _words(
    "a ability about all an any applicants are as at be but by can candidates do duties each every "
    "excellent experience for from have he her his how however if in is it its join knowledge may must my no "
    "not on once one only or our please proven provide responsibilities responsible salary she should since "
    "some strong such that the their there these they this those to under upon we what when where while who "
    "why will with work working you your"
)


def _cut_at_ends(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of a block, without spaces and bullets between them."""
    for match in _END.finditer(text, start, end):
        if match.start() < start:
            continue  # inside a mark that was left out
        is_bullet = _IS_BULLET.match(match[0]) is not None
        if not is_bullet and not _is_end(text, start, match, end):
            continue
        stop = match.start() if is_bullet else match.end()
        if start < stop and (last := _trim_end(text, start, stop)) > start:
            yield start, last
        start = _skip_inner_marks(text, match.end(), end)
    if start < end and (last := _trim_end(text, start, end)) > start:
        yield start, last


def _skip_inner_marks(text: str, start: int, end: int) -> int:
    start = _skip(text, start, end)
    for _ in range(_MAX_MARKS):
        mark = _INNER_MARK.match(text, start, end)
        if mark is None:
            break
        start = mark.end()
    return start


def _is_end(text: str, start: int, match: re.Match[str], end: int) -> bool:
    mark = match[0]
    following = _skip(text, match.end(), end)
    after = text[following : following + 1] if following < end else ""
    if after.islower() and (")" in mark or "]" in mark or "…" in mark or ".." in mark):
        return False
    if mark[0] != "." or not after:
        return True
    token = _TOKEN.search(text, max(start, match.start() - 13), match.start())
    return token is None or _may_end_with(token[0], after, text, following)


def _may_end_with(token: str, after: str, text: str, following: int) -> bool:
    """Whether a full stop after ``token`` ends the sentence, where ``after`` comes next."""
    word = token.lower()
    if word in _LEADING:
        return False
    if word in _NUMBERED and after.isdigit():
        return False
    if word in _TRAILING:
        return not (after.islower() or after.isdigit() or after in ",;:)/&-–")
    if word in _TITLES or _IS_ACRONYM.fullmatch(token) or (len(token) == 1 and token in _INITIALS):
        opener = _NEXT_WORD.match(text, following)
        return opener is not None and after.isupper() and opener[0].lower() in _OPENERS
    return True


# C and R are languages, I is a number: "five years of C. You will …"
_INITIALS = frozenset("ABDEFGHJKLMNOPQSTUVWXYZ")

# ---- sentences that are too long

_SURELY_SHORT = 2 * MAX_WORDS - 1  # fewer characters can't hold more than MAX_WORDS words
_FILLED = re.compile(rf"(?:\S++\s++){{0,{MAX_WORDS - 1}}}\S*+")
# Strongest first: where to cut, and how much of the separator stays with the piece before it.
_SEPARATORS = (
    (("; ", 1),),
    ((" | ", 0),),
    ((" • ", 0), (" · ", 0)),
    ((" – ", 0), (" — ", 0), (" - ", 0)),
    ((", ", 1), ("，", 1), ("、", 1)),
)


def _cut_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Pieces of at most MAX_WORDS words and MAX_SENTENCE_CHARACTERS characters."""
    while start < end:
        window = _fill(text, start, end)
        if window >= end:
            yield start, end
            return
        cut = _find_cut(text, start, window, end)
        if (last := _trim_end(text, start, cut)) > start:
            yield start, last
        start = _skip_inner_marks(text, cut, end)


def _fill(text: str, start: int, end: int) -> int:
    """How far a piece that begins at ``start`` may reach."""
    match = _FILLED.match(text, start, min(end, start + MAX_SENTENCE_CHARACTERS))
    return max(match.end() if match else 0, start + 1)


def _find_cut(text: str, start: int, window: int, end: int) -> int:
    rest = end - start
    if rest < 2 * (window - start):
        # The last cut: near the middle, so that no single word is left over.
        window = min(window, start + max(rest * 6 // 10, 1))
    least = start + (window - start) // 4
    for separators in _SEPARATORS:
        cut = max(text.rfind(mark, least, window) + kept for mark, kept in separators)
        if cut > least:
            return cut
    if text[window].isspace():
        return window
    head = text[start:window].rsplit(None, 1)
    return start + len(head[0]) if len(head) == 2 and head[0].strip() else _avoid_joined(text, start, window)


def _avoid_joined(text: str, start: int, cut: int) -> int:
    """The cut moved before characters that belong to the one before them (accents, emoji parts)."""
    for position in range(cut, max(start, cut - 16), -1):
        char = text[position]
        if not (unicodedata.combining(char) or char in "\u200d\ufe0f" or text[position - 1] == "\u200d"):
            return position
    return cut
