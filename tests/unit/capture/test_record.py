from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_fakes import make_capture, make_request_id
from seamark.capture.record import decode_line, encode_line, is_sampled

_ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))  # surrogates and NUL as well
_PERCENT = st.floats(0, 100)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_a_line_gives_back_its_record(text):
    record = make_capture(input=text, output=[{"phrase": text}], answered_id="f" * 64)

    assert decode_line(encode_line(record)) == record


@given(_ANY_TEXT)
def test_whatever_the_text_a_line_is_one_line_that_every_database_keeps(text):
    line = encode_line(make_capture(input=text, output=[{"phrase": text, text: [text]}], caller=text))
    kept = decode_line(line)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(kept.input) == len(text)
    assert "\0" not in kept.input + kept.caller
    kept.input.encode("utf-8")


def test_what_no_database_keeps_is_replaced_and_the_rest_stays():
    kept = decode_line(encode_line(make_capture(input="a\0b\ud800c", output=[{"phrase": "\0"}])))

    assert kept.input == "a�b�c"
    assert kept.output == [{"phrase": "�"}]


def test_a_time_is_kept_in_utc():
    there = datetime(2026, 11, 1, 20, tzinfo=timezone(timedelta(hours=8)))

    assert decode_line(encode_line(make_capture(at=there))).at == there
    assert json.loads(encode_line(make_capture(at=there)))["at"] == "2026-11-01T12:00:00.000000+00:00"


@given(st.binary())
def test_anything_else_is_no_line(data):
    with pytest.raises(ValueError, match=r".+"):
        decode_line(data)


@pytest.mark.parametrize(
    "change",
    [
        {"role": "bystander"},
        {"at": None},
        {"at": "noon"},
        {"at": "2026-11-01T12:00:00"},
        {"input": 7},
        {"output": {}},
        {"latency_ms": None},
        {"request_id": None},
        {"answered_id": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_a_line_with_a_wrong_value_is_none(change):
    facts = json.loads(encode_line(make_capture())) | change

    with pytest.raises(ValueError, match=r".+"):
        decode_line(json.dumps(facts).encode())


@given(st.integers(0, 10_000), _PERCENT, _PERCENT)
def test_whoever_is_sampled_at_less_is_sampled_at_more(number, one, other):
    less, more = sorted([one, other])

    assert is_sampled(make_request_id(number), less) <= is_sampled(make_request_id(number), more)


@pytest.mark.parametrize("request_id", ["0" * 64, "f" * 64, make_request_id(5)])
def test_nobody_is_sampled_at_0_and_everybody_at_100(request_id):
    assert not is_sampled(request_id, 0)
    assert is_sampled(request_id, 100)


def test_the_share_that_is_sampled_is_the_percentage():
    sampled = sum(is_sampled(make_request_id(number), 20) for number in range(10_000))

    assert 1_850 < sampled < 2_150
