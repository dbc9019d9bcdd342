"""Words of a sentence, as the span extractor tags them, with character offsets and shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A run of non-space characters with the punctuation at its edges split off, one character a word:
# "(Node.js," is "(", "Node.js", ",". '#' and '+' end names (C#, C++), so they stay.
_EDGE = r"(?:[^\w\s#+<>@$&%]|_)"
# Up to the run's last character that is no edge. Possessive, so that it looks at each character once:
# a row of ten thousand dots inside a run must not cost their square.
_CORE = r"(?:[^\W_]|[#+<>@$&%])"
_TO_EDGE = rf"{_CORE}++(?:{_EDGE}++{_CORE}++)*+"
# In order: a placeholder such as <LOCATION>; a name that begins with a dot (.NET); an edge; a word.
_WORD = re.compile(rf"<[A-Z]+>|(?<![.\w])\.(?=[A-Z]){_TO_EDGE}|{_EDGE}|{_TO_EDGE}")

SHAPES = ("lower", "capitalised", "upper", "mixed", "number", "digits inside", "symbol", "first capitalised")
"""What a word looks like; its place in this tuple is its number in the model's table of shapes."""


def split_words(sentence: str) -> list[tuple[int, int]]:
    """The half-open character ranges of the words of ``sentence``, in order."""
    return [match.span() for match in _WORD.finditer(sentence)]


def find_shape(word: str, *, first: bool) -> int:
    """The number in :data:`SHAPES` of what ``word`` looks like.

    Args:
        word: the word as written.
        first: whether it opens the sentence, where a capital says less.
    """
    if not any(map(str.isalnum, word)):
        return 6
    if any(map(str.isdigit, word)):
        return 5 if any(map(str.isalpha, word)) else 4
    if word.islower():
        return 0
    if word[0].isupper() and not any(map(str.isupper, word[1:])):
        return 7 if first else 1
    return 2 if word.isupper() else 3


_SHOUTED_WORDS = 4


def find_shapes(sentence: str, ranges: Sequence[tuple[int, int]]) -> list[int]:
    """The shape of each word of ``sentence`` that ``ranges`` gives.

    In a sentence all in capitals they tell nothing, so its words count as written small; fewer than four
    words may well be names (``SQL``).
    """
    if len(ranges) >= _SHOUTED_WORDS and sentence.isupper():
        sentence = "".join(small if len(small := char.lower()) == 1 else char for char in sentence)
    return [find_shape(sentence[a:b], first=i == 0) for i, (a, b) in enumerate(ranges)]
