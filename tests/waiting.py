"""Waiting for what another thread or process will have done soon."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Return as soon as ``is_so`` says so; fail after so long that it never will."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
