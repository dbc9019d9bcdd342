"""Captured predictions for tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seamark.capture.record import CapturedPrediction
from seamark.capture.spool import Spool

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make_request_id(number: int) -> str:
    """The id of request ``number``."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def make_capture(number: int = 1, **changes: Any) -> CapturedPrediction:
    """The capture of request ``number``; ``changes`` are other values of its fields."""
    text = f"You will build dashboards in SQL, text {number}."
    facts: dict[str, Any] = {
        "request_id": make_request_id(number),
        "stage": "prod",
        "version": "1.2.3",
        "role": "champion",
        "at": NOON,
        "input": text,
        "output": [make_skill(text, 15, 25)],
        "latency_ms": 12.5,
        "caller": "ada",
        "document_id": f"doc-{number}",
        "kind": "posting",
        "sector": "ict",
    }
    return CapturedPrediction(**{**facts, **changes})


def make_skill(text: str, start: int, end: int) -> dict[str, Any]:
    """A skill as the wire format names it, with one piece of evidence."""
    quoted = text[start:end]
    return {
        "skill_id": "S-1",
        "skillTitle": "Data Visualisation",
        "skillType": "tsc",
        "proficiencyLevel": "",
        "confidenceScore": 0.64,
        "skillTags": ["Emerging TSC"],
        "phrase": quoted,
        "skillOccurrence": 1,
        "evidence": [{"start": start, "end": end, "text": quoted, "label": "skill", "score": 0.91}],
    }


def open_spool(
    folder: Path, *, limit_mb: float = 64, redact: bool = False, sync_seconds: float = 0.05
) -> Spool:
    """A spool for a test, which closes it."""
    return Spool(folder, sync_seconds=sync_seconds, limit_mb=limit_mb, redact=redact)
