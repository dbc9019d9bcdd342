from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_fakes import make_capture, make_skill
from seamark.capture.redaction import MASK, redact_record, redact_text

_PEOPLES = [
    "jane.doe@example.com",
    "jane+jobs@mail.example.co.uk",
    "büro@müller.de",
    "+65 6123 4567",
    "+6561234567",
    "+65-6123-4567",
    "6123 4567",
    "9123-4567",
    "91234567",
    "+1 (415) 555-2671",
    "(415) 555-2671",
    "415-555-2671",
    "415.555.2671",
    "1-800-555-0199",
    "+44 (0)20 7946 0958",
    "020 7946 0958",
    "0151 23456789",
    "01 23 45 67 89",
    "0065 6123 4567",
    "+91 98765 43210",
    "98765 43210",
    "S1234567D",
    "s1234567d",
    "T0123456G",
    "F1234567N",
    "G1234567X",
    "123-45-6789",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "3782 822463 10005",
]
_NOBODYS = [
    "1999",
    "2019-2021",
    "2019 - 2021",
    "2019–2021",
    "2024 2025 2026",
    "$6,000 - $8,000",
    "$6000-8000",
    "6000-8000",
    "6000 - 8000",
    "3500-4500",
    "65000-82500",
    "5558200-6558200",
    "SGD 61234567",
    "85000000",
    "3,500-4,500",
    "S$5,500 to S$7,250",
    "€45.000 - €60.000",
    "+1,000,000",
    "+1500000",
    "Singapore 238859",
    "94105",
    "94105-1234",
    "01067",
    "01067 04103",
    "SW1A 1AA",
    "3.11.2",
    "10.15.7",
    "8.0.40219.325",
    "192.168.100.100",
    "ISO 9001",
    "ISO 9001 2015",
    "ISO 9001-2015",
    "ISO/IEC 27001:2013",
    "2026-11-21",
    "21.11.2026",
    "21/11/2026 08:30",
    "20261121",
    "0900-1800",
    "15-1252.00",
    "ICT-DIT-3002-1.1",
    "978-0-13-235088-4",
    "0-13-235088-2",
    "S1234567A",
    "DE00370400440532013000",
    "4111111111111112",
    "666-12-3456",
    "@seamark",
    "a@b",
    "3 4 5 6 7 8 9",
    "24/7 365",
]
_FRAMES = ["{}", "Write to {} today.", "({})", "a: {}, b", "line\n{}\nline", "«{}»"]


@pytest.mark.parametrize("frame", _FRAMES)
@pytest.mark.parametrize("number", _PEOPLES)
def test_what_reaches_or_names_a_person_is_masked(number, frame):
    text = frame.format(number)

    masked = redact_text(text)

    assert len(masked) == len(text)
    assert number not in masked
    assert not re.search("[0-9]|@", masked)


@pytest.mark.parametrize("frame", _FRAMES)
@pytest.mark.parametrize("figure", _NOBODYS)
def test_other_figures_survive(figure, frame):
    assert redact_text(frame.format(figure)) == frame.format(figure)


@pytest.mark.parametrize(
    "text",
    [
        "Tel: 555-2671",
        "call us at 4155552671",
        "WhatsApp 1234567",
        "Phone: 62000000",
        "Hotline 6200 3300",
        "Tel. 6000-8010",
    ],
)
def test_a_word_before_a_number_says_that_it_is_a_phones(text):
    assert redact_text(text) == re.sub("[0-9][0-9 -]{6,}", lambda one: MASK * len(one[0]), text)


@pytest.mark.parametrize(
    "text", ["call before 31.12.2026", "mobile app of 2019-2021", "phone sales 3500000", "call for 6000-8000"]
)
def test_a_word_before_a_date_or_an_amount_does_not(text):
    assert redact_text(text) == text


def test_what_stands_around_it_stays():
    assert redact_text("Ask Jane (jane@x.org) or +65 6123 4567, room 12.") == (
        f"Ask Jane ({MASK * 10}) or {MASK * 13}, room 12."
    )


@given(st.text())
def test_the_length_stays_and_only_masks_are_new(text):
    masked = redact_text(text)

    assert len(masked) == len(text)
    assert all(new in (old, MASK) for old, new in zip(text, masked, strict=True))


@given(st.text("0123456789 -.()+@aSTGBD8,/"))
def test_the_length_stays_in_texts_of_figures(text):
    assert len(redact_text(text)) == len(text)


@given(st.integers(1900, 2099), st.integers(1900, 2099), st.sampled_from(["-", " - ", "–", " to ", "/", " "]))
def test_years_survive(first, last, between):
    text = f"from {first}{between}{last}."

    assert redact_text(text) == text


@given(
    st.integers(100, 99_999).map(lambda tens: tens * 10),
    st.integers(100, 99_999).map(lambda tens: tens * 10),
    st.sampled_from(["-", " - ", "–", " to "]),
    st.sampled_from(["{}", "{:,}", "${}", "SGD {:,}"]),
)
def test_salaries_and_their_ranges_survive(one, other, between, form):
    low, high = sorted([one, other + 1_000_000 if one == other else other])
    text = f"Pay {form.format(low)}{between}{form.format(high)} a month"

    assert redact_text(text) == text


@given(st.integers(0, 999_999).map("{:06}".format), st.sampled_from(["Singapore {}", "S({})", "{}", "S{}"]))
def test_postal_codes_survive(code, form):
    assert redact_text(form.format(code)) == form.format(code)


@given(st.lists(st.integers(0, 999), min_size=2, max_size=4))
def test_version_numbers_survive(parts):
    text = f"Python {'.'.join(map(str, parts))} or later"

    assert redact_text(text) == text


def test_evidence_and_phrases_quote_the_masked_text():
    text = "Mail jane@example.com for SQL"
    record = make_capture(input=text, output=[make_skill(text, 5, 21), make_skill(text, 26, 29)])

    masked = redact_record(record)

    assert masked.input == f"Mail {MASK * 16} for SQL"
    assert [one["phrase"] for one in masked.output] == [MASK * 16, "SQL"]
    for skill in masked.output:
        for span in skill["evidence"]:
            assert masked.input[span["start"] : span["end"]] == span["text"]
    assert record.input == text, "the record that is answered with stays as it is"


def test_a_phrase_that_no_evidence_quotes_is_masked_by_itself():
    text = "Mail jane@example.com"
    skill = {**make_skill(text, 0, 4), "phrase": "jane@example.com"}

    assert redact_record(make_capture(input=text, output=[skill])).output[0]["phrase"] == MASK * 16


def test_the_full_text_as_a_phrase_stays():
    text = "Mail jane@example.com"
    skill = {**make_skill(text, 0, 4), "phrase": "full text", "evidence": []}

    assert redact_record(make_capture(input=text, output=[skill])).output[0]["phrase"] == "full text"


@pytest.mark.parametrize("given", ["91234567", "MCF-2026-0123456", "4111111111111111", "", "posting 7"])
def test_an_id_of_digits_stays(given):
    assert redact_record(make_capture(document_id=given)).document_id == given


def test_what_its_sender_says_of_a_text_is_masked_too():
    record = make_capture(document_id="jane@example.com/S1234567D/7", sector="call +65 9123 4567")

    masked = redact_record(record)

    assert masked.document_id == f"{MASK * 16}/{MASK * 9}/7"
    assert masked.sector == f"call {MASK * 13}"
    assert (masked.input, masked.output) == (record.input, record.output)


def test_a_record_with_nothing_to_mask_is_the_record():
    record = make_capture()

    assert redact_record(record) is record
