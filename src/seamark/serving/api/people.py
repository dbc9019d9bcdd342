"""People: who has an account, and what they are."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends
from pydantic import Field, SecretStr

from seamark.governance import people
from seamark.governance.actors import Actor
from seamark.governance.people import Person
from seamark.serving.api.fields import Answer, Id, Name, OpenWorkspace, Reason, StrictBody, Time
from seamark.serving.dependencies import make_router, require_action

router = make_router(tag="people")

_Role = Literal["viewer", "reviewer", "data-scientist", "approver", "administrator"]
_Roles = Annotated[list[_Role], Field(min_length=1, max_length=5)]
_Password = Annotated[SecretStr, Field(max_length=1024)]


class PersonBody(StrictBody):
    """A new person."""

    name: Name
    roles: _Roles
    password: _Password = SecretStr("")


class PersonChangeBody(StrictBody):
    """What is to be different; what isn't given stays."""

    roles: _Roles | None = None
    active: bool | None = None
    reason: Reason = ""


class PasswordBody(StrictBody):
    """A new password."""

    password: _Password


class PersonAnswer(Answer):
    """Somebody with an account."""

    name: str
    roles: list[str]
    active: bool
    has_password: bool
    simulated: bool
    created_at: Time
    changed_at: Time


class PeopleAnswer(Answer):
    """Everybody, by name."""

    people: list[PersonAnswer]


@router.get("/people", response_model=PeopleAnswer)
def list_people(
    workspace: OpenWorkspace, actor: Annotated[Actor, Depends(require_action("people.read"))]
) -> dict[str, list[Person]]:
    """Everybody, by name."""
    return {"people": people.list_people(workspace, actor)}


@router.post("/people", response_model=PersonAnswer, status_code=201)
def add_person(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("people.add"))],
    body: PersonBody,
) -> Person:
    """Add a person."""
    return people.add_person(
        workspace, actor, body.name, roles=body.roles, password=body.password.get_secret_value()
    )


@router.patch("/people/{name}", response_model=PersonAnswer)
def change_person(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("people.change"))],
    name: Id,
    body: PersonChangeBody,
) -> Person:
    """Give a person other roles, or bar them; their tokens follow at once."""
    return people.change_person(
        workspace, actor, name, roles=body.roles, active=body.active, reason=body.reason
    )


@router.put("/people/{name}/password", response_model=PersonAnswer)
def set_password(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("people.password"))],
    name: Id,
    body: PasswordBody,
) -> Person:
    """Set one's own password; administrators may set anybody's."""
    return people.set_password(workspace, actor, name, body.password.get_secret_value())
