"""Inference: one thread that predicts together whatever waits.

Choices:

- One thread, for the engine uses every core by itself; two batches at a time would only share them.
- No artificial wait: while a batch is at work, requests queue, and the next batch takes what is there. An
  idle server answers one text at once, a busy one fills its batches.
- A request is bound to its model when it comes. What still waits for a version that was replaced is answered by
  that version, which stays in memory until nobody needs it.
- Shadows' texts are predicted when nobody waits for an answer.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seamark.serving.logs import log_failure
from seamark.serving.problems import ProblemError

if TYPE_CHECKING:
    from seamark.extraction.result import Prediction
    from seamark.serving.metrics import Metrics
    from seamark.serving.models import View

_BATCH_CHARACTERS = 200_000  # one request's huge texts must not hold the others up
_JOIN_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class _Job:
    """The texts of one request.

    Attributes:
        view: what answers all of them.
        texts: in the request's order.
        future: gets the predictions, or the error.
        done: what is predicted so far.
        left: texts that are not.
    """

    view: View
    texts: Sequence[str]
    future: asyncio.Future[list[Prediction]]
    done: list[Prediction | None] = field(default_factory=list)
    left: int = 0
    number: int = 0


class _Queue:
    """Texts that wait, by what is to answer them."""

    def __init__(self) -> None:
        self.texts = 0
        self._lines: dict[View, deque[tuple[_Job, int]]] = {}

    def put(self, job: _Job) -> None:
        line = self._lines.setdefault(job.view, deque())
        line.extend((job, place) for place in range(len(job.texts)))
        self.texts += len(job.texts)

    def take(self, most: int) -> list[tuple[_Job, int]]:
        """Up to ``most`` texts for the view whose first text waits the longest, the oldest first."""
        view = min(self._lines, key=lambda one: self._lines[one][0][0].number)
        line, characters = self._lines[view], 0
        batch: list[tuple[_Job, int]] = []
        while line and len(batch) < most:
            job, place = line[0]
            characters += len(job.texts[place])
            if batch and characters > _BATCH_CHARACTERS:
                break
            batch.append(line.popleft())
        if not line:
            del self._lines[view]
        self.texts -= len(batch)
        return batch

    def drain(self) -> list[_Job]:
        """Every job that waits, which then waits no more."""
        jobs = {id(job): job for line in self._lines.values() for job, _ in line}
        self._lines.clear()
        self.texts = 0
        return list(jobs.values())


class Inference:
    """Predicts.

    Args:
        batch_texts: texts that are predicted together at most.
        metrics: told of every batch.
    """

    def __init__(self, *, batch_texts: int, metrics: Metrics) -> None:
        self._most = batch_texts
        self._metrics = metrics
        self._first, self._later = _Queue(), _Queue()
        self._changed = threading.Condition()
        self._stopping = False
        self._count = 0
        self._thread = threading.Thread(target=self._run, name="seamark-inference", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End; what still waits is refused."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    @property
    def waiting(self) -> int:
        """Texts that wait for their turn, without the shadows'."""
        return self._first.texts

    @property
    def shadows_waiting(self) -> int:
        """Texts that wait for a shadow."""
        return self._later.texts

    async def predict(
        self, view: View, texts: Sequence[str], *, in_the_background: bool = False
    ) -> list[Prediction]:
        """A prediction for each text, all by the same model.

        Args:
            view: what answers.
            texts: in their order.
            in_the_background: wait for a moment in which nobody else waits.

        Raises:
            InputError: a text can't be read.
            ProblemError: the server is stopping.
        """
        job = _Job(view, texts, asyncio.get_running_loop().create_future(), [None] * len(texts), len(texts))
        with self._changed:
            if self._stopping:
                raise ProblemError("stopping", "the server is stopping")
            self._count += 1
            job.number = self._count
            (self._later if in_the_background else self._first).put(job)
            self._changed.notify()
        return await job.future

    def _run(self) -> None:
        while batch := self._take():
            started = time.perf_counter()
            self._predict(batch)
            self._metrics.batch_texts.observe(len(batch))
            self._metrics.batch_seconds.observe(time.perf_counter() - started)
            del batch  # a thread that waits must not keep a replaced model in memory
        error = ProblemError("stopping", "the server is stopping")
        for job in [*self._first.drain(), *self._later.drain()]:
            _finish([(job, error)])

    def _take(self) -> list[tuple[_Job, int]]:
        """The next batch; empty when it is time to stop."""
        with self._changed:
            while not self._stopping and not self._first.texts and not self._later.texts:
                self._changed.wait()
            if self._stopping:
                return []
            queue = self._first if self._first.texts else self._later
            return queue.take(self._most)

    def _predict(self, batch: list[tuple[_Job, int]]) -> None:
        extractor = batch[0][0].view.extractor
        texts = [job.texts[place] for job, place in batch]
        try:
            predictions = extractor.extract_many(texts)
        except Exception as error:  # noqa: BLE001 (a text that breaks a batch must not break the thread)
            self._settle_failure(batch, error)
            return
        _settle(batch, predictions)

    def _settle_failure(self, batch: list[tuple[_Job, int]], error: Exception) -> None:
        """One text's failure is not the others': each goes again alone."""
        if len(batch) > 1:
            for one in batch:
                self._predict([one])
            return
        job = batch[0][0]
        log_failure("prediction.failed", error, version=job.view.version)
        _finish([(job, error)])


def _settle(batch: list[tuple[_Job, int]], predictions: Sequence[Prediction]) -> None:
    finished = []
    for (job, place), prediction in zip(batch, predictions, strict=True):
        job.done[place] = prediction
        job.left -= 1
        if not job.left:
            finished.append((job, None))
    _finish(finished)


def _finish(jobs: Sequence[tuple[_Job, Exception | None]]) -> None:
    """Hand the results to the loop that waits for them, all at once."""
    if jobs:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            jobs[0][0].future.get_loop().call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: Sequence[tuple[_Job, Exception | None]]) -> None:
    for job, error in jobs:
        if job.future.done():
            continue
        if error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result([one for one in job.done if one is not None])
