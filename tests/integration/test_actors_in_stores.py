"""Every function that changes a workspace, with who asks: refused wholly, done wholly, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from people import ADMIN, list_audit, make_actor
from registry_fakes import Contender
from seamark.building.data.importing import import_examples
from seamark.errors import NotAllowedError
from seamark.governance import acting
from seamark.governance.actions import get_action
from seamark.governance.actors import ROLES, SYSTEM, Actor
from seamark.pipelines.runs import cancel_run, retry_run
from seamark.pipelines.triggers import fire
from seamark.registry.releases import import_taxonomy, load_taxonomy, use_taxonomy
from seamark.storage import runs
from seamark.storage.workspace import Workspace, create_workspace
from stored_rows import list_objects, read_rows


@pytest.fixture
def workspace(tmp_path: Path, database_url: str) -> Iterator[Workspace]:
    """A workspace with two taxonomies, a run that waits and one that failed."""
    (tmp_path / "other.csv").write_text("skill_id,title\n1,Welding\n", encoding="utf-8")
    environ = {"SEAMARK_DATABASE_URL": database_url, "SEAMARK_HOME": str(tmp_path / "home")}
    with create_workspace(tmp_path / "ws", environ=environ) as made:
        import_taxonomy(made, ADMIN, tmp_path / "other.csv", name="other")
        import_taxonomy(made, ADMIN, None)
        fire(made, ADMIN, "manual", key="waits")
        failed, _ = fire(made, ADMIN, "manual", key="failed")
        with made.database.begin() as connection:
            runs.end_run(connection, failed.id, 1, status="failed", error="disk full")
        yield made


@dataclass(frozen=True)
class Case:
    """One function, called so that it changes something."""

    action: str
    call: Callable[[Workspace, Actor, Path], Any]


def _find_run(workspace: Workspace, status: str) -> str:
    with workspace.database.read() as connection:
        (run,) = runs.list_runs(connection, status=status)
    return run.id


def _import_taxonomy(workspace: Workspace, actor: Actor, folder: Path) -> object:
    (folder / "new.csv").write_text("skill_id,title\n1,Python\n2,Nursing\n", encoding="utf-8")
    return import_taxonomy(workspace, actor, folder / "new.csv", name="new")


def _import_examples(workspace: Workspace, actor: Actor, folder: Path) -> object:
    (folder / "examples.csv").write_text("text,skills\nWe weld,Welding\n", encoding="utf-8")
    taxonomy = load_taxonomy(workspace, "other")
    return import_examples(workspace, actor, folder / "examples.csv", taxonomy=taxonomy)


CASES = [
    Case("taxonomy.import", _import_taxonomy),
    Case("taxonomy.use", lambda workspace, actor, _: use_taxonomy(workspace, actor, "other")),
    Case("examples.import", _import_examples),
    Case("trigger.fire", lambda workspace, actor, _: fire(workspace, actor, "manual", key="new")),
    Case(
        "run.cancel", lambda workspace, actor, _: cancel_run(workspace, actor, _find_run(workspace, "queued"))
    ),
    Case(
        "run.retry", lambda workspace, actor, _: retry_run(workspace, actor, _find_run(workspace, "failed"))
    ),
]
every_function = pytest.mark.parametrize("case", CASES, ids=lambda case: case.action)


@every_function
def test_who_may_not_changes_nothing_and_that_is_on_record(
    workspace: Workspace, case: Case, tmp_path: Path
) -> None:
    nobody = [role for role in ROLES if role not in get_action(case.action).roles]
    known = len(list_audit(workspace))
    rows, objects = read_rows(workspace), list_objects(workspace)
    for role in nobody:
        with pytest.raises(NotAllowedError):
            case.call(workspace, make_actor("vera", role), tmp_path)
    assert (read_rows(workspace), list_objects(workspace)) == (rows, objects)
    refused = list_audit(workspace)[known:]
    assert [(event.actor, event.action, event.outcome) for event in refused] == [
        ("vera", case.action, "denied")
    ] * len(nobody)


@every_function
def test_a_token_that_is_not_for_changes_changes_nothing(
    workspace: Workspace, case: Case, tmp_path: Path
) -> None:
    rows = read_rows(workspace)
    reader = Actor("ada", frozenset({"administrator"}), frozenset({"predict", "read"}), kind="token")
    with pytest.raises(NotAllowedError, match="a token with the scope write"):
        case.call(workspace, reader, tmp_path)
    assert read_rows(workspace) == rows
    assert list_audit(workspace)[-1].outcome == "denied"


@every_function
def test_who_may_does_it_and_that_is_one_event(workspace: Workspace, case: Case, tmp_path: Path) -> None:
    rows, known = read_rows(workspace), len(list_audit(workspace))
    case.call(workspace, make_actor("bob", get_action(case.action).roles[0]), tmp_path)
    assert read_rows(workspace) != rows
    (event,) = list_audit(workspace)[known:]
    assert (event.actor, event.action, event.outcome) == ("bob", case.action, "done")
    assert event.subject
    assert event.after


@every_function
def test_a_transaction_that_is_cut_off_leaves_neither_work_nor_event(
    workspace: Workspace, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, trail = read_rows(workspace), list_audit(workspace)

    def append_and_die(*arguments: Any, **facts: Any) -> int:
        append(*arguments, **facts)
        raise RuntimeError("cut off")

    append = acting.append_event
    with monkeypatch.context() as patch:
        patch.setattr(acting, "append_event", append_and_die)
        with pytest.raises(RuntimeError, match="cut off"):
            case.call(workspace, ADMIN, tmp_path)
    assert (read_rows(workspace), list_audit(workspace)) == (rows, trail)
    case.call(workspace, ADMIN, tmp_path)
    assert read_rows(workspace) != rows


def test_only_seamark_itself_registers_a_version(workspace: Workspace) -> None:
    Contender(workspace, "first").register()
    (event,) = list_audit(workspace, "version.register")
    assert (event.actor, event.actor_kind) == (SYSTEM.name, "system")
    assert not any(acting.may(make_actor("ada", role), "version.register") for role in ROLES)


def test_one_event_however_many_fire_the_same_trigger_at_once(workspace: Workspace) -> None:
    known = len(list_audit(workspace))
    start, same = threading.Barrier(8), {"window": "2026-W47"}

    def work(number: int) -> tuple[str, bool]:
        start.wait()
        run, created = fire(
            workspace, make_actor(f"person-{number}", "data-scientist"), "drift", payload=same
        )
        return run.id, created

    with ThreadPoolExecutor(8) as pool:
        fired = list(pool.map(work, range(8)))
    (event,) = list_audit(workspace)[known:]
    assert {run_id for run_id, _ in fired} == {event.subject}
    winner = [created for _, created in fired].index(True)
    assert event.actor == f"person-{winner}"
