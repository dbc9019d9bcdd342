"""Releases and labelled examples on both databases and both kinds of object store, several writers at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from people import ADMIN
from seamark.building.data.importing import import_examples
from seamark.building.data.snapshots import freeze, list_data_versions, load_dataset, snapshot_data
from seamark.registry.releases import (
    get_live_release,
    import_taxonomy,
    list_releases,
    load_taxonomy,
)
from seamark.storage.workspace import Workspace, create_workspace
from seamark.taxonomy import Skill, Taxonomy, write_taxonomy


@pytest.fixture
def workspace(tmp_path: Path, database_url: str, store_url: str) -> Iterator[Workspace]:
    environ = {
        "SEAMARK_HOME": str(tmp_path / "home"),
        "SEAMARK_DATABASE_URL": database_url,
        "SEAMARK_STORE_URL": store_url,
    }
    with create_workspace(tmp_path / "ws", environ=environ) as made:
        yield made


def write_skills(path: Path, *titles: str) -> Path:
    write_taxonomy(Taxonomy("mine", tuple(Skill(title.lower(), title) for title in titles)), path)
    return path


def write_examples(path: Path, numbers: range, relevant: str = "yes") -> Path:
    rows = [
        {"document_id": f"d{n}", "text": f"text {n}", "skill": "Python", "relevant": relevant}
        for n in numbers
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_several_at_once_lose_nothing_and_share_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = [
            write_skills(tmp_path / f"{n}.json", "Python", *(f"Skill {m}" for m in range(n + 1)))
            for n in range(4)
        ]
        outcomes = list(
            pool.map(lambda path: import_taxonomy(workspace, ADMIN, path, name="mine", force=True), paths)
        )
        assert len({outcome.release.number for outcome in outcomes}) == 4
        assert len(list_releases(workspace)) == 4
        assert get_live_release(workspace).number == list_releases(workspace)[-1].number
        taxonomy = load_taxonomy(workspace, "mine")

        files = [
            write_examples(tmp_path / f"{n}.jsonl", range(n * 20, n * 20 + 30)) for n in range(4)
        ]  # they overlap
        reports = list(
            pool.map(lambda path: import_examples(workspace, ADMIN, path, taxonomy=taxonomy), files)
        )
        assert sum(report.added for report in reports) == 90
        assert sum(report.duplicates for report in reports) == 30

        versions = list(pool.map(lambda _: snapshot_data(workspace), range(4)))
        assert len({version.number for version in versions if version}) == 1
        assert len(list_data_versions(workspace)) == 1


def test_a_data_version_stays_what_it_was(workspace: Workspace, tmp_path: Path) -> None:
    taxonomy = import_taxonomy(workspace, ADMIN, write_skills(tmp_path / "t.json", "Python")).release.taxonomy
    import_examples(workspace, ADMIN, write_examples(tmp_path / "a.jsonl", range(60)), taxonomy=taxonomy)
    version = snapshot_data(workspace)
    assert version is not None
    before = load_dataset(workspace, version.number)
    freeze(workspace, version.generation)
    later = write_examples(tmp_path / "b.jsonl", range(70), relevant="no")
    report = import_examples(workspace, ADMIN, later, taxonomy=taxonomy)
    assert (report.generation, report.added, report.replaced) == (2, 10, 60)
    assert load_dataset(workspace, version.number) == before
    assert snapshot_data(workspace) != version
