"""Values of settings: parsed, checked, and described in words."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import Field
from typing import Any

from seamark.errors import UsageError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_PASSWORD = re.compile(r"//[^/@]*@")


def hide_password(value: Any) -> Any:
    """``value`` as messages may show it: an address without its password."""
    return _PASSWORD.sub("//***@", value) if isinstance(value, str) else value


def parse_value(item: Field[Any], text: str) -> Any:
    """An environment variable's text as a value of the setting's type; as it is where that fails."""
    default = item.metadata["default"]
    if isinstance(default, bool):
        return text.lower() in _TRUE if text.lower() in _TRUE | _FALSE else text
    if isinstance(default, str):
        return text.lower() if item.metadata["choices"] else text
    try:
        return _parse_pairs(text) if isinstance(default, dict) else type(default)(text)
    except ValueError:
        return text


def _parse_pairs(text: str) -> Any:
    """JSON, or ``name=value,name=value``."""
    if text.startswith("{"):
        return json.loads(text)
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip(): float(value) for name, _, value in pairs}


def check_value(item: Field[Any], value: Any, where: str) -> Any:
    """``value`` in the setting's type.

    Raises:
        UsageError: the type, the range or the form is wrong.
    """
    default = item.metadata["default"]
    if isinstance(default, dict) and isinstance(value, dict):
        good = set(value) <= set(item.metadata["choices"]) and all(
            _is_number(one, item) for one in value.values()
        )
        value = {name: float(one) for name, one in value.items()} if good else value
    elif isinstance(default, float):
        good = _is_number(value, item)
        value = float(value) if good else value
    elif isinstance(default, int) and not isinstance(default, bool):
        good = isinstance(value, int) and _is_number(value, item)
    else:
        good = type(value) is type(default) and _has_form(value, item)
    if not good:
        raise UsageError(where, expected=describe_values(item))
    return value


def _is_number(value: Any, item: Field[Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    low, high = item.metadata["low"], item.metadata["high"]
    return (low is None or value >= low) and (high is None or value <= high)


def _has_form(value: Any, item: Field[Any]) -> bool:
    choices, pattern = item.metadata["choices"], item.metadata["pattern"]
    return (not choices or value in choices) and (pattern is None or bool(pattern.fullmatch(value)))


def describe_values(item: Field[Any]) -> str:
    """What values a setting takes, in words."""
    default, choices = item.metadata["default"], item.metadata["choices"]
    if item.metadata["expected"]:
        return str(item.metadata["expected"])
    if isinstance(default, dict):
        return f"numbers {_describe_range(item)}, each named {_join(choices)}"
    if choices:
        return _join(choices)
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return "a text"
    return f"a {'whole ' if isinstance(default, int) else ''}number {_describe_range(item)}"


def _join(choices: Iterable[str]) -> str:
    *first, last = choices
    return f"{', '.join(first)} or {last}"


def _describe_range(item: Field[Any]) -> str:
    low, high = item.metadata["low"], item.metadata["high"]
    return f"of {low} or more" if high is None else f"from {low} to {high}"


def explain_unknown(what: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """The error for a name that is not among the known ones, with the nearest of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        f"there is no {what} (in {where})",
        expected=", ".join(known),
        hint=f"{near[0]}?" if near else "",
    )
