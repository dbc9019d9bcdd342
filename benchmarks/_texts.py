"""The texts that benchmarks work on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_WORD = re.compile(r"\S+")


def read_postings(path: Path, *, column: str = "description", limit: int = 0) -> list[str]:
    """The postings of a CSV file that are not blank, in its order.

    Args:
        path: the file.
        column: holds the texts.
        limit: the first so many alone; 0 gives all.
    """
    import polars as pl

    texts = pl.read_csv(path, columns=[column], infer_schema=False)[column].drop_nulls().to_list()
    kept = [text for text in texts if text.strip()]
    return kept[: limit or None]


def cut_to_words(texts: Iterable[str], n_words: int) -> Iterator[str]:
    """Texts of exactly ``n_words`` words, line breaks and all, no two from the same source.

    A longer text is cut, and its rest is not used; shorter ones are joined by blank lines until
    there are words enough. Texts that came before are passed over.

    Raises:
        ValueError: ``n_words`` is below 1.
    """
    if n_words < 1:
        raise ValueError(f"{n_words} words")
    seen: set[str] = set()
    joined = ""
    for text in texts:
        stripped = text.strip()
        if not stripped or stripped in seen:
            continue
        seen.add(stripped)
        joined = f"{joined}\n\n{stripped}" if joined else stripped
        ends = [match.end() for match in _WORD.finditer(joined)]
        if len(ends) >= n_words:
            yield joined[: ends[n_words - 1]]
            joined = ""


def cut_into_windows(texts: Iterable[str], n_words: int) -> Iterator[str]:
    """All stretches of ``n_words`` words of the texts, one after the other, each text once and none joined.

    What is left over at a text's end is not used.
    """
    for text in dict.fromkeys(texts):
        places = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        for first in range(0, len(places) - n_words + 1, n_words):
            yield text[places[first][0] : places[first + n_words - 1][1]]
