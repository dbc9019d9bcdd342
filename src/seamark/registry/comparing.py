"""Facts and figures side by side: what differs, and which figure is the best."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Words of a measure's name. Whatever has none of them is better the higher it is.
_LOWER_IS_BETTER = frozenset(
    {"brier", "bytes", "ece", "error", "latency", "loss", "mb", "memory", "ms", "seconds", "size"}
)
_NEITHER = frozenset(
    {"count", "documents", "examples", "gold", "phrases", "predicted", "skills", "threshold"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that is not the same everywhere.

    Attributes:
        name: its place, with dots, such as ``encoder.max_tokens``.
        values: one for each thing compared; None where it has no such fact.
    """

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One measure of several things.

    Attributes:
        name: the measure's, with dots where it is nested.
        values: one for each thing compared; None where it was not measured.
        best: which of them is the best; None where that can't be said or several are.
    """

    name: str
    values: tuple[float | None, ...]
    best: int | None


def flatten(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without nesting: ``{"a": {"b": 1}}`` becomes ``{"a.b": 1}``; lists stay as they are."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": found for inner, found in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def find_differences(facts: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """The facts that are not the same in all of ``facts``, in the order in which they are met."""
    flats = [flatten(each) for each in facts]
    names = dict.fromkeys(name for flat in flats for name in flat)
    rows = [Difference(name, tuple(flat.get(name) for flat in flats)) for name in names]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]


def line_up_figures(metrics: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Every measure that is a number somewhere, in the order in which they are met."""
    flats = [{name: _read_figure(value) for name, value in flatten(each).items()} for each in metrics]
    names = dict.fromkeys(name for flat in flats for name, value in flat.items() if value is not None)
    rows = [(name, tuple(flat.get(name) for flat in flats)) for name in names]
    return [Figures(name, values, find_best(name, values)) for name, values in rows]


def find_best(name: str, values: Sequence[float | None]) -> int | None:
    """Which value of a measure is the best; None where fewer than two were measured, or several are best.

    >>> find_best("jaccard", [0.41, 0.44])
    1
    >>> find_best("ece", [0.03, 0.05])
    0
    """
    words = set(re.split(r"[^a-z0-9]+", name.rpartition(".")[2].lower()))
    known = [value for value in values if value is not None]
    if len(known) < 2 or words & _NEITHER:
        return None
    best = min(known) if words & _LOWER_IS_BETTER else max(known)
    return values.index(best) if known.count(best) == 1 else None


def drop_nan(value: Any) -> Any:
    """``value`` with None for every number that JSON has no word for (NaN, infinities)."""
    if isinstance(value, Mapping):
        return {name: drop_nan(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [drop_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read_figure(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None
