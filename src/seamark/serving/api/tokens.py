"""Tokens: what programs sign in with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import Field

from seamark.governance import tokens
from seamark.governance.actors import Actor
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
from seamark.serving.dependencies import make_router, require_action

router = make_router(tag="tokens")

_Scope = Literal["predict", "read", "write"]


def _name_least() -> list[_Scope]:
    return ["predict"]


class TokenBody(StrictBody):
    """What the token is for."""

    person: Name | None = Field(default=None, description="Whose; only administrators name others.")
    title: Annotated[Line, Field(max_length=200)] = ""
    scopes: list[_Scope] = Field(default_factory=_name_least, min_length=1, max_length=3)
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS)


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


@router.delete("/tokens/{id}", response_model=TokenAnswer)
def revoke_token(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("token.revoke"))],
    id: Id,  # noqa: A002 - the path's own word
    reason: QueryText = "",
) -> Token:
    """Revoke one's own token; administrators may revoke anybody's."""
    return tokens.revoke_token(workspace, actor, id, reason=reason)
