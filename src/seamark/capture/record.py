"""One captured prediction, its line in the spool, and which predictions are captured."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json

from seamark.storage.captures import CapturedPrediction
from seamark.storage.tables import CAPTURE_ROLES

__all__ = ["CapturedPrediction", "clean_text", "decode_line", "encode_line", "is_sampled"]

_NOT_KEPT = re.compile("[\0\ud800-\udfff]")
_HASHED = 8  # hex digits of a request id that decide, 32 bits


_NAMES = tuple(CapturedPrediction.__dataclass_fields__)
_TEXTS = ("request_id", "stage", "version", "input", "caller", "document_id", "kind", "sector")


def is_sampled(request_id: str, percent: float) -> bool:
    """Whether a request is among the ``percent`` that are captured: the same answer wherever it is asked.

    Args:
        request_id: a SHA-256 in hex; its first 32 bits decide.
        percent: 0-100.
    """
    return int(request_id[:_HASHED], 16) / 2**32 * 100 < percent


def encode_line(record: CapturedPrediction) -> bytes:
    """The record as a line of JSON in UTF-8, with the newline that says that it is whole.

    What no database keeps, a NUL or half of a surrogate pair, becomes U+FFFD: one character for one, so that
    offsets into the text stay true.
    """
    facts = {name: getattr(record, name) for name in _NAMES}
    facts["at"] = record.at.astimezone(UTC).isoformat(timespec="microseconds")
    try:
        line = to_json(facts)
    except ValueError:  # half of a surrogate pair has no UTF-8
        line = to_json(_clean(facts))
    if b"\\u0000" in line:
        line = to_json(_clean(facts))
    return line + b"\n"


def decode_line(line: bytes) -> CapturedPrediction:
    """The record of a line.

    Raises:
        ValueError: it is none.
    """
    facts = from_json(line)
    if not isinstance(facts, dict) or set(facts) != set(_NAMES):
        raise ValueError("not a captured prediction")
    wrong = [name for name in _TEXTS if not isinstance(facts[name], str)]
    if wrong or facts["role"] not in CAPTURE_ROLES or not isinstance(facts["output"], list):
        raise ValueError(f"a captured prediction with a wrong value: {', '.join(wrong) or 'role or output'}")
    try:
        facts["at"] = datetime.fromisoformat(facts["at"])
        facts["latency_ms"] = float(facts["latency_ms"])
    except TypeError as error:
        raise ValueError("a captured prediction with a wrong time or latency") from error
    if facts["at"].tzinfo is None or not isinstance(facts["answered_id"], str | None):
        raise ValueError("a captured prediction with a time of no zone, or a wrong answered_id")
    return CapturedPrediction(**facts)


def clean_text(text: str) -> str:
    """The text with U+FFFD for each character that no database keeps."""
    return _NOT_KEPT.sub("\ufffd", text)


def _clean(value: Any) -> Any:
    """``value`` with U+FFFD for what can't be kept, in every text within it."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value
