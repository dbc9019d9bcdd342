from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from seamark.errors import InputError
from seamark.serving.batching import Inference
from seamark.serving.metrics import Metrics
from seamark.serving.models import View
from seamark.serving.problems import ProblemError


class Model:
    """Answers each text with itself, and waits while the gate is shut."""

    def __init__(self, name: str = "m", batches: list[tuple[str, list[str]]] | None = None) -> None:
        self.name = self.version = name
        self.batches = [] if batches is None else batches
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()

    def extract_many(self, texts: Sequence[str]) -> list[Any]:
        self.busy.set()
        assert self.gate.wait(30)
        self.batches.append((self.name, list(texts)))
        if "bad" in texts:
            raise InputError("a bad text")
        return [SimpleNamespace(text=text, by=self.name) for text in texts]

    def view(self, threshold: float = 0.5) -> View:
        return View(self, threshold, 0, self)  # type: ignore[arg-type]


@pytest.fixture
def inference() -> Iterator[Inference]:
    made = Inference(batch_texts=4, metrics=Metrics())
    made.start()
    yield made
    made.stop()


async def begin(inference: Inference, view: View, texts: Sequence[str], **options: Any) -> asyncio.Task[Any]:
    task = asyncio.create_task(inference.predict(view, texts, **options))
    await asyncio.sleep(0)  # it waits in the queue now
    return task


async def occupy(inference: Inference, model: Model) -> asyncio.Task[Any]:
    """The thread is at work on one text until the gate opens."""
    model.gate.clear()
    model.busy.clear()
    task = await begin(inference, model.view(), ["first"])
    await asyncio.to_thread(model.busy.wait, 30)
    return task


def get_texts(predictions: Sequence[Any]) -> list[str]:
    return [one.text for one in predictions]


def test_an_idle_thread_answers_one_text_at_once(inference):
    model = Model()
    assert get_texts(asyncio.run(inference.predict(model.view(), ["a"]))) == ["a"]
    assert model.batches == [("m", ["a"])]


def test_what_waits_is_predicted_together_the_oldest_first_up_to_the_limit(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        tasks = [await begin(inference, model.view(), [f"{n}a", f"{n}b"]) for n in range(3)]
        assert inference.waiting == 6
        model.gate.set()
        assert [get_texts(await task) for task in tasks] == [["0a", "0b"], ["1a", "1b"], ["2a", "2b"]]
        await first
        assert model.batches[1:] == [("m", ["0a", "0b", "1a", "1b"]), ("m", ["2a", "2b"])]

    asyncio.run(work())


def test_a_request_larger_than_a_batch_is_answered_whole_and_in_order(inference):
    texts = [str(i) for i in range(11)]
    model = Model()
    assert get_texts(asyncio.run(inference.predict(model.view(), texts))) == texts
    assert [len(batch) for _, batch in model.batches] == [4, 4, 3]


def test_a_batch_is_of_one_model_and_the_longest_waiting_model_is_next(inference):
    async def work() -> None:
        batches: list[tuple[str, list[str]]] = []
        old, new = Model("old", batches), Model("new", batches)
        first = await occupy(inference, old)
        tasks = [
            await begin(inference, model.view(), [text])
            for model, text in ((new, "n1"), (old, "o1"), (new, "n2"), (old, "o2"))
        ]
        old.gate.set()
        answers = [await task for task in tasks]
        await first
        assert [one[0].by for one in answers] == ["new", "old", "new", "old"]
        assert batches[1:] == [("new", ["n1", "n2"]), ("old", ["o1", "o2"])]

    asyncio.run(work())


def test_views_that_differ_do_not_predict_together(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        tasks = [await begin(inference, model.view(level), ["a"]) for level in (0.1, 0.2, 0.1)]
        model.gate.set()
        await asyncio.gather(first, *tasks)
        assert [len(batch) for _, batch in model.batches] == [1, 2, 1]

    asyncio.run(work())


def test_huge_texts_are_not_put_into_one_batch(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        task = await begin(inference, model.view(), ["a" * 150_000, "b" * 150_000, "c", "d"])
        model.gate.set()
        await asyncio.gather(first, task)
        assert [len(batch) for _, batch in model.batches] == [1, 1, 3]

    asyncio.run(work())


def test_a_text_that_breaks_a_batch_fails_alone(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        good, bad, other = [await begin(inference, model.view(), [text]) for text in ("good", "bad", "other")]
        model.gate.set()
        assert get_texts(await good) == ["good"]
        assert get_texts(await other) == ["other"]
        with pytest.raises(InputError):
            await bad
        await first
        assert get_texts(await inference.predict(model.view(), ["later"])) == ["later"]

    asyncio.run(work())


def test_the_background_waits_for_everybody_else(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        shadow = await begin(inference, model.view(), ["shadow"], in_the_background=True)
        answer = await begin(inference, model.view(), ["answer"])
        assert (inference.waiting, inference.shadows_waiting) == (1, 1)
        model.gate.set()
        await asyncio.gather(first, shadow, answer)
        assert model.batches[1:] == [("m", ["answer"]), ("m", ["shadow"])]

    asyncio.run(work())


def test_whoever_waits_when_it_stops_is_told_so(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        waiting = await begin(inference, model.view(), ["late"])
        stopping = asyncio.create_task(asyncio.to_thread(inference.stop))
        while not inference._stopping:
            await asyncio.sleep(0)
        model.gate.set()
        await stopping
        assert get_texts(await first) == ["first"]
        with pytest.raises(ProblemError) as refused:
            await waiting
        assert refused.value.kind.name == "stopping"
        with pytest.raises(ProblemError):
            await inference.predict(model.view(), ["later"])

    asyncio.run(work())


def test_whoever_has_gone_away_harms_nobody(inference):
    async def work() -> None:
        model = Model()
        first = await occupy(inference, model)
        gone = await begin(inference, model.view(), ["gone"])
        stays = await begin(inference, model.view(), ["stays"])
        gone.cancel()
        model.gate.set()
        assert get_texts(await stays) == ["stays"]
        await first

    asyncio.run(work())
