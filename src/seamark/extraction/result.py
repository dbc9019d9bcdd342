"""What comes out: spans, skills with their evidence, and the prediction in its wire format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

SpanLabel = Literal["skill", "knowledge"]

FULL_TEXT = "full text"
"""The phrase of a skill that no span, but the text as a whole, calls for."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text that names a skill or a piece of knowledge.

    Attributes:
        start: the first character's offset.
        end: one past the last character's offset.
        text: the characters themselves.
        label: ``skill`` or ``knowledge``.
        score: the extractor's confidence in the span, 0-1.
    """

    start: int
    end: int
    text: str
    label: SpanLabel
    score: float


@dataclass(frozen=True, slots=True)
class ExtractedSkill:
    """One predicted skill with everything that speaks for it.

    Attributes:
        skill_id: always one of the taxonomy's.
        title: the skill's title.
        type: the skill's type.
        proficiency_level: empty where the text names none.
        confidence: calibrated, 0-1: of the predictions at 0.8, reviewers confirm eight in ten.
        tags: the skill's tags.
        phrase: the span's text that speaks most for it, or ``full text``.
        occurrence: how often the text calls for it, at least 1.
        evidence: every supporting span, in the order of the text.
    """

    skill_id: str
    title: str
    type: str
    confidence: float
    phrase: str
    occurrence: int = 1
    tags: tuple[str, ...] = ()
    proficiency_level: str = ""
    evidence: tuple[Span, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """The skill as the wire format names it (docs/reference/wire-format.md)."""
        return {
            "skill_id": self.skill_id,
            "skillTitle": self.title,
            "skillType": self.type,
            "proficiencyLevel": self.proficiency_level,
            "confidenceScore": round(self.confidence, 4),
            "skillTags": list(self.tags),
            "phrase": self.phrase,
            "skillOccurrence": self.occurrence,
            "evidence": [
                {
                    "start": span.start,
                    "end": span.end,
                    "text": span.text,
                    "label": span.label,
                    "score": round(span.score, 4),
                }
                for span in self.evidence
            ],
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """The ranked skills returned for one request.

    Attributes:
        model_version: the version that answered.
        timestamp: when, in UTC.
        request_id: a SHA-256 in hex, unlike that of any other request.
        original_input: the text as it came.
        skills: most confident first, ties by skill_id; one entry a skill.
    """

    model_version: str
    timestamp: datetime
    request_id: str
    original_input: str
    skills: tuple[ExtractedSkill, ...]

    def to_wire(self) -> dict[str, Any]:
        """The prediction as a JSON-ready dict (docs/reference/wire-format.md)."""
        return {
            "modelVersion": self.model_version,
            "timestamp": self.timestamp.isoformat(timespec="microseconds"),
            "requestId": self.request_id,
            "original_input": self.original_input,
            "skillExtractOutput": [skill.to_wire() for skill in self.skills],
        }


def make_prediction(
    text: str, skills: tuple[ExtractedSkill, ...], *, model_version: str, nonce: bytes
) -> Prediction:
    """A prediction stamped with the time and a request id.

    The request id hashes version, time, text and ``nonce`` (random bytes), so that the same text
    asked twice gives two ids, as two requests.
    """
    now = datetime.now(UTC)
    seed = f"{model_version}\n{now.isoformat()}\n".encode() + nonce + text.encode("utf-8", "surrogatepass")
    return Prediction(model_version, now, hashlib.sha256(seed).hexdigest(), text, skills)
