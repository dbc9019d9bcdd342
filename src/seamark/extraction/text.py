"""Readable text, with a way back to the characters it came from.

Design choices:

- A text without markup is its own clean text: nothing is copied and offsets are the same numbers.
- Control characters and lone surrogates are replaced one for one, so that they move no offset.
  Everything else that people do not see (no-break spaces, soft hyphens, zero-width characters) stays
  where it is: the tokenizer ignores it and the sentence splitter trims it.
- Only HTML's own tag names are tags. ``<ORGANIZATION>``, ``<3 years`` and ``C<T>`` are words of the text.
- The way back is a list of stretches, one for each tag or entity, searched by bisection; never a list
  of characters.
- No pattern can run past the next ``<``, so that a megabyte of ``<`` costs one look at each.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import NamedTuple

from seamark.errors import InputError

MAX_CHARACTERS = 1_000_000
"""The longest text that is read, in characters."""

INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff"
"""Characters that take no room, as the inside of a regular expression's ``[…]``."""

_VISIBLE = re.compile(rf"[^\s\x00-\x1f\x7f-\x9f{INVISIBLE}]")
_REPLACED = re.compile("[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Tags that start a new line. Cells do too: what stands in two cells is not one sentence.
_BLOCK = _words(
    "address article aside blockquote body br button caption center dd details dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html label legend li main menu nav ol "
    "optgroup option p pre section select summary table tbody td textarea tfoot th thead title tr ul"
)
_INLINE = _words(
    "a abbr acronym area audio b base bdi bdo big canvas cite code col colgroup data datalist del dfn em "
    "embed font i iframe img input ins kbd link map mark meta noscript object output param path picture "
    "progress q ruby s samp small source span strike strong sub sup svg time track tt u var video "
    "wbr"
)
_DROPPED = frozenset({"script", "style", "template"})
_KNOWN = _BLOCK | _INLINE | _DROPPED

# Nobody writes these in angle brackets unless HTML is meant. Others (<title>, <b>, <time>) may be
# placeholders or type parameters, and count once the text closes them or gives them attributes.
_UNMISTAKABLE = _words(
    "br div em font h1 h2 h3 h4 h5 h6 hr html img li ol script span strong style table tbody td th "
    "thead tr ul"
)
# Inside these a line break of the source is only a space.
_RUNNING = _words("dd dt h1 h2 h3 h4 h5 h6 li p td th")

_MARKUP = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+(?::[A-Za-z]\w*+)?+)(?=[\s/>])"
    r"""(?P<rest>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+(?=>)|[^<>]*+)>"""
    r"|(?P<other><!--|<[!?][^<>]*+>)"
    r"|&(?P<entity>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_WRAP = re.compile(r"\r?\n(?=[ \t]*+[^\s•●▪·*–\-(\d])")
_CLOSED = re.compile(r"</(?:b|div|em|h[1-6]|li|ol|p|span|strong|table|td|tr|ul)\s*>", re.IGNORECASE)
_LINE_BREAK_END = re.compile(r"\n[ \t]*\Z")


def check_text(value: object) -> str:
    """The value itself, once it is known to be a text of at most ``MAX_CHARACTERS``.

    Raises:
        InputError: the value is not a string, or longer than that.
    """
    if not isinstance(value, str):
        raise InputError(f"the text is {_name_type(value)}", expected="a string")
    if len(value) > MAX_CHARACTERS:
        raise InputError(
            f"the text has {len(value):,} characters",
            expected=f"at most {MAX_CHARACTERS:,}",
            hint="give it in parts",
        )
    return value


def is_blank(text: str) -> bool:
    """Whether a text has nothing to see: only spaces, control or zero-width characters."""
    return _VISIBLE.search(text) is None


@dataclass(frozen=True, slots=True)
class CleanText:
    """Readable text and where each stretch of it stood in the source.

    Attributes:
        text: what a person would read.
        clean_starts: where each stretch begins in ``text``; empty where nothing was taken out.
        source_starts: where it began in the source.
        source_ends: where it ended there.
        had_tags: whether HTML tags were taken out; its line breaks are then the tags' own.
    """

    text: str
    clean_starts: tuple[int, ...] = ()
    source_starts: tuple[int, ...] = ()
    source_ends: tuple[int, ...] = ()
    had_tags: bool = False

    @property
    def has_moved(self) -> bool:
        """Whether offsets differ from the source's."""
        return bool(self.clean_starts)

    def to_source(self, start: int, end: int) -> tuple[int, int]:
        """The source's offsets of ``text[start:end]``; markup in between is included, around it is not."""
        if not self.clean_starts:
            return start, end
        if end <= start:
            here = self._source_of(start)
            return here, here
        return self._source_of(start), self._source_end_of(end - 1)

    def to_clean(self, start: int, end: int) -> tuple[int, int]:
        """The readable text's offsets of the source's ``[start:end]``, the way back of ``to_source``."""
        if not self.clean_starts:
            return start, end
        first = self._clean_of(start)
        return first, max(first, self._clean_of(end))

    def _source_of(self, position: int) -> int:
        i = max(bisect_right(self.clean_starts, position) - 1, 0)
        start, end = self.source_starts[i], self.source_ends[i]
        if end - start != self.clean_length(i):
            return start  # an entity or a tag: all of it or nothing
        return min(start + position - self.clean_starts[i], end)

    def _source_end_of(self, position: int) -> int:
        i = max(bisect_right(self.clean_starts, position) - 1, 0)
        start, end = self.source_starts[i], self.source_ends[i]
        if end - start != self.clean_length(i):
            return end
        return min(start + position - self.clean_starts[i] + 1, end)

    def _clean_of(self, position: int) -> int:
        i = bisect_right(self.source_starts, position) - 1
        if i < 0:
            return 0
        length = self.clean_length(i)
        if self.source_ends[i] - self.source_starts[i] != length:
            inside = position > self.source_starts[i]
            return self.clean_starts[i] + (length if inside else 0)
        return self.clean_starts[i] + min(position - self.source_starts[i], length)

    def clean_length(self, i: int) -> int:
        """How many characters of ``text`` the stretch ``i`` has."""
        last = i + 1 == len(self.clean_starts)
        return (len(self.text) if last else self.clean_starts[i + 1]) - self.clean_starts[i]


def clean_text(text: str) -> CleanText:
    """What a person would read of a text, with offsets back into it.

    HTML tags are taken out (block tags become line breaks; scripts, styles and comments go with
    what they hold), entities are decoded, control characters become spaces and lone surrogates
    U+FFFD. Text that only looks like HTML is left alone.
    """
    plain = _REPLACED.sub(_replace, text)
    if "<" not in plain and "&" not in plain:
        return CleanText(plain)
    clean = _strip(plain)
    if not clean.had_tags and clean.has_moved and _CLOSED.search(clean.text):
        # Feeds deliver HTML escaped as a whole ("&lt;p&gt;"): what came out is read once more.
        return _compose(clean, _strip(clean.text))
    return clean


def _replace(match: re.Match[str]) -> str:
    return "\ufffd" if match[0] >= "\ud800" else " "


def _name_type(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


@cache
def _entities() -> frozenset[str]:
    from html.entities import html5

    return frozenset(name[:-1] for name in html5 if name.endswith(";"))


class _Piece(NamedTuple):
    """Source characters ``[start:end]`` and what they read as; ``None``: as they stand."""

    start: int
    end: int
    text: str | None


def _strip(text: str) -> CleanText:
    """The text without markup."""
    is_html = "<" in text and _looks_like_html(text)
    builder = _Builder(text)
    for piece in _find_markup(text, is_html):
        builder.add(piece)
    return builder.finish(is_html)


def _looks_like_html(text: str) -> bool:
    has_comments = "-->" in text
    return any(
        _is_sure(match) if match["name"] else has_comments and match["other"] == "<!--"
        for match in _MARKUP.finditer(text)
    )


def _is_sure(match: re.Match[str]) -> bool:
    name = match["name"].lower()
    if name in _UNMISTAKABLE:
        return True
    if name == "p":
        # "Map<P>" is code; "end.<p>" is HTML.
        return match["name"] == "p" or not match.string[match.start() - 1 : match.start()].isalnum()
    return name in _KNOWN and (bool(match["close"]) or "=" in match["rest"])


def _find_markup(text: str, is_html: bool) -> Iterator[_Piece]:
    """Every tag, comment and entity of the text, in order, with what it reads as."""
    unclosed: set[str] = set()  # looked for once; never again, or a megabyte of "<!--" is quadratic
    running = False
    position = 0
    while match := _MARKUP.search(text, position):
        if running:
            yield from _unwrap(text, position, match.start())
        position = match.end()
        if match["entity"]:
            if (decoded := _decode(match["entity"])) is not None:
                yield _Piece(match.start(), position, decoded)
            continue
        if not is_html:
            continue
        if match["other"]:
            position = _end_of_dropped(text, match, "-->", unclosed) if match["other"] == "<!--" else position
            yield _Piece(match.start(), position, "")
            continue
        name = match["name"].lower()
        if name not in _KNOWN and ":" not in name:
            continue
        if name in _DROPPED and not match["close"]:
            position = _end_of_dropped(text, match, f"</{name}", unclosed)
        yield _Piece(match.start(), position, "\n" if name in _BLOCK else "")
        if name in _BLOCK and name != "br":
            running = name in _RUNNING and not match["close"]


def _end_of_dropped(text: str, match: re.Match[str], closing: str, unclosed: set[str]) -> int:
    if closing in unclosed:
        return match.end()
    pattern = re.escape(closing) if closing == "-->" else rf"{closing}\s*>"
    found = re.compile(pattern, re.IGNORECASE).search(text, match.end())
    if found is None:
        unclosed.add(closing)
        return match.end()
    return found.end()


def _unwrap(text: str, start: int, end: int) -> Iterator[_Piece]:
    for match in _WRAP.finditer(text, start, end):
        yield _Piece(match.start(), match.end(), " ")


def _decode(entity: str) -> str | None:
    """The characters an entity stands for; None where there is no such entity (``AT&T;``)."""
    if entity[0] != "#" and entity not in _entities():
        return None
    decoded = _REPLACED.sub(_replace, unescape(f"&{entity};"))
    if re.fullmatch(f"[{INVISIBLE}]+", decoded):
        return ""
    return " " if decoded == "\xa0" else decoded


class _Builder:
    """Puts pieces together and notes where each came from."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._length = 0
        self._texts: list[str] = []
        self._rows: list[tuple[int, int, int]] = []  # clean start, source start, source end

    def add(self, piece: _Piece) -> None:
        self._copy(self._position, piece.start)
        self._position = piece.end
        text = "" if piece.text is None else piece.text
        if text == "\n" and self._is_at_line_start():
            text = ""
        if text:
            self._append(text, piece.start, piece.end)

    def finish(self, had_tags: bool) -> CleanText:
        if not self._rows and self._position == 0:
            return CleanText(self._source)
        self._copy(self._position, len(self._source))
        if not self._rows:
            return CleanText("", had_tags=had_tags)
        clean, starts, ends = zip(*self._rows, strict=True)
        return CleanText("".join(self._texts), clean, starts, ends, had_tags)

    def _is_at_line_start(self) -> bool:
        return not self._texts or _LINE_BREAK_END.search(self._texts[-1][-80:]) is not None

    def _copy(self, start: int, end: int) -> None:
        if start < end:
            self._append(self._source[start:end], start, end)

    def _append(self, text: str, start: int, end: int) -> None:
        self._rows.append((self._length, start, end))
        self._texts.append(text)
        self._length += len(text)


def _compose(outer: CleanText, inner: CleanText) -> CleanText:
    """The text of ``inner``, which was made from ``outer.text``, with offsets into outer's source."""
    rows: list[tuple[int, int, int]] = []
    for i, start in enumerate(inner.clean_starts):
        length = inner.clean_length(i)
        first, last = inner.source_starts[i], inner.source_ends[i]
        if last - first != length:
            rows.append((start, *outer.to_source(first, last)))
            continue
        for cut, end in _cut(outer, first, last):
            rows.append((start + cut - first, *outer.to_source(cut, end)))
    if not rows:
        return CleanText(inner.text, had_tags=inner.had_tags)
    clean, starts, ends = zip(*rows, strict=True)
    return CleanText(inner.text, clean, starts, ends, inner.had_tags)


def _cut(outer: CleanText, start: int, end: int) -> Iterator[tuple[int, int]]:
    """``outer.text[start:end]`` cut where its stretches begin."""
    i = bisect_right(outer.clean_starts, start)
    while i < len(outer.clean_starts) and outer.clean_starts[i] < end:
        yield start, outer.clean_starts[i]
        start = outer.clean_starts[i]
        i += 1
    yield start, end
