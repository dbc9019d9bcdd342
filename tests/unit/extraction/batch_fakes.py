"""A small, deterministic extractor: a skill for each known word of a text."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from seamark.errors import InputError
from seamark.extraction.result import ExtractedSkill, Prediction, Span, make_prediction

WORDS = {"python": "Python Programming", "sql": "Database Querying", "café": "Café Service"}


@dataclass(frozen=True)
class FakeTaxonomy:
    digest: str = "d1"
    name: str = "fake"


@dataclass
class FakeExtractor:
    """Counts what it was asked; raises where a test wants it to."""

    model_version: str = "1.0.0"
    taxonomy: FakeTaxonomy = field(default_factory=FakeTaxonomy)
    seen: list[str] = field(default_factory=list)
    refuse: str = ""
    stop_after: int = -1

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        if 0 <= self.stop_after < len(self.seen) + len(texts):
            raise KeyboardInterrupt
        if self.refuse and any(self.refuse in text for text in texts):
            raise InputError(f"a text holds {self.refuse!r}")
        self.seen.extend(texts)
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        skills = tuple(
            ExtractedSkill(
                skill_id=f"id:{match[0].lower()}",
                title=WORDS[match[0].lower()],
                type="tsc",
                confidence=0.9,
                phrase=match[0],
                tags=("Emerging TSC",),
                evidence=(Span(match.start(), match.end(), match[0], "skill", 0.8),),
            )
            for match in re.finditer("|".join(WORDS), text, re.IGNORECASE)
        )
        return make_prediction(text, skills, model_version=self.model_version, nonce=os.urandom(8))
