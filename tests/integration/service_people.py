"""A workspace with a version and somebody of each role, for tests of the service."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from people import ADMIN, make_actor
from seamark.extraction.bundle import Bundle
from seamark.governance.actors import ROLES
from seamark.governance.people import add_first_administrator, add_person
from seamark.governance.tokens import create_token
from seamark.pipelines.execution import make_folder
from seamark.pipelines.extract_batch import extract, publish
from seamark.pipelines.runs import get_run
from seamark.pipelines.steps import StepContext
from seamark.storage.runs import begin_run, end_run
from seamark.storage.workspace import Workspace
from tiny_versions import put_on_stage, register_tiny

PASSWORD = "correct horse battery"


def name_person(role: str) -> str:
    """The name of the person who has just this role."""
    return ADMIN.name if role == "administrator" else f"the-{role}"


@dataclass
class Staffed:
    """A workspace in which everybody has a token.

    Attributes:
        workspace: the workspace.
        tokens: role → the secret of a token with every scope, of the person with just this role.
        narrow: scope → the secret of an administrator's token with just this scope.
    """

    workspace: Workspace
    tokens: dict[str, str] = field(default_factory=dict)
    narrow: dict[str, str] = field(default_factory=dict)


def staff(workspace: Workspace, bundle: Bundle) -> Staffed:
    """Version 1.0.0 on every stage, and a person of each role with a token."""
    register_tiny(workspace, bundle)
    put_on_stage(workspace, "1.0.0", "uat", "prod")
    staffed = Staffed(workspace)
    add_first_administrator(workspace, ADMIN.name)
    for role in ROLES:
        name = name_person(role)
        if role != "administrator":
            add_person(workspace, ADMIN, name, roles=[role])
        staffed.tokens[role] = create_token(workspace, make_actor(name, role), scopes=["write"])[1]
    for scope in ("predict", "read"):
        staffed.narrow[scope] = create_token(workspace, ADMIN, person=ADMIN.name, scopes=[scope])[1]
    return staffed


def bear(secret: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {secret}"}


def finish_job(workspace: Workspace, job_id: str) -> None:
    """Do a batch job as a worker would."""
    context = StepContext(
        workspace=workspace,
        run_id=job_id,
        folder=make_folder(workspace, job_id),
        payload=get_run(workspace, job_id).payload,
        facts={},
    )
    found = publish(replace(context, facts=extract(context)))
    with workspace.database.begin() as connection:
        begin_run(connection, job_id, 1)
        end_run(connection, job_id, 1, status="succeeded", outcome=found["outcome"], message=found["summary"])
