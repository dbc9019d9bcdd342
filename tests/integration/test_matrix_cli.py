"""The matrix over the command line: every action with a command, tried as every role, with every scope and without.

The table of actions (:mod:`seamark.governance.actions`) says who may. Here it is only said how each command is
called; a new action with a command and no row here fails.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from people import ADMIN, list_audit, make_token
from registry_fakes import register
from seamark.capture.record import CapturedPrediction
from seamark.cli.main import app
from seamark.errors import NotAllowedError, SignInError
from seamark.governance.actions import ACTIONS, Action, get_action
from seamark.governance.actors import ROLES, SCOPES
from seamark.governance.people import add_person
from seamark.pipelines.triggers import fire
from seamark.registry.releases import import_taxonomy
from seamark.storage import runs
from seamark.storage.captures import add_captures
from seamark.storage.contenders import ContenderRecord, put_contender
from seamark.storage.promotions import PromotionRecord, add_promotion
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from stored_rows import list_objects, read_rows

# action → its command's arguments, with which whoever may do it succeeds in the workspace below. In braces:
# {me} and {token} are whoever asks and a token of theirs, {folder} the folder above the workspace's.
ARGUMENTS: dict[str, str] = {
    "taxonomy.import": "taxonomy import {folder}/new.csv --no-impact",
    "taxonomy.use": "taxonomy use other",
    "examples.import": "examples import {folder}/examples.csv --taxonomy other",
    "trigger.fire": "trigger manual",
    "run.cancel": "runs cancel {waiting_run}",
    "run.retry": "runs retry {failed_run}",
    "promotion.request": "promote 1.1.0 --to uat",
    "promotion.approve": "approve promotion-of-{me}",
    "promotion.reject": "reject promotion-of-{me} --reason no",
    "promotion.withdraw": "withdraw promotion-of-{me}",
    "stage.rollback": "rollback --stage dev",
    "stage.set": "stages set prod sampling_percent=20",
    "shadow.start": "shadow start 1.0.0 --stage dev --share 10",
    "shadow.stop": "shadow stop --stage uat",
    "canary.stop": "canary stop --stage uat",
    "capture.read": "capture list",
    "capture.delete": "capture delete request-1",
    "capture.archive": "capture archive",
    "people.read": "people list",
    "people.add": "people add zoe --role viewer",
    "people.change": "people change bob --barred",
    "people.password": "people password {me} --password-stdin",
    "token.create": "token create",
    "token.revoke": "token revoke {token}",
    "audit.read": "audit list",
}

# Other commands that come to the same functions.
MORE = [
    ("trigger.fire", "build"),
    ("trigger.fire", "trigger schedule --wait"),
    ("run.retry", "runs retry {failed_run} --wait"),
    ("capture.read", "capture show request-1"),
    ("capture.read", "capture stats"),
]

# What everybody may who is signed in.
FOR_EVERYBODY = ["audit verify", "audit export", "token list"]

# Commands, or groups of them, that need nobody: they only look, or change nothing that belongs to a workspace,
# or go on with what somebody asked for, or are how one comes in.
NEED_NOBODY = [
    *("init", "login", "logout", "whoami", "people rescue"),
    *("doctor", "demo", "up", "serve", "worker"),
    *("extract", "extract-batch", "evaluate", "spans", "encoder", "ranker", "base-model"),
    *("taxonomy list", "taxonomy show", "taxonomy diff", "taxonomy impact", "taxonomy validate"),
    *("examples show", "versions", "experiments", "promotions", "runs list", "runs show"),
    *("stages list", "stages show"),
]

BY_CLI = [action for action in ACTIONS if action.cli]
every_action = pytest.mark.parametrize("action", BY_CLI, ids=lambda action: action.name)


@dataclass(frozen=True)
class Bench:
    """A workspace in which each command finds what it needs.

    Attributes:
        folder: the folder above the workspace's.
        facts: what stands in braces in :data:`ARGUMENTS`.
        tokens: name → id and secret of a token that is good for everything.
    """

    folder: Path
    facts: dict[str, str]
    tokens: dict[str, tuple[str, str]]

    def open(self) -> Workspace:
        return open_workspace(self.folder / "workspace")

    def split(self, arguments: str, me: str) -> list[str]:
        facts = {**self.facts, "me": me, "token": self.tokens[me][0], "folder": str(self.folder)}
        return [part.format(**facts) for part in arguments.split()]


def _name(role: str) -> str:
    return f"the-{role}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("matrix")
    for name in ("other", "new"):
        (folder / f"{name}.csv").write_text(f"skill_id,title\n1,{name} Welding\n", encoding="utf-8")
    (folder / "examples.csv").write_text("text,skills\nWe weld,other Welding\n", encoding="utf-8")
    with create_workspace(folder / "workspace", environ={}) as workspace:
        facts = _fill(workspace, folder)
        tokens = {}
        for role in ROLES:
            token, secret = make_token(workspace, _name(role), role)
            tokens[_name(role)] = (token.id, secret)
    return Bench(folder, facts, tokens)


def _fill(workspace: Workspace, folder: Path) -> dict[str, str]:
    import_taxonomy(workspace, ADMIN, None)
    import_taxonomy(workspace, ADMIN, folder / "other.csv", name="other")
    import_taxonomy(workspace, ADMIN, None, name="starter-again")
    register(workspace, "first")
    register(workspace, "second", weights="w2", parent="1.0.0")
    add_person(workspace, ADMIN, "bob", roles=["viewer"])
    waiting, _ = fire(workspace, ADMIN, "manual", key="waits")
    failed, _ = fire(workspace, ADMIN, "manual", key="failed")
    now = datetime.now(UTC)
    capture = CapturedPrediction("request-1", "dev", "1.1.0", "champion", now, "We weld", [], 1.0, "ada")
    with workspace.database.begin() as connection:
        runs.end_run(connection, failed.id, 1, status="failed", error="disk full")
        add_captures(connection, [capture])
        for role in ROLES:
            add_promotion(connection, _make_promotion(role, now))
        for kind in ("shadow", "canary"):
            put_contender(connection, ContenderRecord("uat", kind, "1.1.0", 10.0, "ada", now))
    return {"waiting_run": waiting.id, "failed_run": failed.id}


def _make_promotion(role: str, now: datetime) -> PromotionRecord:
    """One that waits; the person of this role asked for it."""
    promotion_id = f"promotion-of-{_name(role)}"
    return PromotionRecord(promotion_id, "uat", "1.0.0", "promotion", "waiting", _name(role), now)


@pytest.fixture
def bench(template: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A copy of the template for one test, which is the workspace of the command line."""
    shutil.copytree(template.folder, tmp_path / "copy")
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path / "copy" / "workspace"))
    monkeypatch.setenv("COLUMNS", "200")
    return replace(template, folder=tmp_path / "copy", tokens=dict(template.tokens))


def seamark(arguments: list[str], secret: str) -> Result:
    """What a command did, run by whoever has this token; an empty one: by nobody."""
    return CliRunner().invoke(app, arguments, input="a long enough password\n", env={"SEAMARK_TOKEN": secret})


def _explain(result: Result) -> str:
    return f"exit code {result.exit_code}: {result.exception!r}\n{result.output}"


def test_every_action_with_a_command_has_a_row() -> None:
    assert set(ARGUMENTS) == {action.name for action in BY_CLI}


@every_action
def test_the_row_calls_the_command_that_the_table_names(action: Action) -> None:
    assert f"seamark {ARGUMENTS[action.name]} ".startswith(f"{action.cli} ")


def test_every_command_asks_who_it_is_unless_it_is_known_to_need_nobody() -> None:
    asking = [action.cli.removeprefix("seamark ") for action in BY_CLI] + FOR_EVERYBODY
    known = [*asking, *NEED_NOBODY, *(arguments for _, arguments in MORE)]
    unknown = [name for name in _list_commands() if not any(_begins(each, name) for each in known)]
    assert unknown == []


def _begins(known: str, command: str) -> bool:
    """Whether a row calls the command, or names it or its group."""
    return f"{known} ".startswith(f"{command} ") or f"{command} ".startswith(f"{known} ")


def _list_commands() -> list[str]:
    """Every command with its group, such as ``runs list``."""
    from typer.main import get_command

    def walk(command: Any, path: tuple[str, ...]) -> list[str]:
        inside = getattr(command, "commands", None)
        if inside is None:
            return [" ".join(path)]
        return [name for key, each in inside.items() for name in walk(each, (*path, key))]

    return walk(get_command(app), ())


@pytest.mark.parametrize("role", ROLES)
@every_action
def test_a_role_may_what_the_table_says_and_nothing_else(bench: Bench, action: Action, role: str) -> None:
    arguments = ARGUMENTS[action.name]
    if role in action.roles:
        _expect_success(bench, arguments, _name(role))
    else:
        _expect_refusal(bench, action, arguments, _name(role))


@pytest.mark.parametrize("scope", SCOPES)
@every_action
def test_a_token_does_what_it_is_for_and_nothing_else(bench: Bench, action: Action, scope: str) -> None:
    with bench.open() as workspace:
        token, secret = make_token(workspace, "carl", *action.roles, scopes=[scope])
    bench.tokens["carl"] = (token.id, secret)
    arguments = ARGUMENTS[action.name].replace("promotion-of-{me}", "promotion-of-the-approver")
    if SCOPES.index(scope) >= SCOPES.index(action.scope):
        _expect_success(bench, arguments, "carl")
    else:
        _expect_refusal(bench, action, arguments, "carl")


@pytest.mark.parametrize("secret", ["", "smk_" + "A" * 43, "nonsense"], ids=["none", "unknown", "nonsense"])
@every_action
def test_without_a_good_token_nothing_is_done(bench: Bench, action: Action, secret: str) -> None:
    with bench.open() as workspace:
        before = read_rows(workspace), list_objects(workspace), list_audit(workspace)
        result = seamark(bench.split(ARGUMENTS[action.name], _name("administrator")), secret)
        assert isinstance(result.exception, SignInError), _explain(result)
        assert (read_rows(workspace), list_objects(workspace), list_audit(workspace)) == before


@pytest.mark.parametrize(("name", "arguments"), MORE, ids=[arguments for _, arguments in MORE])
def test_another_way_to_the_same_function_is_refused_alike(bench: Bench, name: str, arguments: str) -> None:
    action = get_action(name)
    for role in set(ROLES).difference(action.roles):
        _expect_refusal(bench, action, arguments, _name(role))


@pytest.mark.parametrize("arguments", ["audit verify", "audit export --output {folder}/a.csv", "token list"])
def test_what_is_everybody_s_needs_somebody(bench: Bench, arguments: str) -> None:
    for role in ROLES:
        _expect_success(bench, arguments, _name(role))
    result = seamark(bench.split(arguments, _name("viewer")), "")
    assert isinstance(result.exception, SignInError), _explain(result)


def _expect_success(bench: Bench, arguments: str, me: str) -> None:
    result = seamark(bench.split(arguments, me), bench.tokens[me][1])
    assert result.exit_code == 0, _explain(result)


def _expect_refusal(bench: Bench, action: Action, arguments: str, me: str) -> None:
    """The command is refused, which changes nothing; where it would have, that is on record."""
    with bench.open() as workspace:
        rows, objects, trail = read_rows(workspace), list_objects(workspace), list_audit(workspace)
        result = seamark(bench.split(arguments, me), bench.tokens[me][1])
        assert isinstance(result.exception, NotAllowedError), _explain(result)
        assert (read_rows(workspace), list_objects(workspace)) == (rows, objects)
        added = list_audit(workspace)[len(trail) :]
    told = [(event.actor, event.action, event.outcome, event.via) for event in added]
    assert told == ([(me, action.name, "denied", "cli")] if action.scope == "write" else [])
