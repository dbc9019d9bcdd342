"""What every endpoint is given: the workspace, who asks, and a body that was counted and parsed safely.

Choices:

- :class:`SeamarkRoute` finds out who asks, and whether they may, before it reads a byte of the body.
- A body is counted while it comes and refused at its limit; JSON is parsed by pydantic's own parser, which
  refuses deep nesting, other encodings than UTF-8 and lone surrogates.
"""

from __future__ import annotations

import email.message
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from seamark.errors import StorageError
from seamark.governance.acting import explain_refusal, may, require
from seamark.governance.actors import Actor
from seamark.serving.problems import ProblemError, document

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

BODY_LIMIT_KB = 1024
"""Kilobytes of a JSON body, except where a stage's settings say otherwise."""

PROBLEMS = document(400, 401, 403, 404, 409, 413, 415, 422, 500, 503)
"""What may go wrong with any endpoint, for ``responses=`` of a route."""

# Only names the scheme in the OpenAPI document; the route itself looks at the header.
_BEARER = HTTPBearer(auto_error=False, description="A token: `seamark token create`.")


class Body(BaseModel):
    """A JSON body; fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def get_workspace(request: Request) -> Workspace:
    """The workspace that this server serves."""
    workspace: Workspace = request.app.state.workspace
    return workspace


def get_actor(request: Request, _scheme: Annotated[Any, Depends(_BEARER)]) -> Actor:
    """Who asks; a request without a valid token never comes this far."""
    actor: Actor = request.state.actor
    return actor


def require_action(name: str) -> Callable[..., Actor]:
    """A dependency that gives who asks, once they may do the action ``name``.

    Args:
        name: one of ``seamark.governance.actions.ACTIONS``.
    """

    def get_allowed_actor(request: Request, _scheme: Annotated[Any, Depends(_BEARER)]) -> Actor:
        actor: Actor = request.state.actor
        return actor

    get_allowed_actor.action = name  # type: ignore[attr-defined] # SeamarkRoute reads it
    return get_allowed_actor


def make_router(*, tag: str, prefix: str = "/v1") -> APIRouter:
    """A router whose routes check who asks before anything else.

    Args:
        tag: what its routes are about, for the OpenAPI document.
        prefix: what their paths begin with.
    """
    return APIRouter(prefix=prefix, tags=[tag], route_class=SeamarkRoute, responses=PROBLEMS)


class SeamarkRoute(APIRoute):
    """A route that knows who asks, whether they may, and how large a body may be."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler behind the checks."""
        handle = super().get_route_handler()
        asked, action = find_guard(self.dependant)
        takes_body = self.body_field is not None

        async def check_and_handle(request: Request) -> Response:
            if asked:
                await admit(request, action)
            if takes_body:
                await self.parse_body(request)
            return await handle(request)

        return check_and_handle

    async def parse_body(self, request: Request) -> None:
        """Read the body as JSON, as far as it is allowed to go."""
        body = await read_body(request, limit_kb=BODY_LIMIT_KB)
        set_json(request, body)


def find_guard(dependant: Dependant) -> tuple[bool, str]:
    """Whether a route asks who is there, and the action that it is; empty where any known person may."""
    asked, action = False, ""
    for call in _walk(dependant):
        asked = asked or call is get_actor or hasattr(call, "action")
        action = getattr(call, "action", "") or action
    return asked, action


async def admit(request: Request, action: str) -> None:
    """Find out who asks and see that they may; ``request.state.actor`` is who.

    Raises:
        SignInError: there is no valid token.
        NotAllowedError: the action is not theirs.
        StorageError: the database is away, and nothing is known of the token.
    """
    authenticate: Callable[[Request, str], Awaitable[Actor]] = request.app.state.authenticate
    actor = await authenticate(request, action)
    request.state.actor = actor
    request.state.caller = actor.name
    if action and not may(actor, action):
        await run_in_threadpool(_refuse, request.app.state.workspace, actor, action)


def _refuse(workspace: Workspace, actor: Actor, action: str) -> None:
    """Refuse for good; the record of it is worth having, but no condition."""
    try:
        require(workspace, actor, action)
    except StorageError:
        raise explain_refusal(actor, action) from None


async def read_body(request: Request, *, limit_kb: int) -> bytes:
    """The request's body, read until it is whole or over ``limit_kb``.

    Raises:
        ProblemError: it is too large.
    """
    limit = limit_kb * 1024
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _explain_size(limit_kb)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _explain_size(limit_kb)
        parts.append(part)
    return b"".join(parts)


def parse_json(body: bytes) -> Any:
    """The value of a JSON body.

    Raises:
        ProblemError: it is none, or not in UTF-8, or nested too deeply, or has halves of characters.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError("not-json", f"the body is no JSON: {error}") from error


def get_media_type(request: Request) -> tuple[str, str]:
    """The media type of the body and its charset, in lower case; empty where none was sent."""
    message = email.message.Message()
    message["content-type"] = request.headers.get("content-type", "")
    if not message["content-type"]:
        return "", ""
    return message.get_content_type(), str(message.get_param("charset", "")).lower()


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON."""
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def set_json(request: Request, body: bytes) -> None:
    """Give FastAPI the body as parsed here.

    Raises:
        ProblemError: the body is no JSON, or was not sent as such.
    """
    request._body = body  # noqa: SLF001 (where Starlette keeps what was read)
    if not body:
        return
    media_type, _ = get_media_type(request)
    if not is_json(media_type):
        raise ProblemError(
            "unsupported-media-type",
            f"the body was sent as {media_type!r:.100}" if media_type else "the body has no Content-Type",
            expected="Content-Type: application/json",
        )
    request._json = parse_json(body)  # noqa: SLF001


def _explain_size(limit_kb: int) -> ProblemError:
    return ProblemError("too-large", "the body is too large", expected=f"{limit_kb} KB at most")


def _walk(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _walk(one)
