"""Our own span extractor: one pass over MiniLM with our adapter, a skill head and a knowledge head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from seamark.extraction.cache import BoundedCache
from seamark.extraction.chunking import plan_batches
from seamark.extraction.encoder import MAX_BATCH, MAX_BATCH_TOKENS, pad_batch
from seamark.extraction.engines import Engine
from seamark.extraction.result import Span, SpanLabel
from seamark.extraction.tagging import decode_tags, find_spans
from seamark.extraction.words import find_shapes, split_words

LABELS: tuple[SpanLabel, SpanLabel] = ("skill", "knowledge")
"""The order of the heads."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    ids: list[int]
    types: list[int]
    firsts: list[int]
    ranges: list[tuple[int, int]]


class AdapterSpanExtractor:
    """Span extractor over a tagger's graph.

    Args:
        engine: runs the graph; its output is ``(texts, tokens, 6)``: B, I, O of either head.
        tokenizer: the base model's; it cuts what is longer than its own limit.
        transitions: scores ``(2, from, to)`` of the two CRFs.
        starts: scores ``(2, first tag)``.
        name: digest of the weights.
        cache_size: how many sentences' spans are remembered: postings repeat their boilerplate.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        *,
        transitions: npt.NDArray[np.float32],
        starts: npt.NDArray[np.float32],
        name: str,
        cache_size: int = 20_000,
    ) -> None:
        self.name = name
        self._cache = BoundedCache[str, list[Span]](cache_size)
        self._engine = engine
        self._tokenizer = tokenizer
        self._transitions = transitions
        self._starts = starts

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        """The spans of each sentence, by start, offsets within the sentence."""
        found = self._cache.recall(sentences)
        distinct = [text for text in dict.fromkeys(sentences) if text not in found]
        new = self._find_spans(distinct)
        self._cache.keep(new)
        found |= new
        return [list(found[text]) for text in sentences]

    def _find_spans(self, distinct: Sequence[str]) -> dict[str, list[Span]]:
        prepared = self._prepare(distinct)
        found: dict[str, list[Span]] = {text: [] for text in distinct}
        with_words = [i for i, sentence in enumerate(prepared) if sentence.ranges]
        lengths = [len(prepared[i].ids) for i in with_words]
        for plan in plan_batches(lengths, max_batch=MAX_BATCH, max_tokens=MAX_BATCH_TOKENS):
            rows = [with_words[i] for i in plan]
            batch = [prepared[i] for i in rows]
            for row, spans in zip(rows, self._tag(batch, [distinct[i] for i in rows]), strict=True):
                found[distinct[row]] = spans
        return found

    def _prepare(self, sentences: Sequence[str]) -> list[_Sentence]:
        ranges = [split_words(sentence) for sentence in sentences]
        words = [
            [sentence[a:b] for a, b in places] for sentence, places in zip(sentences, ranges, strict=True)
        ]
        # the tokenizers package types a batch of word lists as Any
        encodings = cast("Any", self._tokenizer).encode_batch(words, is_pretokenized=True)
        return [
            _lay_out(encoding, find_shapes(sentence, places), places)
            for encoding, sentence, places in zip(encodings, sentences, ranges, strict=True)
        ]

    def _tag(self, batch: Sequence[_Sentence], texts: Sequence[str]) -> list[list[Span]]:
        inputs = pad_batch([row.ids for row in batch], [row.types for row in batch])
        scores = self._engine.run(inputs)
        lengths = np.array([len(row.firsts) for row in batch])
        firsts = np.zeros((len(batch), lengths.max()), dtype=np.int64)
        for i, row in enumerate(batch):
            firsts[i, : len(row.firsts)] = row.firsts
        emissions = np.take_along_axis(scores, firsts[..., None], axis=1)
        spans: list[list[Span]] = [[] for _ in batch]
        for head, label in enumerate(LABELS):
            own = emissions[..., 3 * head : 3 * head + 3]
            tags, named = decode_tags(own, lengths, self._transitions[head], self._starts[head])
            for i, row in enumerate(batch):
                n = len(row.firsts)
                spans[i] += _make_spans(tags[i, :n], named[i], row.ranges, texts[i], label)
        return [sorted(row, key=attrgetter("start", "end")) for row in spans]


def _lay_out(encoding: Any, shapes: Sequence[int], ranges: list[tuple[int, int]]) -> _Sentence:
    """Token ids, shapes and first tokens; words that the tokenizer's limit cut off are left out."""
    types, firsts, seen = [], [], -1
    kept: list[tuple[int, int]] = []
    for position, word in enumerate(encoding.word_ids):
        types.append(0 if word is None else shapes[word])
        if word is not None and word != seen:
            firsts.append(position)
            kept.append(ranges[word])
            seen = word
    return _Sentence(encoding.ids, types, firsts, kept)


def _make_spans(
    tags: npt.NDArray[np.int64],
    named: npt.NDArray[np.float32],
    ranges: Sequence[tuple[int, int]],
    text: str,
    label: SpanLabel,
) -> list[Span]:
    return [
        Span(
            ranges[a][0],
            ranges[b - 1][1],
            text[ranges[a][0] : ranges[b - 1][1]],
            label,
            float(named[a:b].mean()),
        )
        for a, b in find_spans(tags)
    ]
