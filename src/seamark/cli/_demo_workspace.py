"""The demo's workspace: its made-up people, its version, and how that comes to PROD.

Every step looks at what is there first, so that the demo goes on where an earlier one was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

SCIENTIST, APPROVER = "demo-scientist", "demo-approver"
"""Two people who don't exist: who asks for a promotion on PROD never approves it."""

_ROLES = {SCIENTIST: "data-scientist", APPROVER: "approver"}
_REASON = "the demo: nobody looked at it"
_TOKEN_TITLE = "made by seamark demo"  # noqa: S105 (a title)
_TOKEN_DAYS = 30
_BUILD_KEY = "seamark-demo"


def refuse_elsewhere() -> None:
    """See that the workspace will have a database and a store of its own.

    Raises:
        UsageError: the environment names others.
    """
    from seamark.errors import UsageError
    from seamark.settings import read_settings

    named = read_settings()
    if named.database.url or named.store.url:
        what = "a database" if named.database.url else "an object store"
        raise UsageError(
            f"the environment names {what}, and the demo puts a version on PROD without anybody looking at it",
            expected="a workspace of its own",
            hint="without those variables, or `seamark demo --no-service`",
        )


def open_demo_workspace(folder: Path) -> Workspace:
    """The workspace in ``folder``, made where there is none, with the demo's people.

    Raises:
        SeamarkError: it can't be made or opened.
    """
    from seamark.cli._workspace import open_from
    from seamark.cli.init import make_workspace
    from seamark.settings import SETTINGS_FILE

    if (folder / SETTINGS_FILE).is_file():
        workspace = open_from(folder)
        administrator = None
    else:
        made = make_workspace(folder)
        workspace = made.workspace
        first = made.administrator
        administrator = None if first is None else _act_as(first.name, "administrator")
    try:
        _add_people(workspace, administrator)
    except BaseException:
        workspace.close()
        raise
    return workspace


def build_version(workspace: Workspace) -> str:
    """The version on DEV, which is built where there is none.

    Raises:
        SeamarkError: the build failed or was cancelled.
    """
    from seamark.cli._watching import finish_run, show_end
    from seamark.pipelines.runs import retry_run
    from seamark.pipelines.triggers import fire

    if version := _read_version(workspace, "dev"):
        return version
    scientist = _act_as(SCIENTIST, _ROLES[SCIENTIST])
    run, _ = fire(workspace, scientist, "manual", key=_BUILD_KEY)
    if run.status in ("failed", "cancelled"):
        run = retry_run(workspace, scientist, run.id)
    show_end(finish_run(workspace, run), as_json=False)
    version = _read_version(workspace, "dev")
    assert version is not None, "the first build of a workspace is registered or fails"
    return version


def bring_to_prod(workspace: Workspace, version: str) -> str:
    """The version on PROD: what is there, or else ``version``, asked for and approved by the two people.

    Raises:
        SeamarkError: a promotion was refused.
    """
    from seamark.cli.output import say

    for stage in ("uat", "prod"):
        if present := _read_version(workspace, "prod"):
            return present
        if _read_version(workspace, stage) != version:
            _promote(workspace, version, stage)
            say(f"{version} on {stage.upper()}: asked for by {SCIENTIST}, approved by {APPROVER}")
    return version


def find_failure(workspace: Workspace) -> str:
    """Why nothing is on PROD any more: the error of the promotion that failed; empty where there is a version."""
    from seamark.delivery.promotions import list_promotions

    if _read_version(workspace, "prod") is not None:
        return ""
    newest = list_promotions(workspace, stage="prod", limit=1)
    return newest[0].error if newest and newest[0].status == "failed" else ""


def make_demo_token(workspace: Workspace) -> str:
    """A token that predicts and does nothing else; those of earlier demos work no more."""
    from seamark.governance.tokens import create_token, list_tokens, revoke_token

    scientist = _act_as(SCIENTIST, _ROLES[SCIENTIST])
    for token in list_tokens(workspace, scientist, person=SCIENTIST):
        if token.title == _TOKEN_TITLE and token.revoked_at is None:
            revoke_token(workspace, scientist, token.id, reason="the demo was started again")
    _, secret = create_token(workspace, scientist, title=_TOKEN_TITLE, scopes=("predict",), days=_TOKEN_DAYS)
    return secret


def _add_people(workspace: Workspace, administrator: Actor | None) -> None:
    from seamark.cli._people import who_asks
    from seamark.governance.people import add_person
    from seamark.storage.people import find_person

    with workspace.database.read() as connection:
        missing = [name for name in _ROLES if find_person(connection, name) is None]
    if not missing:
        return
    asks = administrator or who_asks(workspace)
    for name in missing:
        add_person(workspace, asks, name, roles=[_ROLES[name]], simulated=True)


def _promote(workspace: Workspace, version: str, stage: str) -> None:
    from seamark.delivery.promotions import approve_promotion, list_promotions, request_promotion

    waiting = list_promotions(workspace, stage=stage, status="waiting")
    asked = next((one for one in waiting if one.version == version and one.kind == "promotion"), None)
    if asked is None:
        scientist = _act_as(SCIENTIST, _ROLES[SCIENTIST])
        asked = request_promotion(workspace, scientist, version, stage=stage, reason=_REASON)
    approve_promotion(workspace, _act_as(APPROVER, _ROLES[APPROVER]), asked.id, reason=_REASON)


def _read_version(workspace: Workspace, stage: str) -> str | None:
    from seamark.delivery.desired import read_desired

    return read_desired(workspace)[stage].version


def _act_as(name: str, role: str) -> Actor:
    from seamark.governance.actors import Actor
    from seamark.governance.sign_in import get_address

    return Actor(name, frozenset((role,)), via="cli", address=get_address())
