"""Predictions: ``/v1/extract``, a stage's own path, and SageMaker's ``/invocations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.background import BackgroundTask

from seamark.extraction.text import MAX_CHARACTERS
from seamark.governance.actors import Actor
from seamark.serving.dependencies import (
    SeamarkRoute,
    get_media_type,
    is_json,
    parse_json,
    read_body,
    require_action,
    set_json,
)
from seamark.serving.problems import ProblemError, document
from seamark.serving.questions import Question
from seamark.serving.runtime import Runtime
from seamark.serving.state import StageState
from seamark.serving.wire import ExtractAnswer, ExtractMany, ExtractOne, ExtractRequest, list_questions

Stage = Literal["dev", "uat", "prod"]
Predictor = Annotated[Actor, Depends(require_action("predict"))]

_PROBLEMS = document(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
_REQUEST: TypeAdapter[ExtractOne | ExtractMany] = TypeAdapter(ExtractRequest)
_PLAIN = "text/plain"


class PredictRoute(SeamarkRoute):
    """A route that also knows the stage, and its limits, before it reads a byte of the body."""

    async def parse_body(self, request: Request) -> None:
        """Read the body as JSON, as far as the stage allows."""
        set_json(request, await _read(request))


router = APIRouter(tags=["predictions"], route_class=PredictRoute, responses=_PROBLEMS)


@router.post("/v1/extract", response_model=ExtractAnswer)
async def extract(request: Request, body: ExtractRequest, _actor: Predictor) -> Response:
    """Extract skills with the version on the server's default stage."""
    return await _answer(request, list_questions(body), one=isinstance(body, ExtractOne))


@router.post("/v1/stages/{stage}/extract", response_model=ExtractAnswer)
async def extract_on_stage(
    request: Request,
    _stage: Annotated[Stage, Path(alias="stage")],  # the route itself looks at it, before it reads the body
    body: ExtractRequest,
    _actor: Predictor,
) -> Response:
    """Extract skills with the version on a stage."""
    return await _answer(request, list_questions(body), one=isinstance(body, ExtractOne))


@router.post(
    "/invocations",
    response_model=ExtractAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/ExtractOne"},
                            {"$ref": "#/components/schemas/ExtractMany"},
                        ]
                    }
                },
                _PLAIN: {"schema": {"type": "string", "maxLength": MAX_CHARACTERS}},
            },
        }
    },
)
async def invoke(request: Request, _actor: Predictor) -> Response:
    """As SageMaker's containers are asked: JSON as for `/v1/extract`, or the text alone as `text/plain`."""
    body = await _read(request)
    media_type, charset = get_media_type(request)
    if media_type == _PLAIN:
        return await _answer(request, [Question(_decode(body, charset))], one=True)
    if not is_json(media_type):
        raise ProblemError(
            "unsupported-media-type",
            f"the body was sent as {media_type!r:.100}" if media_type else "the body has no Content-Type",
            expected=f"application/json or {_PLAIN}",
        )
    try:
        parsed = _REQUEST.validate_python(parse_json(body))
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(errors) from error
    return await _answer(request, list_questions(parsed), one=isinstance(parsed, ExtractOne))


async def _read(request: Request) -> bytes:
    """The body, once the stage can answer and the caller may ask; both count from here on."""
    runtime: Runtime = request.app.state.runtime
    asked: str | None = request.path_params.get("stage")
    actor: Actor = request.state.actor
    state = runtime.get_answering(asked)
    request.state.stage = state.stage
    request.state.stage_state = state
    runtime.count_request(state, actor.name)
    return await read_body(request, limit_kb=state.settings.max_request_kb)


async def _answer(request: Request, questions: Sequence[Question], *, one: bool) -> Response:
    runtime: Runtime = request.app.state.runtime
    facts = request.state
    # The body may have taken its time: the stage as it is now, so that nobody gets a version that was replaced.
    state: StageState = runtime.get_answering(facts.stage)
    answer = await runtime.answer(
        state, questions, request_id=facts.request_id, caller=facts.caller, started=facts.started
    )
    facts.version, facts.texts = answer.version, len(questions)
    content: Any = answer.predictions[0] if one else {"predictions": answer.predictions}
    shadow = BackgroundTask(_offer, runtime, state, answer, questions, facts.caller) if state.shadow else None
    return Response(to_json(content), media_type="application/json", background=shadow)


async def _offer(
    runtime: Runtime, state: StageState, answer: Any, questions: Sequence[Question], caller: str
) -> None:
    runtime.offer_to_shadow(state, answer, questions, caller=caller)


def _decode(body: bytes, charset: str) -> str:
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise ProblemError("unsupported-media-type", f"the charset {charset!r:.50}", expected="utf-8")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(
            "not-text", f"the body is not in UTF-8: byte {error.start} can't be read"
        ) from error
