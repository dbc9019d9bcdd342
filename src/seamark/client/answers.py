"""What comes back: predictions from their wire format, and what else the service tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seamark.extraction.result import ExtractedSkill, Prediction, Span

_OVER = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class FoundSkill:
    """A skill that has to do with what was searched for.

    Attributes:
        skill_id: its identifier in the taxonomy.
        title: its title.
        type: its type.
        description: what it means; may be empty.
        tags: its tags.
        found_by: ``words`` that it shares with the query, or ``meaning``.
    """

    skill_id: str
    title: str
    type: str
    description: str
    tags: tuple[str, ...]
    found_by: str


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """The model version that answers at a stage.

    Attributes:
        stage: the stage.
        version: its number, X.Y.Z.
        taxonomy: its taxonomy release, NAME@X.Y.Z.
        digest: SHA-256 of its manifest.
        metrics: what it measured, by name.
        facts: everything that the service says of it.
    """

    stage: str
    version: str
    taxonomy: str
    digest: str
    metrics: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a service that runs can answer.

    Attributes:
        ready: it can.
        status: ``ready``, ``degraded`` (it answers, and something is wrong), ``starting``, ``stopping`` or
            ``unavailable``.
        facts: everything that the service says of itself, stage by stage.
    """

    ready: bool
    status: str
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A file of texts that is worked on.

    Attributes:
        job_id: its id.
        status: ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        stage: the stage that it was submitted to.
        version: the version that works on it, whatever the stage runs later.
        done: rows that are done.
        total: rows in all; 0 while nobody knows.
        error: why it failed; empty otherwise.
        facts: everything that the service says of it.
    """

    job_id: str
    status: str
    stage: str = ""
    version: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in _OVER


def read_prediction(body: bytes) -> Prediction:
    """A prediction from its wire format; fields that are not known here are ignored.

    Raises:
        ValueError: it is no JSON, or a time or number is none.
        KeyError: a field is missing.
        TypeError: a field is of another kind.
    """
    return _make_prediction(json.loads(body))


def read_predictions(body: bytes, *, expected: int) -> list[Prediction]:
    """As many predictions as texts were sent.

    Raises:
        ValueError: there are fewer or more, or as :func:`read_prediction`; KeyError and TypeError as there.
    """
    predictions = [_make_prediction(wire) for wire in json.loads(body)["predictions"]]
    if len(predictions) != expected:
        raise ValueError(f"{len(predictions)} predictions for {expected} texts")
    return predictions


def read_skills(body: bytes) -> list[FoundSkill]:
    """Skills, best first; raises as :func:`read_prediction` does."""
    return [
        FoundSkill(
            str(facts["skill_id"]),
            str(facts["title"]),
            str(facts["type"]),
            str(facts["description"]),
            tuple(map(str, facts["tags"])),
            str(facts["found_by"]),
        )
        for facts in json.loads(body)["skills"]
    ]


def read_version(body: bytes) -> ServedVersion:
    """A version's facts; raises as :func:`read_prediction` does."""
    facts = json.loads(body)
    taxonomy = f"{facts['taxonomy']['name']}@{facts['taxonomy']['number']}"
    return ServedVersion(
        str(facts["stage"]),
        str(facts["version"]),
        taxonomy,
        str(facts["digest"]),
        dict(facts["metrics"]),
        facts,
    )


def read_health(body: bytes) -> Health:
    """Whether a service can answer; raises as :func:`read_prediction` does."""
    facts = json.loads(body)
    return Health(bool(facts["ready"]), str(facts["status"]), facts)


def read_job(body: bytes) -> BatchJob:
    """A batch job; raises as :func:`read_prediction` does."""
    facts = json.loads(body)
    return BatchJob(
        str(facts["id"]),
        str(facts["status"]),
        str(facts.get("stage") or ""),
        str(facts.get("version") or ""),
        int(facts.get("done") or 0),
        int(facts.get("total") or 0),
        str(facts.get("error") or ""),
        facts,
    )


def _make_prediction(wire: Mapping[str, Any]) -> Prediction:
    return Prediction(
        str(wire["modelVersion"]),
        datetime.fromisoformat(wire["timestamp"]),
        str(wire["requestId"]),
        str(wire["original_input"]),
        tuple(map(_make_skill, wire["skillExtractOutput"])),
    )


def _make_skill(wire: Mapping[str, Any]) -> ExtractedSkill:
    return ExtractedSkill(
        skill_id=str(wire["skill_id"]),
        title=str(wire["skillTitle"]),
        type=str(wire["skillType"]),
        confidence=float(wire["confidenceScore"]),
        phrase=str(wire["phrase"]),
        occurrence=int(wire["skillOccurrence"]),
        tags=tuple(map(str, wire["skillTags"])),
        proficiency_level=str(wire["proficiencyLevel"]),
        evidence=tuple(map(_make_span, wire["evidence"])),
    )


def _make_span(wire: Mapping[str, Any]) -> Span:
    label = wire["label"]
    if label not in ("skill", "knowledge"):
        raise ValueError(f"a span labelled {label!r}")
    return Span(int(wire["start"]), int(wire["end"]), str(wire["text"]), label, float(wire["score"]))
