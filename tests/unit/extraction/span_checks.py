"""What every span extractor must hold to, whatever is behind it: plain functions over an extractor.

``@pytest.mark.parametrize("check", SPAN_CHECKS)`` runs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from seamark.extraction.result import Span
from seamark.extraction.spans.protocol import SpanExtractor

SENTENCES = (
    "You use Python and SQL to clean customer data.",
    "Lead a team of nurses, plan shifts and keep patients safe.",
    "Knowledge of .NET, C++, C# and Node.js is a plus.",
    "• Draft contracts in English & Mandarin (R&D)",
    "We offer free lunch.",
)
"""Sentences of a posting; an extractor that is of any use finds a skill and a piece of knowledge in them."""

BLANKS = ("", " ", "\n", "\t \r\n", "\u00a0", "\u2003\u2028")

ODD_TEXTS = (
    "a",
    ".",
    "é",
    "e\u0301",
    "😀",
    "👩‍⚕️ Python 👩‍⚕️",
    "\u200b",
    "\u200bPython\u200b",
    "\ufeffUse Python",
    "Python\u00a0SQL",
    "\x00\x01Python\x7f",
    "……––··••",
    "___",
    "<<<>>>",
    "<ORGANIZATION> in <LOCATION>",
    "<p>Use <b>Python</b> &amp; SQL</p>",
    "使用 Python 清理数据。",
    "استخدم Python لتنظيف البيانات",
    "Straße, Ångström, ﬁle, ＰＹＴＨＯＮ",
    "[CLS] [SEP] [PAD] <s> </s> <pad> [MASK]",
    "C/C++/C# — R&D, AT&T; 100% (50+)",
    "Use\nPython\r\nand\tSQL",
    "\U0010ffff\ufffd",
)
"""One character, unusual letters, emoji, control characters, HTML, other scripts, special tokens."""

LONG_TEXTS = (
    "Use Python and SQL. " * 400,
    "Python" * 3000,
    "x" * 20_000,
    "a" + "." * 20_000 + "b",
    "•" * 5000,
)
"""Far beyond what a model reads at once, in many words and in one."""

TOLERANCE = 0.001
"""How far the score of a span may move with the sentences beside it."""


def check_has_a_digest_as_name(extractor: SpanExtractor) -> None:
    assert isinstance(extractor.name, str)
    assert len(extractor.name) >= 8
    assert extractor.name.isascii()
    assert extractor.name.split() == [extractor.name]


def check_finds_skills_and_knowledge(extractor: SpanExtractor) -> None:
    found = [span for spans in extractor.extract_spans(SENTENCES) for span in spans]
    assert {span.label for span in found} == {"skill", "knowledge"}


def check_spans_are_where_they_say(extractor: SpanExtractor) -> None:
    texts = (*SENTENCES, *ODD_TEXTS)
    for text, spans in zip(texts, extractor.extract_spans(texts), strict=True):
        for span in spans:
            _check_span(span, text)


def check_spans_come_by_start(extractor: SpanExtractor) -> None:
    for spans in extractor.extract_spans((*SENTENCES, *ODD_TEXTS)):
        starts = [span.start for span in spans]
        assert starts == sorted(starts)


def check_spans_of_a_label_never_overlap(extractor: SpanExtractor) -> None:
    for spans in extractor.extract_spans((*SENTENCES, *ODD_TEXTS)):
        for label in ("skill", "knowledge"):
            own = [span for span in spans if span.label == label]
            assert all(a.end <= b.start for a, b in pairwise(own))


def check_no_sentences_give_no_lists(extractor: SpanExtractor) -> None:
    assert extractor.extract_spans([]) == []


def check_blank_sentences_have_no_span(extractor: SpanExtractor) -> None:
    assert extractor.extract_spans(BLANKS) == [[] for _ in BLANKS]
    mixed = [BLANKS[0], SENTENCES[0], BLANKS[1]]
    before, found, after = extractor.extract_spans(mixed)
    assert before == after == []
    _check_alike(found, extractor.extract_spans([SENTENCES[0]])[0])


def check_sentences_beside_do_not_matter(extractor: SpanExtractor) -> None:
    texts = [*SENTENCES, *ODD_TEXTS, *BLANKS, " ".join(SENTENCES)]
    together = extractor.extract_spans(texts)
    backwards = extractor.extract_spans(texts[::-1])[::-1]
    for text, found, reverse in zip(texts, together, backwards, strict=True):
        _check_alike(found, reverse)
        _check_alike(found, extractor.extract_spans([text])[0])


def check_a_batch_of_hundreds_is_in_order(extractor: SpanExtractor) -> None:
    texts = [f"{SENTENCES[i % len(SENTENCES)]} ({i})" for i in range(150)]
    found = extractor.extract_spans(texts)
    assert len(found) == len(texts)
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            _check_span(span, text)
    _check_alike(found[77], extractor.extract_spans([texts[77]])[0])


def check_equal_sentences_have_equal_spans_in_lists_of_their_own(extractor: SpanExtractor) -> None:
    first, _, second = extractor.extract_spans([SENTENCES[0], SENTENCES[4], SENTENCES[0]])
    assert first == second
    assert first is not second


def check_asking_twice_gives_the_same(extractor: SpanExtractor) -> None:
    assert extractor.extract_spans(SENTENCES) == extractor.extract_spans(list(SENTENCES))


def check_long_sentences_are_answered(extractor: SpanExtractor) -> None:
    for text, spans in zip(LONG_TEXTS, extractor.extract_spans(LONG_TEXTS), strict=True):
        for span in spans:
            _check_span(span, text)
    beside = extractor.extract_spans([LONG_TEXTS[0], SENTENCES[0]])[1]
    _check_alike(beside, extractor.extract_spans([SENTENCES[0]])[0])


def check_threads_do_not_disturb_each_other(extractor: SpanExtractor) -> None:
    orders = [SENTENCES, SENTENCES[::-1], ODD_TEXTS, SENTENCES[1:3]] * 2
    alone = [extractor.extract_spans(order) for order in orders]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(extractor.extract_spans, orders))
    for one, other in zip(alone, at_once, strict=True):
        for a, b in zip(one, other, strict=True):
            _check_alike(a, b)


def _check_span(span: Span, text: str) -> None:
    assert 0 <= span.start < span.end <= len(text)
    assert span.text == text[span.start : span.end]
    assert span.text == span.text.strip()
    assert span.label in ("skill", "knowledge")
    assert isinstance(span.score, float)
    assert 0 <= span.score <= 1


def _check_alike(found: list[Span], other: list[Span]) -> None:
    assert [(s.start, s.end, s.label) for s in found] == [(s.start, s.end, s.label) for s in other]
    assert [s.score for s in found] == pytest.approx([s.score for s in other], abs=TOLERANCE)


SPAN_CHECKS: tuple[Callable[[SpanExtractor], None], ...] = (
    check_has_a_digest_as_name,
    check_finds_skills_and_knowledge,
    check_spans_are_where_they_say,
    check_spans_come_by_start,
    check_spans_of_a_label_never_overlap,
    check_no_sentences_give_no_lists,
    check_blank_sentences_have_no_span,
    check_sentences_beside_do_not_matter,
    check_a_batch_of_hundreds_is_in_order,
    check_equal_sentences_have_equal_spans_in_lists_of_their_own,
    check_asking_twice_gives_the_same,
    check_long_sentences_are_answered,
    check_threads_do_not_disturb_each_other,
)
"""Every check."""
