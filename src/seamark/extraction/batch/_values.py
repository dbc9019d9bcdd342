"""Values on their way into JSON, a CSV cell or a quarantine file."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_INVISIBLE = "\N{ZERO WIDTH NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{WORD JOINER}"


def is_blank(text: str) -> bool:
    """Whether ``text`` holds nothing but white space and invisible characters."""
    return all(character.isspace() or character in _INVISIBLE for character in text)


def has_lone_surrogates(text: str) -> bool:
    """Whether ``text`` holds what UTF-8 can't: bytes that were no UTF-8, or half an emoji."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def dump_json(value: Any) -> str:
    """``value`` as JSON on one line; NaN and infinities become null, as JSON has none."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_encode)
    except ValueError:
        return json.dumps(_drop_nan(value), ensure_ascii=False, default=_encode)


def to_cell(value: Any) -> str:
    """``value`` as the text of one cell: text as it is, nothing as empty, all else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    written = dump_json(value)
    # A date or a decimal number was written as a JSON string; a cell needs no quotes.
    is_quoted = written.startswith('"')
    return str(json.loads(written)) if is_quoted else ("" if written == "null" else written)


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _drop_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _drop_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_drop_nan(inner) for inner in value]
    return value


def mend(value: Any) -> Any:
    """``value`` with every character that UTF-8 can't hold replaced by U+FFFD."""
    return _map_text(value, _mend_text)


def spell_out(value: Any) -> Any:
    r"""``value`` with every byte that was no UTF-8 spelled ``\xNN``, so that nothing is lost."""
    return _map_text(value, _spell_text)


def _map_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): _map_text(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_map_text(inner, change) for inner in value]
    return value


def _mend_text(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _spell_text(text: str) -> str:
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
