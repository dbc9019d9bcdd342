from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from seamark.errors import StorageError, WeightsError
from seamark.serving.loading import TRIES, Loader
from seamark.serving.metrics import Metrics
from waiting import wait_until


class Bench:
    """A loader whose models are made by the test, at the time of the test's clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tried: list[str] = []
        self.outcome: Callable[[str], Any] = lambda version: SimpleNamespace(version=version, seconds=0.1)
        self.changes = threading.Semaphore(0)
        self.loader = Loader(
            None,  # type: ignore[arg-type]
            Metrics(),
            on_change=self.changes.release,
            load=self._load,
            clock=lambda: self.now,
        )

    def _load(self, _workspace: Any, version: str, _digest: str) -> Any:
        self.tried.append(version)
        return self.outcome(version)

    def fail(self, error: BaseException) -> None:
        def refuse(_version: str) -> Any:
            raise error

        self.outcome = refuse

    def ask(self, version: str = "1.0.0", promotion: str | None = "p1") -> Any:
        """Ask, and wait until what that began has ended."""
        begun = len(self.tried)
        failure = self.loader.ask_for(version, "d", promotion)
        wait_until(lambda: not self.loader._under_way)
        if len(self.tried) > begun:
            assert self.changes.acquire(timeout=30)
        return failure


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.loader.stop()


def test_a_model_is_loaded_once_and_kept(bench):
    assert bench.loader.get("1.0.0", "d") is None
    bench.ask()
    bench.ask()
    assert bench.loader.get("1.0.0", "d").version == "1.0.0"
    assert bench.tried == ["1.0.0"]


def test_another_digest_is_another_model(bench):
    bench.ask()
    assert bench.loader.get("1.0.0", "another") is None


def test_what_is_not_needed_is_let_go(bench):
    bench.ask("1.0.0")
    bench.ask("1.0.1")
    bench.loader.keep_only({("1.0.1", "d")})
    assert bench.loader.get("1.0.0", "d") is None
    assert bench.loader.get("1.0.1", "d") is not None


def test_damage_is_final_at_once_and_tried_again_after_a_while(bench):
    bench.fail(WeightsError("the model is\ndamaged"))
    bench.ask()
    failure = bench.ask()
    assert failure.final
    assert failure.reason == "the model is damaged"
    assert bench.tried == ["1.0.0"]
    bench.outcome = lambda version: SimpleNamespace(version=version, seconds=0.1)
    bench.now = failure.again_at
    bench.ask()
    assert bench.loader.get("1.0.0", "d") is not None
    assert bench.loader.find_failure("1.0.0", "d") is None


def test_a_store_that_is_away_is_tried_several_times_before_that_is_final(bench):
    bench.fail(StorageError("the store is away"))
    bench.ask()
    finals = []
    for _ in range(TRIES):
        failure = bench.loader.find_failure("1.0.0", "d")
        finals.append(failure.final)
        bench.now = failure.again_at
        bench.ask()
    assert finals == [False] * (TRIES - 1) + [True]


def test_between_two_tries_nothing_is_tried(bench):
    bench.fail(StorageError("the store is away"))
    bench.ask()
    bench.now = bench.loader.find_failure("1.0.0", "d").again_at - 0.01
    bench.ask()
    assert len(bench.tried) == 1


def test_a_new_promotion_of_a_version_that_failed_is_tried_anew(bench):
    bench.fail(WeightsError("damaged"))
    bench.ask(promotion="p1")
    assert bench.ask(promotion="p2") is None
    assert len(bench.tried) == 2
    failure = bench.loader.find_failure("1.0.0", "d")
    assert {"p1", "p2"} <= failure.promotions


def test_two_stages_that_want_one_broken_version_do_not_try_it_in_turns(bench):
    bench.fail(WeightsError("damaged"))
    for _ in range(5):
        bench.ask(promotion="p1")
        bench.ask(promotion="p2")
    assert len(bench.tried) == 2


def test_whatever_goes_wrong_is_a_failure_and_the_loader_goes_on(bench):
    bench.fail(MemoryError())
    bench.ask("1.0.0")
    assert bench.loader.find_failure("1.0.0", "d").reason == "MemoryError"
    bench.outcome = lambda version: SimpleNamespace(version=version, seconds=0.1)
    bench.ask("1.0.1")
    assert bench.loader.get("1.0.1", "d") is not None
