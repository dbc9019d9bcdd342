"""The service's problem details, and silence, as errors of the one tree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seamark.client.steps import Answer, Lost
from seamark.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    SeamarkError,
    ServiceError,
    SignInError,
    UsageError,
)

_BRANCHES: Mapping[int, type[SeamarkError]] = {
    400: UsageError,
    401: SignInError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: InputError,
    422: InputError,
}
_SHOWN = 200  # characters of an answer that is no problem document


def explain(result: Answer | Lost) -> SeamarkError:
    """The error for whatever came instead of a success."""
    return explain_answer(result) if isinstance(result, Answer) else explain_loss(result)


def explain_answer(answer: Answer) -> SeamarkError:
    """The error for an answer that is no success.

    The service's own errors come back as themselves, with a :class:`ServiceError` as their cause, which knows status,
    type and request id; everything else is a :class:`ServiceError`.
    """
    problem = _read_problem(answer)
    service = ServiceError(
        _read_text(problem, "found") or _read_text(problem, "detail") or _describe(answer, problem),
        expected=_read_text(problem, "expected"),
        hint=_read_text(problem, "hint"),
        status=answer.status,
        problem_type=_read_text(problem, "type"),
        request_id=answer.headers.get("x-request-id", "") or _read_text(problem, "instance"),
    )
    branch = _BRANCHES.get(answer.status)
    if branch is None:
        return service
    error = branch(service.found, expected=service.expected, hint=service.hint)
    error.__cause__ = service
    return error


def explain_loss(lost: Lost) -> SeamarkError:
    """The error for a request that got no answer."""
    if isinstance(lost.error, SeamarkError):
        return lost.error
    why = str(lost.error) or type(lost.error).__name__
    error = ServiceError(f"the service gave no answer: {why}", hint="is it running, and is this its address?")
    error.__cause__ = lost.error
    return error


def explain_nonsense(answer: Answer, expected: str) -> ServiceError:
    """The error for a success that is not what the service sends, such as a sign-in page of something in between."""
    return ServiceError(
        f"the service's answer can't be read: {_cut(answer)}",
        expected=expected,
        status=answer.status,
        request_id=answer.headers.get("x-request-id", ""),
    )


def _read_problem(answer: Answer) -> Mapping[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_text(problem: Mapping[str, Any], key: str) -> str:
    value = problem.get(key)
    return value if isinstance(value, str) else ""


def _describe(answer: Answer, problem: Mapping[str, Any]) -> str:
    said = _read_text(problem, "title") or _cut(answer)
    return f"the service answered {answer.status}" + (f": {said}" if said else "")


def _cut(answer: Answer) -> str:
    text = " ".join(answer.body[: _SHOWN * 4].decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
