"""How long a prediction takes, on a machine that has other work too."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Duration:
    """What a call took.

    Attributes:
        clock: seconds by the clock.
        processor: seconds that all threads of this process computed, added up.
    """

    clock: float
    processor: float

    @property
    def seconds(self) -> float:
        """Seconds without waiting for a processor that works for somebody else.

        Predicting only computes. On an idle machine several threads share the work, so the clock shows less than
        the processor time; where it shows more, the rest was waiting for others.
        """
        return min(self.clock, self.processor)


def measure(call: Callable[[], object]) -> Duration:
    """What one call of ``call`` takes."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return Duration(time.perf_counter() - clock, time.process_time() - processor)
