"""How much one caller may ask, and how much may wait: by stage, within one server process."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from seamark.serving.problems import ProblemError
from seamark.settings import StageSettings

_MINUTE = 60.0
_MOST_CALLERS = 10_000  # whose requests are remembered


class RateLimiter:
    """Counts each caller's requests of the last minute.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requests: dict[tuple[str, str], deque[float]] = {}

    def check(self, stage: str, caller: str, limit: int) -> None:
        """Count one request; where ``limit`` is 0, nothing is counted.

        Raises:
            ProblemError: the caller has made ``limit`` requests within a minute; this one does not count.
        """
        if not limit:
            return
        now = self._clock()
        times = self._requests.setdefault((stage, caller), deque())
        _forget(times, now)
        if len(times) >= limit:
            wait = math.ceil(times[len(times) - limit] + _MINUTE - now)
            raise ProblemError(
                "too-many-requests",
                f"{caller} has made {len(times)} requests within a minute",
                expected=f"{limit} at most on {stage}",
                retry_after=min(max(wait, 1), round(_MINUTE)),
            )
        times.append(now)
        if len(self._requests) > _MOST_CALLERS:
            self._tidy(now)

    def _tidy(self, now: float) -> None:
        for key, times in list(self._requests.items()):
            _forget(times, now)
            if not times:
                del self._requests[key]


class QueueLimiter:
    """Counts the texts of each stage that wait or are at work."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = defaultdict(int)

    @contextmanager
    def admit(self, stage: str, texts: int, limit: int) -> Iterator[None]:
        """Count ``texts`` while the block lasts. A request larger than the limit goes when it is alone.

        Raises:
            ProblemError: too many wait already.
        """
        if self._texts[stage] and self._texts[stage] + texts > limit:
            raise ProblemError(
                "busy", f"{self._texts[stage]} texts wait on {stage}", expected=f"{limit} at most"
            )
        self._texts[stage] += texts
        try:
            yield
        finally:
            self._texts[stage] -= texts

    def count(self) -> int:
        """Texts that wait or are at work on all stages."""
        return sum(self._texts.values())


def check_texts(texts: Sequence[str], settings: StageSettings) -> None:
    """See that a request's texts are within the stage's limits.

    Raises:
        ProblemError: there are too many, or one is too long.
    """
    if len(texts) > settings.max_texts:
        raise ProblemError(
            "too-large", f"the request has {len(texts)} texts", expected=f"{settings.max_texts} at most"
        )
    for number, text in enumerate(texts, start=1):
        if len(text) > settings.max_text_characters:
            raise ProblemError(
                "too-large",
                f"text {number} has {len(text)} characters",
                expected=f"{settings.max_text_characters} at most",
            )


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - _MINUTE:
        times.popleft()
