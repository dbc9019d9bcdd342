"""What is asked and answered, and what is captured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seamark.capture.record import CapturedPrediction, is_sampled

if TYPE_CHECKING:
    from seamark.extraction.result import Prediction
    from seamark.serving.state import StageState


@dataclass(frozen=True, slots=True)
class Question:
    """One text with what its sender says of it.

    Attributes:
        text: the text.
        document_id: the sender's name for it.
        kind: ``posting``, ``course`` or ``other``; empty where they don't say.
        sector: the sender's word for it.
    """

    text: str
    document_id: str = ""
    kind: str = ""
    sector: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered.

    Attributes:
        version: what answered.
        predictions: in the wire format, in the order of the questions.
    """

    version: str
    predictions: list[dict[str, Any]]


def is_captured(state: StageState, prediction_id: str) -> bool:
    """Whether a prediction on the stage is captured."""
    return state.settings.capture and is_sampled(prediction_id, state.settings.sampling_percent)


def make_record(
    state: StageState,
    role: Literal["champion", "canary", "shadow"],
    prediction: Prediction,
    wire: dict[str, Any],
    question: Question,
    *,
    latency: float,
    caller: str,
    answered: str | None = None,
) -> CapturedPrediction:
    """A prediction as it is captured.

    Args:
        state: the stage that it was made on.
        role: what its version is there.
        prediction: the prediction.
        wire: the same in the wire format.
        question: what was asked.
        latency: milliseconds from when the request came, or a shadow was offered it, until all its texts were
            predicted.
        caller: who asked.
        answered: of a shadow's prediction: the id of the answer beside it.
    """
    return CapturedPrediction(
        request_id=prediction.request_id,
        stage=state.stage,
        version=prediction.model_version,
        role=role,
        at=prediction.timestamp,
        input=question.text,
        output=wire["skillExtractOutput"],
        latency_ms=round(latency, 3),
        caller=caller,
        document_id=question.document_id,
        kind=question.kind,
        sector=question.sector,
        answered_id=answered,
    )
