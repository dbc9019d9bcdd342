"""What runs behind the routes of one server process, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seamark.capture.record import CapturedPrediction
from seamark.errors import UsageError
from seamark.registry.stages import STAGES
from seamark.serving.batching import Inference
from seamark.serving.capturing import Capturing
from seamark.serving.limits import QueueLimiter, RateLimiter, check_texts
from seamark.serving.logs import log_event, log_failure
from seamark.serving.metrics import Metrics
from seamark.serving.models import Model, load_model
from seamark.serving.problems import ProblemError
from seamark.serving.questions import Answer, Question, is_captured, make_record
from seamark.serving.state import Running, StageState
from seamark.serving.watching import Watcher

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_SHADOW_BATCHES = 4  # of texts that may wait for a shadow


class Runtime:
    """Predicts, follows promotions, captures, counts.

    Args:
        workspace: an open one.
        stages: which stages are served; default: the settings'.
        default_stage: which one answers where a path names none; default: the settings' where that is served,
            else the last one served.
        load: makes a model; tests have their own.

    Raises:
        UsageError: a stage is unknown, or the default one is not served.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        stages: Sequence[str] | None = None,
        default_stage: str | None = None,
        load: Callable[[Workspace, str, str], Model] = load_model,
    ) -> None:
        service = workspace.settings.service
        self.workspace = workspace
        self.stages = choose_stages(stages or service.stages.split(","))
        self.default_stage = choose_default(default_stage, service.default_stage, self.stages)
        self.metrics = Metrics()
        self.stopping = False
        self._rates, self._queues = RateLimiter(), QueueLimiter()
        self._inference = Inference(batch_texts=service.batch_texts, metrics=self.metrics)
        self._most_shadow_texts = service.batch_texts * _SHADOW_BATCHES
        self._watcher = Watcher(workspace, self.stages, self.metrics, load=load)
        self._capturing: Capturing | None = None
        self._shadows: set[asyncio.Task[None]] = set()
        self.metrics.watch("seamark_queue_texts", "Texts that wait for inference.", self._count_waiting)

    # ---- its life

    def start(self) -> None:
        """Begin: threads for inference, for watching the stages and for moving captures."""
        self._capturing = Capturing(self.workspace, self.metrics)
        self._capturing.start()
        self._inference.start()
        self._watcher.start()
        log_event("server.started", server=self._watcher.id, stages=list(self.stages))

    async def stop(self) -> None:
        """End: nothing new is predicted, what was captured is moved as far as it can be."""
        self.stopping = True
        for task in list(self._shadows):
            task.cancel()
        await asyncio.gather(*self._shadows, return_exceptions=True)
        await asyncio.to_thread(self._stop_threads)
        log_event("server.stopped", server=self._watcher.id)

    def _stop_threads(self) -> None:
        self._inference.stop()
        if self._capturing is not None:
            self._capturing.stop()
        self._watcher.stop()

    def wait_until_settled(self, seconds: float | None = None) -> bool:
        """Whether every stage runs what it should, or is known not to, within ``seconds``."""
        return self._watcher.settled.wait(seconds)

    # ---- its state

    @property
    def server_id(self) -> str:
        """This server's id among the workspace's."""
        return self._watcher.id

    @property
    def database_away(self) -> bool:
        """Whether the database did not answer when it was last asked."""
        return self._watcher.database_away

    @property
    def is_settled(self) -> bool:
        """Whether every stage ran what it should, or was known not to, at least once."""
        return self._watcher.settled.is_set()

    def get_state(self, stage: str | None) -> StageState:
        """The stage, whatever it runs.

        Args:
            stage: its name; None is the default one.

        Raises:
            ProblemError: it is not served here.
        """
        name = stage or self.default_stage
        state = self._watcher.states.get(name)
        if state is None:
            raise ProblemError(
                "not-found", f"the stage {name!r:.100} is not served here", expected=" or ".join(self.stages)
            )
        return state

    def get_answering(self, stage: str | None) -> StageState:
        """The stage, which can answer.

        Raises:
            ProblemError: it is not served here, has no version, or its version is not loaded.
        """
        state = self.get_state(stage)
        if state.champion is not None:
            return state
        if state.wanted is None and not state.loading:
            raise ProblemError(
                "stage-empty",
                f"there is no version on {state.stage}",
                hint=f"`seamark promote X.Y.Z --to {state.stage}`"
                if state.stage != "dev"
                else "`seamark build`",
            )
        found = state.error or f"the version of {state.stage} is being loaded"
        raise ProblemError("stage-unavailable", found)

    # ---- predicting

    def count_request(self, state: StageState, caller: str) -> None:
        """Count a request of a caller.

        Raises:
            ProblemError: the caller has made too many.
        """
        self._rates.check(state.stage, caller, state.settings.requests_per_minute)

    async def answer(
        self,
        state: StageState,
        questions: Sequence[Question],
        *,
        request_id: str,
        caller: str,
        started: float | None = None,
    ) -> Answer:
        """Predictions for the questions, all by one version, which are captured when this returns.

        Args:
            state: the stage as it was when the request came.
            questions: the texts.
            request_id: decides whether a canary answers.
            caller: who asks.
            started: when the request came, by ``time.perf_counter``.

        Raises:
            ProblemError: a limit is exceeded, or the server is stopping.
        """
        started = time.perf_counter() if started is None else started
        texts = [question.text for question in questions]
        check_texts(texts, state.settings)
        role, running = state.choose(request_id)
        assert running is not None  # get_answering gives no other state
        with self._queues.admit(state.stage, len(texts), state.settings.queue_texts):
            predictions = await self._inference.predict(running.view, texts)
        self.metrics.predictions.labels(state.stage, running.view.version, role).inc(len(texts))
        latency = (time.perf_counter() - started) * 1000
        wires = [prediction.to_wire() for prediction in predictions]
        records = [
            make_record(state, role, prediction, wire, question, latency=latency, caller=caller)
            for prediction, wire, question in zip(predictions, wires, questions, strict=True)
            if is_captured(state, prediction.request_id)
        ]
        await self._write(records)
        return Answer(running.view.version, wires)

    def offer_to_shadow(
        self, state: StageState, answer: Answer, questions: Sequence[Question], *, caller: str
    ) -> None:
        """Let the stage's shadow see its share of what was answered; returns at once."""
        if state.shadow is None or self.stopping:
            return
        seen = [
            (str(wire["requestId"]), question)
            for wire, question in zip(answer.predictions, questions, strict=True)
            if state.is_shadowed(str(wire["requestId"]))
        ]
        if not seen:
            return
        if self._inference.shadows_waiting + len(seen) > self._most_shadow_texts:
            self.metrics.shadow_dropped.labels(state.stage).inc(len(seen))
            return
        task = asyncio.get_running_loop().create_task(self._run_shadow(state, state.shadow, seen, caller))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _run_shadow(
        self, state: StageState, shadow: Running, seen: Sequence[tuple[str, Question]], caller: str
    ) -> None:
        started = time.perf_counter()
        texts = [question.text for _, question in seen]
        try:
            predictions = await self._inference.predict(shadow.view, texts, in_the_background=True)
        except Exception as error:  # noqa: BLE001 (nobody waits for a shadow's answer)
            log_failure("shadow.failed", error, stage=state.stage, version=shadow.view.version)
            self.metrics.shadow_dropped.labels(state.stage).inc(len(seen))
            return
        self.metrics.predictions.labels(state.stage, shadow.view.version, "shadow").inc(len(texts))
        latency = (time.perf_counter() - started) * 1000
        records = [
            make_record(
                state,
                "shadow",
                each,
                each.to_wire(),
                question,
                latency=latency,
                caller=caller,
                answered=answered,
            )
            for each, (answered, question) in zip(predictions, seen, strict=True)
            if is_captured(state, answered)  # beside an answer that is not kept there is nothing to compare
        ]
        await self._write(records)

    async def _write(self, records: Sequence[CapturedPrediction]) -> None:
        if records and self._capturing is not None:
            await self._capturing.write(records)

    def _count_waiting(self) -> float:
        return self._inference.waiting


def choose_stages(names: Sequence[str]) -> tuple[str, ...]:
    """The stages in the order of promotion, each once.

    Raises:
        UsageError: there is no such stage.
    """
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        raise UsageError(f"there is no stage {unknown[0]!r}", expected=" or ".join(STAGES))
    return tuple(name for name in STAGES if name in names)


def choose_default(asked: str | None, preferred: str, stages: Sequence[str]) -> str:
    """The stage that answers where a path names none.

    Raises:
        UsageError: the one that was asked for is not served.
    """
    if asked is None:
        return preferred if preferred in stages else stages[-1]
    if asked not in stages:
        raise UsageError(f"the default stage {asked!r} is not served", expected=" or ".join(stages))
    return asked
