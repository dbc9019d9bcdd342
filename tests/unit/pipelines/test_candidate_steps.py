"""What becomes of a candidate: registered against the champion it was judged by, or cleared away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from registry_fakes import Contender, register
from seamark.errors import CandidateError, WeightsError
from seamark.pipelines.candidates import (
    BUNDLE,
    close_experiment,
    open_champion,
    read_commit,
    register_candidate,
)
from seamark.pipelines.steps import StepContext
from seamark.registry.bundles import locate_version
from seamark.registry.experiments import get_experiment
from seamark.registry.versions import list_versions
from seamark.storage.workspace import Workspace, create_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "ws", environ={"SEAMARK_HOME": str(tmp_path)}) as made:
        yield made


def make_context(contender: Contender, *, champion: str | None, **facts: Any) -> StepContext:
    known: Mapping[str, Any] = {
        "experiment": contender.experiment_id,
        "champion": champion,
        "candidate": contender.prefix,
    }
    folder = contender.workspace.runs / contender.run_id
    return StepContext(contender.workspace, contender.run_id, folder, {}, {**known, **facts})


def get_status(contender: Contender) -> str:
    return get_experiment(contender.workspace, contender.experiment_id).status


def test_a_winner_is_registered_once_however_often_it_is_asked(workspace: Workspace) -> None:
    register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2", parent="1.0.0")
    context = make_context(contender, champion="1.0.0")
    assert contender.bundle.folder.name == BUNDLE
    first = register_candidate(context)
    assert (first["outcome"], first["version"]) == ("registered", "1.1.0")
    assert register_candidate(context) == first
    assert [version.number for version in list_versions(workspace)] == ["1.0.0", "1.1.0"]


def test_a_candidate_that_was_judged_by_an_older_champion_is_not_registered(workspace: Workspace) -> None:
    """Its run failed, another run registered meanwhile, and then it was retried."""
    register(workspace, "first")
    late = Contender(workspace, "late", weights="w2", parent="1.0.0")
    register(workspace, "other", weights="w3", parent="1.0.0")
    with pytest.raises(CandidateError, match=r"the champion is 1\.1\.0 by now.*expected 1\.0\.0"):
        register_candidate(make_context(late, champion="1.0.0"))
    assert [version.number for version in list_versions(workspace)] == ["1.0.0", "1.1.0"]


def test_what_was_registered_is_found_again_though_it_is_the_champion_itself(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    contender.register()  # and the process ended before the run heard of it
    assert register_candidate(make_context(contender, champion=None))["version"] == "1.0.0"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_experiment_is_closed_also_where_its_step_never_told_of_it(
    workspace: Workspace, status: str
) -> None:
    contender = Contender(workspace, "first")
    context = StepContext(workspace, contender.run_id, workspace.runs / contender.run_id, {}, {})
    close_experiment(context, status, "too few examples")
    found = get_experiment(workspace, contender.experiment_id)
    assert (found.status, found.error) == (status, "too few examples")
    assert workspace.store.list(contender.prefix) == []


def test_a_run_that_began_no_experiment_leaves_nothing_to_close(workspace: Workspace) -> None:
    context = StepContext(workspace, "run-of-nothing", workspace.runs, {}, {})
    close_experiment(context, "failed", "too early")


@pytest.mark.parametrize("name", ["embedding_model/embeddings.npy", "manifest.json"])
def test_a_damaged_champion_is_no_start_and_no_rival(workspace: Workspace, name: str) -> None:
    register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2", parent="1.0.0")
    context = make_context(contender, champion="1.0.0")
    champion = open_champion(context)
    assert champion is not None
    assert champion.version == "1.0.0"
    key = locate_version("1.0.0") + name
    content = bytearray(workspace.store.get(key))
    content[len(content) // 2] ^= 1
    workspace.store.put(key, bytes(content))
    with pytest.raises(WeightsError, match="damaged"):
        open_champion(context)


def test_the_first_model_has_no_champion(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    assert open_champion(make_context(contender, champion=None)) is None


def test_the_commit_is_that_of_the_code_and_not_of_a_checkout_around_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / ".gitignore").write_text(".venv\n")
    git("add", ".")
    git("commit", "-m", "theirs")
    installed = tmp_path / ".venv" / "seamark" / "candidates.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    assert read_commit(installed) == ""
    own = tmp_path / "own.py"
    own.write_text("")
    git("add", "own.py")
    assert read_commit(own) == git("rev-parse", "HEAD")
