"""What a skills update refuses before it embeds anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from people import ADMIN
from registry_fakes import make_taxonomy, register
from seamark.errors import TaxonomyError, UsageError
from seamark.pipelines.skills_update import plan
from seamark.pipelines.steps import StepContext
from seamark.pipelines.triggers import fire
from seamark.registry.releases import import_taxonomy
from seamark.storage.workspace import Workspace, create_workspace

TITLES = ("Python", "Nursing", "Welding", "Baking", "Rowing")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "ws", environ={"SEAMARK_HOME": str(tmp_path)}) as made:
        register(made, "first", taxonomy=make_taxonomy(*TITLES))
        yield made


def release(workspace: Workspace, *titles: str) -> None:
    source = workspace.folder / "own.csv"
    source.write_text("skill_id,title\n" + "".join(f"{title.lower()},{title}\n" for title in titles))
    import_taxonomy(workspace, ADMIN, source, name="own", force=True)


def plan_update(workspace: Workspace, **payload: Any) -> Any:
    run, _ = fire(workspace, ADMIN, "skills-update", payload={"taxonomy": "own", **payload})
    folder = workspace.runs / run.id
    folder.mkdir(parents=True, exist_ok=True)
    return plan(StepContext(workspace, run.id, folder, run.payload, {}, trigger="skills-update"))


def test_a_release_with_most_of_the_champion_s_skills_is_taken(workspace: Workspace) -> None:
    release(workspace, *TITLES[:4], "Sailing")
    facts = plan_update(workspace)
    assert (facts["champion"], facts["taxonomy"]) == ("1.0.0", "own@1.0.0")
    assert plan_update(workspace) == facts


def test_a_release_without_too_many_of_the_champion_s_skills_needs_force(workspace: Workspace) -> None:
    release(workspace, *TITLES[:3], "Sailing")
    with pytest.raises(TaxonomyError, match=r"2 of the 5 active skills of version 1\.0\.0 are gone.*--force"):
        plan_update(workspace)
    assert plan_update(workspace, force=True)["taxonomy"] == "own@1.0.0"


def test_there_must_be_a_version_to_update(tmp_path: Path) -> None:
    with create_workspace(tmp_path / "empty", environ={"SEAMARK_HOME": str(tmp_path)}) as empty:
        release(empty, *TITLES)
        with pytest.raises(UsageError, match="no model version to update"):
            plan_update(empty)
