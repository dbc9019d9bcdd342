from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from seamark.storage import ids
from seamark.storage.ids import make_id


def test_an_id_says_what_and_when():
    before = datetime.now(UTC).replace(microsecond=0)
    found = re.fullmatch(r"run-(\d{8}T\d{6})-[0-9a-f]{6}", make_id("run"))
    assert found is not None
    made = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert before <= made <= datetime.now(UTC)


def test_ids_made_together_differ():
    assert len({make_id("run") for _ in range(100)}) == 100


def test_later_ids_sort_later(monkeypatch: pytest.MonkeyPatch):
    class Clock(datetime):
        second_made = 0

        @classmethod
        def now(cls, tz=None):
            cls.second_made += 1
            return datetime(2026, 12, 31, 23, 59, 56 + cls.second_made, tzinfo=tz)

    monkeypatch.setattr(ids, "datetime", Clock)
    made = [make_id("run") for _ in range(3)]
    assert made == sorted(made)
