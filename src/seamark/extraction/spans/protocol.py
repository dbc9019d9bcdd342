"""What every span extractor promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seamark.extraction.result import Span


class SpanExtractor(Protocol):
    """Finds spans in sentences.

    Attributes:
        name: digest of what it computes with: equal names find equal spans.
    """

    name: str

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        """The spans of each sentence, by start, offsets within the sentence.

        What comes out for a sentence does not depend on the sentences beside it; an empty or blank
        sentence has no span. Spans of one label never overlap; a skill may hold a piece of knowledge.
        """
        ...
