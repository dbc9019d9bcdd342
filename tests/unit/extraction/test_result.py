"""The wire format: field names are the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from seamark.extraction.result import ExtractedSkill, Prediction, Span, make_prediction

SPAN = Span(4, 7, "SQL", "knowledge", 0.123456)
SKILL = ExtractedSkill(
    "id-1",
    "Database Querying",
    "tsc",
    0.987654,
    "SQL",
    occurrence=2,
    tags=("Emerging TSC",),
    evidence=(SPAN,),
)


def test_a_skill_has_the_fields_of_the_contract_in_order():
    assert SKILL.to_wire() == {
        "skill_id": "id-1",
        "skillTitle": "Database Querying",
        "skillType": "tsc",
        "proficiencyLevel": "",
        "confidenceScore": 0.9877,
        "skillTags": ["Emerging TSC"],
        "phrase": "SQL",
        "skillOccurrence": 2,
        "evidence": [{"start": 4, "end": 7, "text": "SQL", "label": "knowledge", "score": 0.1235}],
    }
    assert list(SKILL.to_wire())[:5] == [
        "skill_id",
        "skillTitle",
        "skillType",
        "proficiencyLevel",
        "confidenceScore",
    ]


def test_a_prediction_has_the_fields_of_the_contract():
    stamp = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    wire = Prediction("1.2.3", stamp, "ab", "Use SQL ☃", (SKILL,)).to_wire()
    assert list(wire) == ["modelVersion", "timestamp", "requestId", "original_input", "skillExtractOutput"]
    assert wire["timestamp"] == "2026-03-01T04:05:06.000000+00:00"
    assert wire["original_input"] == "Use SQL ☃"
    assert json.loads(json.dumps(wire)) == wire


@pytest.mark.parametrize("confidence", [0.0, 1.0, 0.99996, 0.00004])
def test_confidences_have_four_decimals_and_stay_within_bounds(confidence):
    wire = ExtractedSkill("1", "t", "", confidence, "p").to_wire()["confidenceScore"]
    assert 0.0 <= wire <= 1.0
    assert wire == round(wire, 4)


def test_the_same_text_asked_twice_has_two_ids():
    first = make_prediction("SQL", (), model_version="1", nonce=b"a")
    second = make_prediction("SQL", (), model_version="1", nonce=b"b")
    assert first.request_id != second.request_id
    assert len(bytes.fromhex(first.request_id)) == 32


def test_the_time_is_utc():
    assert make_prediction("", (), model_version="1", nonce=b"").timestamp.utcoffset().total_seconds() == 0


def test_a_text_with_a_lone_surrogate_has_an_id():
    assert make_prediction("\ud800", (), model_version="1", nonce=b"").request_id
