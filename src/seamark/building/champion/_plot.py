"""The forest plot: for each difference its interval, on one scale, right of 0 where the contender is better."""

from __future__ import annotations

import math
from collections.abc import Iterable

from seamark.building.champion.decision import Comparison
from seamark.building.champion.measures import LATENCIES, LOWER_IS_BETTER

_WIDTH, _HEIGHT, _MARGIN = 280, 30, 14
_LEAST = 0.02


class Scale:
    """Places gains on the plot's width.

    Args:
        comparisons: those that share the plot; times have another unit and are left out.
    """

    def __init__(self, comparisons: Iterable[Comparison]) -> None:
        reach = [
            abs(value)
            for made in comparisons
            if is_plotted(made) and made.interval
            for value in (
                made.interval.low,
                made.interval.high,
                made.difference or 0.0,
                made.tolerance or 0.0,
            )
        ]
        self.limit = _round_up(max([_LEAST, *reach]))

    def place(self, gain: float) -> float:
        """The x coordinate of a gain."""
        half = _WIDTH / 2
        return round(half + gain / self.limit * (half - _MARGIN), 1)


def is_plotted(made: Comparison) -> bool:
    """Whether the comparison stands in the plot: it has an interval, and is no time."""
    return made.interval is not None and made.difference is not None and made.name not in LATENCIES


def draw_interval(made: Comparison, scale: Scale) -> str:
    """One row of the plot as inline SVG; empty where there is nothing to draw."""
    if not is_plotted(made) or made.interval is None or made.gain is None:
        return ""
    low, high = made.interval.low, made.interval.high
    if made.name in LOWER_IS_BETTER:
        low, high = -high, -low
    tone = "good" if low > 0 else "bad" if high < 0 else "calm"
    middle = _HEIGHT / 2
    limit = (
        "" if made.tolerance is None else _draw_line("limit", scale.place(-made.tolerance), 5, _HEIGHT - 5)
    )
    x1, x2 = scale.place(low), scale.place(high)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="gain {made.gain:+.3f}, '
        f'95% interval {low:+.3f} to {high:+.3f}">'
        f"{_draw_line('zero', scale.place(0), 0, _HEIGHT)}{limit}"
        f'<line class="span {tone}" x1="{x1}" x2="{x2}" y1="{middle}" y2="{middle}"/>'
        f'<circle class="{tone}" cx="{scale.place(made.gain)}" cy="{middle}" r="4.5"/></svg>'
    )


def draw_axis(scale: Scale) -> str:
    """The plot's scale as inline SVG."""
    labels = "".join(
        f'<text x="{scale.place(value)}" y="12" text-anchor="middle">{_label(value)}</text>'
        for value in (-scale.limit, -scale.limit / 2, 0.0, scale.limit / 2, scale.limit)
    )
    ends = (
        f'<text x="0" y="26">← worse</text><text x="{_WIDTH}" y="26" text-anchor="end">better →</text>'
        if scale.limit
        else ""
    )
    return f'<svg viewBox="0 0 {_WIDTH} 30" aria-hidden="true">{labels}{ends}</svg>'


def _draw_line(name: str, x: float, top: float, bottom: float) -> str:
    return f'<line class="{name}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'


def _label(value: float) -> str:
    return "0" if not value else f"{value:+.3g}".replace("-", "−")


def _round_up(value: float) -> float:
    """The next of 1, 2, 4 or 10 times a power of ten: its half is a round number too."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 10) if step * power >= value - 1e-12)
