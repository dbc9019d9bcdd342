"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from seamark.client.problems import explain
from seamark.client.steps import Answer, Call, Lost, Send, Wait
from seamark.errors import UsageError

if TYPE_CHECKING:
    from seamark.client.steps import Steps

_REFUSED = (429, 503)  # nothing was done: any request may come again
_BROKEN = (502, 504)  # something between here and the service gave up on it
_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 10.0
_DOUBLINGS = 10  # the longest wait comes before that
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried.

    Attributes:
        timeout: seconds that all tries of one request and the waits between them may take.
        retries: tries after the first.
        clock: seconds from some moment on.
        draw: a random number, 0-1.
    """

    timeout: float = 30.0
    retries: int = 3
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= _DAY:
            raise UsageError(f"timeout={self.timeout}", expected=f"seconds, more than 0, up to {_DAY}")
        if self.retries < 0:
            raise UsageError(f"retries={self.retries}", expected="0 or more")


def send_patiently(call: Call, patience: Patience) -> Steps[Answer]:
    """The answer to ``call``, which is sent again where that can help and does no harm.

    Raises:
        SeamarkError: what the service answered last, or that it did not; see
            :func:`seamark.client.problems.explain_answer`.
    """
    end = patience.clock() + patience.timeout
    tries = 0
    while True:
        result = yield Send(call, max(end - patience.clock(), 0.001))
        assert result is not None
        if isinstance(result, Answer) and result.worked:
            return result
        wait = choose_wait(call, result, tries, patience)
        # Waiting for what can only come too late would keep the error from whoever waits.
        if wait is None or tries >= patience.retries or patience.clock() + wait >= end:
            raise explain(result)
        yield Wait(wait)
        tries += 1


def choose_wait(call: Call, result: Answer | Lost, tries: int, patience: Patience) -> float | None:
    """Seconds until ``call`` is sent again; None where another try is pointless or might do it twice.

    Between two tries lies a time that doubles, drawn anew from half of it to all of it, so that many clients that
    were refused together don't come back together. A ``Retry-After`` is a lower bound.
    """
    if isinstance(result, Lost):
        if result.hopeless or (result.arrived and not call.repeatable):
            return None
        asked = 0.0
    elif result.status in _REFUSED or (result.status in _BROKEN and call.repeatable):
        asked = read_retry_after(result.headers.get("retry-after", "")) or 0.0
    else:
        return None
    step: float = min(_FIRST_SECONDS * 2 ** min(tries, _DOUBLINGS), _LONGEST_SECONDS)
    return asked + step * (0.5 + patience.draw() / 2)


def read_retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` asks for, which gives them or a date; None where it says nothing readable."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds: float = (moment - (now or datetime.now(UTC))).total_seconds()
    return max(seconds, 0.0)
