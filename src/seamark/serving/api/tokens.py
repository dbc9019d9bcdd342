"""Tokens: what programs sign in with, and how a person comes to one with a password."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, SecretStr
from starlette.concurrency import run_in_threadpool

from seamark.governance import tokens
from seamark.governance.actors import Actor
from seamark.governance.sign_in import check_password
from seamark.governance.tokens import LONGEST_DAYS, Token
from seamark.serving.api.fields import (
    Answer,
    Id,
    Line,
    Name,
    OpenWorkspace,
    QueryText,
    StrictBody,
    Time,
)
from seamark.serving.dependencies import SeamarkRoute, make_router, read_body, require_action, set_json
from seamark.serving.limits import RateLimiter
from seamark.serving.problems import document
from seamark.storage.workspace import Workspace

router = make_router(tag="tokens")

_LOGIN_KB = 16
_AT_ONCE = anyio.CapacityLimiter(1)  # a password costs 64 MB and the processor that predictions need
_A_MINUTE, _A_MINUTE_EACH = 60, 10  # attempts of all, which also bounds what is remembered; and for one name

_Scope = Literal["predict", "read", "write"]


def _name_least() -> list[_Scope]:
    return ["predict"]


def _name_widest() -> list[_Scope]:
    return ["write"]


class TokenBody(StrictBody):
    """What the token is for."""

    person: Name | None = Field(
        default=None, description="Whose; only administrators name others, and not for write."
    )
    title: Annotated[Line, Field(max_length=200)] = ""
    scopes: list[_Scope] = Field(default_factory=_name_least, min_length=1, max_length=3)
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS)


class LoginBody(StrictBody):
    """Who signs in, and what the token is for."""

    name: Name
    password: SecretStr = Field(max_length=1024)
    title: Annotated[Line, Field(max_length=200)] = "made over HTTP"
    scopes: list[_Scope] = Field(default_factory=_name_widest, min_length=1, max_length=3)
    days: int = Field(default=30, ge=1, le=LONGEST_DAYS)


class TokenAnswer(Answer):
    """A token without its secret."""

    id: str
    person: str
    title: str
    scopes: list[str]
    status: str
    created_at: Time
    expires_at: Time
    revoked_at: Time | None


class NewTokenAnswer(TokenAnswer):
    """A token with its secret, which is shown this once."""

    secret: str


class TokensAnswer(Answer):
    """Tokens, the newest first."""

    tokens: list[TokenAnswer]


@router.get("/tokens", response_model=TokensAnswer)
def list_tokens(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("read"))],
    person: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
) -> dict[str, list[Token]]:
    """One's own tokens; administrators see everybody's."""
    return {"tokens": tokens.list_tokens(workspace, actor, person=person)}


@router.post("/tokens", response_model=NewTokenAnswer, status_code=201)
def create_token(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("token.create"))],
    body: TokenBody,
) -> dict[str, Any]:
    """Make a token; its secret is shown this once."""
    token, secret = tokens.create_token(
        workspace, actor, person=body.person, title=body.title, scopes=body.scopes, days=body.days
    )
    return TokenAnswer.model_validate(token).model_dump() | {"secret": secret}


class LoginRoute(SeamarkRoute):
    """A route for whoever comes, who may send no more than a name and a password need."""

    async def parse_body(self, request: Request) -> None:
        """Read the body as JSON, as far as it is allowed to go."""
        set_json(request, await read_body(request, limit_kb=_LOGIN_KB))


login_router = APIRouter(route_class=LoginRoute)


@login_router.post("/login", response_model=NewTokenAnswer, status_code=201, responses=document(429))
async def log_in(request: Request, workspace: OpenWorkspace, body: LoginBody) -> dict[str, Any]:
    """Make a token of one's own with name and password; its secret is shown this once."""
    limiter: RateLimiter = request.app.state.logins
    limiter.check("POST /v1/login", "everybody", _A_MINUTE)
    limiter.check("POST /v1/login", body.name, _A_MINUTE_EACH)
    address = request.client.host if request.client else ""
    actor = await anyio.to_thread.run_sync(
        _check_password, workspace, body.name, body.password.get_secret_value(), address, limiter=_AT_ONCE
    )
    token, secret = await run_in_threadpool(
        tokens.create_token, workspace, actor, title=body.title, scopes=body.scopes, days=body.days
    )
    return TokenAnswer.model_validate(token).model_dump() | {"secret": secret}


def _check_password(workspace: Workspace, name: str, password: str, address: str) -> Actor:
    return check_password(workspace, name, password, via="http", address=address)


router.include_router(login_router)


@router.delete("/tokens/{id}", response_model=TokenAnswer)
def revoke_token(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("token.revoke"))],
    id: Id,  # noqa: A002 - the path's own word
    reason: QueryText = "",
) -> Token:
    """Revoke one's own token; administrators may revoke anybody's."""
    return tokens.revoke_token(workspace, actor, id, reason=reason)
