"""Text repair and the names that follow from a title."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

REPLACEMENT = "\ufffd"

# Byte of every character that Windows-1252 text can show; its five holes are read as Latin-1.
_BYTE_OF = {bytes([b]).decode("cp1252", "ignore") or chr(b): b for b in range(0x80, 0x100)}
_CONTINUATION = "".join(re.escape(char) for char, byte in _BYTE_OF.items() if byte < 0xC0)
_TYPOGRAPHIC = "‘’“”–—…"
_PLAIN = "".join(
    re.escape(char) for char, byte in _BYTE_OF.items() if byte < 0xC0 and char not in _TYPOGRAPHIC
)

# UTF-8 read as Windows-1252. Only sequences that no honest text has: a letter such as Ã before a
# quotation mark may just be the end of a quoted word, so that pair counts at the start of a word only.
_MOJIBAKE = re.compile(
    rf"[ÂÃÄÅ][{_PLAIN}]|(?<![^\W\d_])[ÂÃÄÅ][{_TYPOGRAPHIC}]|â[{_CONTINUATION}]{{2}}|ð[{_CONTINUATION}]{{3}}"
)
_INVISIBLE = re.compile(r"[\ufeff\u200b\u2060\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LOST_APOSTROPHE = re.compile(rf"(?<=[A-Za-z]){REPLACEMENT}(?=(?:s|t|re|ve|ll|d|m)\b)")
# One set of characters is a scan at the speed of memory; the patterns above look closer at a hit.
_SUSPICIOUS = re.compile(rf"[{REPLACEMENT}ÂÃÄÅâð{_INVISIBLE.pattern[1:-1]}]")
_SPACES = re.compile(r"\s+")
_LONGEST_SLUG = 80


def is_suspicious(text: str) -> bool:
    """False where :func:`repair_text` has nothing to look at, in a fraction of its time."""
    return _SUSPICIOUS.search(text) is not None


def repair_text(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with its unambiguous damage undone, and what was done.

    UTF-8 that was read as Windows-1252 (also twice over) is decoded, invisible characters are
    removed, and a lost apostrophe is put back; any other U+FFFD stays for the caller to judge.
    """
    done: list[str] = []
    for reason, change in (
        ("wrongly decoded characters repaired", _decode_mojibake),
        ("invisible characters removed", lambda value: _INVISIBLE.sub("", value)),
        ("lost apostrophe put back", lambda value: _LOST_APOSTROPHE.sub("’", value)),
    ):
        changed = change(text)
        if changed != text:
            done.append(reason)
            text = changed
    return text, tuple(done)


def _decode_mojibake(text: str) -> str:
    for _ in range(3):  # text saved wrongly twice needs two turns
        changed = _MOJIBAKE.sub(_decode_match, text)
        if changed == text:
            return text
        text = changed
    return text


def _decode_match(match: re.Match[str]) -> str:
    raw = bytes(_BYTE_OF[char] for char in match.group())
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return match.group()


def collapse_spaces(text: str) -> str:
    """The text on one line: every run of white space is one space, none at the ends."""
    return _SPACES.sub(" ", text).strip()


def tidy_list(entries: Iterable[str], *, without: str = "") -> tuple[str, ...]:
    """The entries on one line each, none empty, each once whatever its case, and without ``without``."""
    seen = {without.casefold(): ""}
    for entry in entries:
        line = " ".join(entry.split())
        if line:
            seen.setdefault(line.casefold(), line)
    return tuple(filter(None, seen.values()))


def normalise_title(title: str) -> str:
    """What two spellings of the same title share: NFKC, case folded, white space collapsed."""
    return collapse_spaces(unicodedata.normalize("NFKC", title).casefold())


def derive_skill_id(title: str) -> str:
    """A skill_id that depends on the title alone: ``data-design``, ``c-a1b2c3d4`` for ``C++``.

    Titles that differ only in case or white space share it. Eight hex digits of the title's
    SHA-256 follow where the readable part leaves something out, so no two titles meet by chance.
    """
    key = normalise_title(title)
    folded = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_SLUG].strip("-")
    if slug.replace("-", " ") == key and slug:
        return slug
    digits = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug or 'skill'}-{digits}"
