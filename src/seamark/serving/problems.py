"""Every error as RFC 9457 problem details, ``application/problem+json``.

One table names the kinds. A problem's ``type`` is ``/problems/<name>``, which the service answers with what the
table says; ``instance`` is the request's id, by which its line in the log is found.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from seamark.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    SeamarkError,
    SignInError,
    StorageError,
    UsageError,
    WeightsError,
)
from seamark.serving.problem_kinds import KINDS, ProblemError, ProblemKind

__all__ = [
    "KINDS",
    "MEDIA_TYPE",
    "PROBLEM_SCHEMA",
    "Problem",
    "ProblemError",
    "ProblemKind",
    "add_handlers",
    "document",
    "get_request_id",
    "make_problem",
    "translate",
]

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("seamark.serving")


_BY_ERROR: tuple[tuple[type[SeamarkError], str], ...] = (
    (SignInError, "sign-in"),
    (NotAllowedError, "not-allowed"),
    (NotFoundError, "not-found"),
    (ConflictError, "conflict"),
    (UsageError, "bad-request"),
    (InputError, "bad-input"),
    (WeightsError, "damaged-model"),
    (StorageError, "storage-unavailable"),
)
_BY_STATUS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}
_STORAGE_AWAY = "the database or the object store can't be used now"
_INTERNAL = "the service made a mistake; its log has it under this instance"


class Problem(Response):
    """A response with problem details."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """ASCII only: what an error quotes may hold characters that UTF-8 can't."""
        return json.dumps(content).encode("ascii")


def make_problem(
    name: str,
    detail: str,
    *,
    instance: str,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
) -> Problem:
    """The response for a problem.

    Args:
        name: the kind's.
        detail: what happened this time.
        instance: the request's id.
        facts: further members.
        headers: further headers.
        retry_after: seconds; default: the kind's.
    """
    kind = KINDS[name]
    content = {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        **(facts or {}),
    }
    more = dict(headers or {})
    wait = kind.retry_after if retry_after is None else retry_after
    if wait:
        more["Retry-After"] = str(wait)
    if kind.status == 401:
        more["WWW-Authenticate"] = 'Bearer realm="seamark"'
    return Problem(content, status_code=kind.status, headers=more)


def translate(error: Exception, instance: str) -> Problem:
    """The response for any error; what is unexpected says nothing of the inside."""
    if isinstance(error, ProblemError):
        return make_problem(
            error.kind.name,
            str(error),
            instance=instance,
            facts=_tell_facts(error),
            retry_after=error.retry_after,
        )
    if isinstance(error, SeamarkError):
        name = next((name for kind, name in _BY_ERROR if isinstance(error, kind)), "internal")
        if name == "storage-unavailable":  # its message names hosts and paths of the server
            return make_problem(name, _STORAGE_AWAY, instance=instance)
        if name != "internal":
            return make_problem(name, str(error), instance=instance, facts=_tell_facts(error))
    if isinstance(error, RequestValidationError):
        return _explain_fields(error.errors(), instance)
    if isinstance(error, HTTPException):
        return _explain_http(error, instance)
    return make_problem("internal", _INTERNAL, instance=instance)


def get_request_id(scope: Mapping[str, Any]) -> str:
    """The id of a request, as the middleware gave it."""
    return str(scope.get("state", {}).get("request_id", ""))


def add_handlers(app: FastAPI) -> None:
    """Answer every error of ``app`` with problem details, and the types of problems with their meaning."""
    for kind in (SeamarkError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handle)

    @app.get("/problems/{name}", include_in_schema=False)
    def describe_problem(name: str) -> dict[str, Any]:
        if name not in KINDS:
            raise ProblemError("not-found", f"there is no problem {name!r:.100}", expected=", ".join(KINDS))
        kind = KINDS[name]
        return {
            "type": f"/problems/{name}",
            "title": kind.title,
            "status": kind.status,
            "meaning": kind.meaning,
        }


def document(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's decorator says in ``responses=`` of its errors."""
    return {
        status: {
            "description": ". ".join(kind.title for kind in KINDS.values() if kind.status == status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "/problems/<name>, which the service describes."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request's id."},
        "found": {"type": "string"},
        "expected": {"type": "string"},
        "hint": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
"""The schema of problem details in the OpenAPI document."""


async def _handle(request: Request, error: Exception) -> Response:
    problem = translate(error, get_request_id(request.scope))
    if problem.status_code >= 500:
        request.scope.setdefault("state", {})["error"] = str(error)
    return problem


def _tell_facts(error: SeamarkError) -> dict[str, str]:
    facts = {"found": error.found, "expected": error.expected, "hint": error.hint}
    return {name: value for name, value in facts.items() if value}


def _explain_fields(errors: Sequence[Any], instance: str) -> Problem:
    """Field and message of each error; never the value, which may be a text or a password."""
    told = [
        {"field": ".".join(str(part) for part in error["loc"]), "message": error["msg"]}
        for error in errors[:20]
    ]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in told[:3])
    return make_problem("invalid-fields", detail, instance=instance, facts={"errors": told})


def _explain_http(error: HTTPException, instance: str) -> Problem:
    name = _BY_STATUS.get(error.status_code)
    if name is None:
        name = "internal" if error.status_code >= 500 else "bad-request"
    return make_problem(name, KINDS[name].meaning, instance=instance, headers=error.headers)
