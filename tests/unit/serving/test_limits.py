from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.serving.limits import QueueLimiter, RateLimiter, check_texts
from seamark.serving.problems import ProblemError
from seamark.settings import StageSettings


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_limit_lets_everything_pass():
    limiter = RateLimiter()
    for _ in range(1000):
        limiter.check("prod", "vera", 0)


def test_the_limit_counts_by_stage_and_caller():
    limiter = RateLimiter(clock=Clock())
    limiter.check("prod", "vera", 1)
    limiter.check("dev", "vera", 1)
    limiter.check("prod", "ada", 1)
    with pytest.raises(ProblemError) as refused:
        limiter.check("prod", "vera", 1)
    assert refused.value.kind.status == 429


def test_after_the_seconds_that_the_refusal_names_a_request_passes():
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    limiter.check("prod", "vera", 2)
    clock.now += 10
    limiter.check("prod", "vera", 2)
    with pytest.raises(ProblemError) as refused:
        limiter.check("prod", "vera", 2)
    assert refused.value.retry_after == 50
    clock.now += 49
    with pytest.raises(ProblemError):
        limiter.check("prod", "vera", 2)
    clock.now += 1
    limiter.check("prod", "vera", 2)


def test_a_limit_that_was_lowered_names_when_enough_has_passed():
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    for _ in range(5):
        limiter.check("prod", "vera", 10)
        clock.now += 1
    with pytest.raises(ProblemError) as refused:
        limiter.check("prod", "vera", 1)
    clock.now += refused.value.retry_after
    limiter.check("prod", "vera", 1)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_no_minute_ever_has_more_than_the_limit(pauses, limit):
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    passed: list[float] = []
    waits: list[int] = []
    for pause in pauses:
        clock.now += pause
        try:
            limiter.check("prod", "vera", limit)
            passed.append(clock.now)
        except ProblemError as error:
            waits.append(error.retry_after)
    assert all(1 <= wait <= 60 for wait in waits)
    for time in passed:
        assert sum(time - 60 < other <= time for other in passed) <= limit


def test_callers_that_ask_no_more_are_forgotten(monkeypatch):
    monkeypatch.setattr("seamark.serving.limits._MOST_CALLERS", 3)
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    for number in range(3):
        limiter.check("prod", f"caller-{number}", 1)
    clock.now += 61
    limiter.check("prod", "another", 1)
    assert len(limiter._requests) == 1


def test_a_full_queue_refuses_and_lets_in_again_when_it_has_room():
    queue = QueueLimiter()
    with queue.admit("prod", 3, 4):
        with pytest.raises(ProblemError) as refused, queue.admit("prod", 2, 4):
            pass
        assert refused.value.kind.status == 503
        assert refused.value.retry_after > 0
        with queue.admit("prod", 1, 4), queue.admit("dev", 4, 4):
            assert queue.count() == 8
    assert queue.count() == 0
    with queue.admit("prod", 4, 4):
        pass


def test_a_request_larger_than_the_queue_goes_when_it_is_alone():
    queue = QueueLimiter()
    with queue.admit("prod", 10, 4):
        pass
    with queue.admit("prod", 1, 4), pytest.raises(ProblemError), queue.admit("prod", 10, 4):
        pass


def test_a_failure_gives_its_room_back():
    queue = QueueLimiter()
    with pytest.raises(KeyError), queue.admit("prod", 4, 4):
        raise KeyError
    assert queue.count() == 0


@pytest.mark.parametrize(
    ("texts", "fits"),
    [(["a"] * 3, True), (["a"] * 4, False), (["a" * 5], True), (["a" * 6], False)],
)
def test_number_and_length_of_texts_are_limited(texts, fits):
    settings = StageSettings(max_texts=3, max_text_characters=5)
    if fits:
        check_texts(texts, settings)
        return
    with pytest.raises(ProblemError) as refused:
        check_texts(texts, settings)
    assert refused.value.kind.status == 413
