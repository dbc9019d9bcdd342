"""Names of skills as words: which stand in a sentence to the letter, and how far a phrase agrees with one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_TOKEN = re.compile(r"[a-z0-9][a-z0-9+#]*(?:[.'’&/-][a-z0-9+#]+)*|\.[a-z]+")
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")

MAX_NAME_WORDS = 6
"""Longer names are not looked for to the letter: hardly any posting spells them out."""

# Words that carry no meaning of their own in a skill's name.
_EMPTY_WORDS = frozenset(
    ("a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "using", "use")
)

Key = tuple[str, ...]


def tokenise(text: str) -> list[tuple[str, int, int]]:
    """The lower-cased words of ``text`` with their character ranges."""
    return [(found[0], *found.span()) for found in _TOKEN.finditer(text.lower())]


def make_key(name: str) -> Key:
    """``name`` as words, plural and singular alike, without a qualifier in brackets at its end."""
    plain = _QUALIFIER.sub("", name) if ")" in name else name
    return tuple(map(_strip_plural, _TOKEN.findall(plain.lower())))


def measure_overlap(phrase: Key, name: Key) -> float:
    """Dice's coefficient of the two sets of words, 0-1, words without meaning left out."""
    first, second = set(phrase) - _EMPTY_WORDS, set(name) - _EMPTY_WORDS
    total = len(first) + len(second)
    return 2 * len(first & second) / total if total else 0.0


@lru_cache(maxsize=50_000)  # a taxonomy's names are made of few words, each many times
def _strip_plural(token: str) -> str:
    if len(token) > 3 and token.endswith("ies"):
        return token[:-3] + "y"
    if len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is")):
        return token[:-1]
    return token


class NameIndex:
    """Finds names of skills that stand in a sentence to the letter.

    Args:
        names: (skill, name) of every name that may be found; the first to claim a name's words keeps them.
    """

    def __init__(self, names: Iterable[tuple[int, str]]) -> None:
        self._skills: dict[Key, int] = {}
        for skill, name in names:
            key = make_key(name)
            if 0 < len(key) <= MAX_NAME_WORDS and sum(map(len, key)) > 1:
                self._skills.setdefault(key, skill)
        self._openers = {key[0]: 0 for key in self._skills}
        for key in self._skills:
            self._openers[key[0]] = max(self._openers[key[0]], len(key))

    def find(self, sentence: str) -> list[tuple[int, int, int]]:
        """``(skill, start, end)`` of the longest names in ``sentence``, none overlapping, by start."""
        tokens = tokenise(sentence)
        keys = [_strip_plural(token) for token, _, _ in tokens]
        found, i = [], 0
        while i < len(keys):
            length, skill = self._find_longest(keys, i)
            if length:
                found.append((skill, tokens[i][1], tokens[i + length - 1][2]))
            i += length or 1
        return found

    def _find_longest(self, keys: Sequence[str], i: int) -> tuple[int, int]:
        for length in range(min(self._openers.get(keys[i], 0), len(keys) - i), 0, -1):
            skill = self._skills.get(tuple(keys[i : i + length]))
            if skill is not None:
                return length, skill
        return 0, -1
