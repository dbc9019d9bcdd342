"""Scores whose measures are known, and an extractor that says what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seamark.building.champion.scoring import DocumentScore, ScoredSkill, Scores
from seamark.building.evaluation.metrics import compute_jaccard, score_sets
from seamark.extraction.result import ExtractedSkill, Prediction, make_prediction
from seamark.taxonomy import Skill, Taxonomy

TYPES = {"a": "tsc", "b": "tsc", "c": "ccs", "d": "ccs"}
TAXONOMY = Taxonomy(
    "mine", tuple(Skill(key, f"Title {key}", type=kind) for key, kind in TYPES.items()), "1.0.0"
)


def make_document(
    number: int,
    gold: str,
    predicted: str | Mapping[str, float],
    *,
    kind: str = "posting",
    sector: str = "",
    rank: float | None = None,
    seconds: float | None = None,
    rejected: str = "",
    excerpt: str = "",
) -> DocumentScore:
    """A document whose gold and predicted skills are given by letters."""
    found = dict(predicted) if isinstance(predicted, Mapping) else dict.fromkeys(predicted, 0.8)
    scored = score_sets(found, gold)
    return DocumentScore(
        document_id=f"doc-{number:04}",
        kind=kind,
        sector=sector,
        excerpt=excerpt or f"Text {number}",
        gold=tuple(sorted(gold)),
        rejected=tuple(sorted(rejected)),
        unknown=(),
        predicted=found,
        jaccard=compute_jaccard(found, gold),
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        reciprocal_rank=rank,
        rp_at_1=rank,
        rp_at_5=rank,
        rp_at_10=rank,
        seconds=seconds,
    )


def make_scores(documents: Sequence[DocumentScore], version: str = "1.0.0", digest: str = "x") -> Scores:
    skills = {key: ScoredSkill(f"Title {key}", kind) for key, kind in TYPES.items()}
    return Scores(version, "mine@1.0.0", digest, tuple(documents), skills)


class ScriptedExtractor:
    """Predicts the letters that it is told for each text, and ranks them in their order."""

    model_version = "9.9.9"

    def __init__(self, answers: Mapping[str, str], taxonomy: Taxonomy = TAXONOMY) -> None:
        self.taxonomy = taxonomy
        self.answers = answers
        self.asked: list[list[str]] = []

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        assert all(text.strip() for text in texts)
        self.asked.append(list(texts))
        return [
            make_prediction(
                text,
                tuple(ExtractedSkill(key, key, "", 0.8, "full text") for key in self.answers.get(text, "")),
                model_version=self.model_version,
                nonce=b"",
            )
            for text in texts
        ]

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        return [[(key, 0.8) for key in self.answers.get(text, "")][:depth] for text in texts]
