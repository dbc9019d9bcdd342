"""Ids that sort by the time at which they were made."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_RANDOM_BYTES = 3


def make_id(prefix: str) -> str:
    """A new id such as ``run-20261121T091530-4f3a9c``: prefix, UTC second, 24 random bits.

    Ids of one prefix sort by the second in which they were made; within a second their order is
    random.
    """
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(_RANDOM_BYTES)}"
