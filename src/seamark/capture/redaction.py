"""Masks e-mail addresses, phone numbers and identity numbers, each character by one ``•``.

Choices:
- The length stays, so that the offsets of evidence stay true.
- This stands in the path of an answer. A text without ``@``, without an IBAN's beginning and without seven
  digits close together, which is most texts, costs a few scans and no more.
- Numbers that are no person's stay: years, amounts, ranges, postal codes, dates, versions, standards. So a row
  of digits is masked only where its grouping, its checksum or a word before it says what it is.
- Every pattern is bounded, so that no text takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from seamark.capture._numbers import find_nrics, find_numbers
from seamark.capture.record import CapturedPrediction

MASK = "•"

_LOCAL = re.compile(r"[\w.%+'-]{1,64}\Z")
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LONGEST_LOCAL = 64

_Stretch = tuple[int, int]


def redact_record(record: CapturedPrediction) -> CapturedPrediction:
    """The record with its text, what its skills quote of it, and its sender's own words for it masked.

    The record itself where nothing is to be masked.
    """
    document_id, sector = redact_id(record.document_id), redact_text(record.sector)
    if (document_id, sector) != (record.document_id, record.sector):
        record = replace(record, document_id=document_id, sector=sector)
    masked = redact_text(record.input)
    if masked == record.input:
        return record
    return replace(record, input=masked, output=[_redact_skill(skill, masked) for skill in record.output])


def redact_text(text: str) -> str:
    """The text with ``•`` for each character that names or reaches a person; always of the same length."""
    return _mask(text, sorted([*_find_addresses(text), *find_numbers(text)]))


def redact_id(text: str) -> str:
    """An id with e-mail addresses and identity numbers masked; a row of digits is an id's own, and stays."""
    return _mask(text, sorted([*_find_addresses(text), *find_nrics(text)]))


def _mask(text: str, found: list[_Stretch]) -> str:
    if not found:
        return text
    parts: list[str] = []
    done = 0
    for start, end in found:
        if end > done:  # else it lies within the one before
            begun = max(start, done)
            parts += [text[done:begun], MASK * (end - begun)]
            done = end
    return "".join([*parts, text[done:]])


def _find_addresses(text: str) -> Iterator[_Stretch]:
    """E-mail addresses."""
    at, before = text.find("@"), 0
    while at >= 0:
        local = _LOCAL.search(text[max(before, at - _LONGEST_LOCAL) : at])
        domain = _DOMAIN.match(text, at + 1)
        if local and domain:
            yield at - len(local[0]), domain.end()
        before = at + 1
        at = text.find("@", before)


def _redact_skill(skill: dict[str, Any], masked: str) -> dict[str, Any]:
    """A skill of the wire format that quotes the masked text in place of the text."""
    evidence = [_redact_span(span, masked) for span in skill.get("evidence", ())]
    quoted = {old["text"]: new["text"] for old, new in zip(skill.get("evidence", ()), evidence, strict=True)}
    phrase = skill.get("phrase", "")
    return {**skill, "phrase": quoted.get(phrase) or redact_text(phrase), "evidence": evidence}


def _redact_span(span: dict[str, Any], masked: str) -> dict[str, Any]:
    return {**span, "text": masked[span["start"] : span["end"]]}
