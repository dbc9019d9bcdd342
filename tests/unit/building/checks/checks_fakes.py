"""An extractor that finds titles to the letter, with nothing wrong about it unless it is told so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seamark.building.checks.subject import Subject
from seamark.extraction.result import ExtractedSkill, Prediction, make_prediction
from seamark.settings import ChecksSettings
from seamark.taxonomy import Skill, Taxonomy

TITLES = ("Data Design", "Welding", "Child Care", "Python Programming")
TAXONOMY = Taxonomy("mine", tuple(Skill(f"id-{i}", title) for i, title in enumerate(TITLES)), "2.0.0")
SAMPLES = (
    "You do Data Design.\nWelding is a plus.",
    "We look after children: Child Care all day. Python Programming at night.",
    "Nothing is asked for here.",
)


def normalise(text: str) -> str:
    return " ".join(text.split()).casefold()


class TitleFinder:
    """Predicts each skill whose title stands in the text; ``read`` is how it reads a text."""

    model_version = "1.2.3"
    threshold = 0.5

    def __init__(self, taxonomy: Taxonomy = TAXONOMY, read: Callable[[str], str] = normalise) -> None:
        self.taxonomy = taxonomy
        self.read = read

    def predict(self, text: str, place: int) -> dict[str, float]:
        read = self.read(text)
        return {skill.skill_id: 0.9 for skill in self.taxonomy.active if normalise(skill.title) in read}

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        return [
            make_prediction(
                text,
                tuple(
                    ExtractedSkill(key, key, "", value, "x")
                    for key, value in self.predict(text, place).items()
                ),
                model_version=self.model_version,
                nonce=b"",
            )
            for place, text in enumerate(texts)
        ]

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        return [[(skill.skill_id, 0.1) for skill in self.taxonomy.active][:depth] for _ in texts]

    def rank_phrases(self, phrases: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        return [self._rank(phrase)[:depth] for phrase in phrases]

    def _rank(self, phrase: str) -> list[tuple[str, float]]:
        ids = [skill.skill_id for skill in self.taxonomy.active]
        return [(key, 0.9) for key in sorted(ids, key=lambda key: self.taxonomy[key].title != phrase)]


def make_subject(extractor: Any = None, **changes: Any) -> Subject:
    fields: dict[str, Any] = {
        "extractor": extractor or TitleFinder(),
        "release": TAXONOMY,
        "previous": None,
        "samples": SAMPLES,
        "documents": (),
        "recorded": (),
        "settings": ChecksSettings(),
    }
    return Subject(**(fields | changes))
