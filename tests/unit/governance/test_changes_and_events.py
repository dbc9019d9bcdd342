"""Whatever is asked for, by whomever, in whatever order: rows change exactly where an event says that it was done."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from people import list_audit, make_actor
from seamark.errors import NotAllowedError, UsageError
from seamark.governance.acting import may
from seamark.governance.actors import ROLES, SCOPES, Actor
from seamark.pipelines.runs import cancel_run, list_runs, retry_run
from seamark.pipelines.triggers import fire
from seamark.registry.releases import import_taxonomy, use_taxonomy
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from stored_rows import read_rows

_TITLES = (("Welding",), ("Welding", "Nursing"), ("Welding", "Nursing", "Baking"))


def _import(workspace: Workspace, actor: Actor, number: int) -> None:
    source = workspace.folder / f"{number}.csv"
    source.write_text("skill_id,title\n" + "".join(f"{title},{title}\n" for title in _TITLES[number]))
    import_taxonomy(workspace, actor, source, name="own", force=True)


def _use(workspace: Workspace, actor: Actor, number: int) -> None:
    use_taxonomy(workspace, actor, ("own", "starter", "nosuch")[number])


def _fire(workspace: Workspace, actor: Actor, number: int) -> None:
    fire(workspace, actor, "drift", payload={"window": f"week {number}"})


def _get_run(workspace: Workspace, number: int) -> str:
    known = [run.id for run in reversed(list_runs(workspace))]
    return known[number] if number < len(known) else "run-1"


def _cancel(workspace: Workspace, actor: Actor, number: int) -> None:
    cancel_run(workspace, actor, _get_run(workspace, number))


def _retry(workspace: Workspace, actor: Actor, number: int) -> None:
    retry_run(workspace, actor, _get_run(workspace, number))


_DEEDS: dict[str, Any] = {
    "taxonomy.import": _import,
    "taxonomy.use": _use,
    "trigger.fire": _fire,
    "run.cancel": _cancel,
    "run.retry": _retry,
}

_actors = st.builds(
    lambda role, scope: Actor(f"a-{role}", frozenset({role}), frozenset({scope})),
    # more often somebody who may, so that something happens
    st.one_of(st.just("data-scientist"), st.sampled_from(ROLES)),
    st.one_of(st.just("write"), st.sampled_from(SCOPES)),
)
_wishes = st.lists(st.tuples(st.sampled_from(sorted(_DEEDS)), _actors, st.integers(0, 2)), max_size=8)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changes") / "workspace"
    with create_workspace(folder, environ={}) as workspace:
        import_taxonomy(workspace, make_actor("ada", "administrator"), None)
    return folder


@settings(max_examples=30)
@given(wishes=_wishes)
def test_rows_change_exactly_where_an_event_says_so(
    template: Path, wishes: list[tuple[str, Actor, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, Path(folder) / "workspace")
        with open_workspace(Path(folder) / "workspace", environ={}) as workspace:
            for action, actor, number in wishes:
                _check(workspace, action, actor, number)


def _check(workspace: Workspace, action: str, actor: Actor, number: int) -> None:
    rows, known = read_rows(workspace), len(list_audit(workspace))
    refused = not may(actor, action)
    with suppress(UsageError):
        if refused:
            with pytest.raises(NotAllowedError):
                _DEEDS[action](workspace, actor, number)
        else:
            _DEEDS[action](workspace, actor, number)
    added = [(event.actor, event.action, event.outcome) for event in list_audit(workspace)[known:]]
    changed = read_rows(workspace) != rows
    expected = [(actor.name, action, "denied" if refused else "done")] if refused or changed else []
    assert added == expected
    assert not (refused and changed)
