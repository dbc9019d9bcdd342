"""Labelled examples and releases made of the real material."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from people import ADMIN
from seamark.building.data.importing import import_examples
from seamark.building.data.snapshots import load_dataset, snapshot_data
from seamark.errors import TaxonomyError
from seamark.registry.releases import import_taxonomy, list_releases, load_taxonomy
from seamark.storage.workspace import Workspace, create_workspace

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Workspace]:
    """A workspace with ESCO 1.1.0."""
    folder = tmp_path_factory.mktemp("real")
    with create_workspace(folder / "ws", environ={"SEAMARK_HOME": str(folder)}) as made:
        import_taxonomy(made, ADMIN, data_dir / "esco" / "v1.1.0" / "skills_en.csv", name="esco")
        yield made


def test_the_skillskape_sentences_are_imported_in_seconds(workspace: Workspace, data_dir: Path) -> None:
    path, taxonomy = data_dir / "skillskape" / "train.csv", load_taxonomy(workspace, "esco", "1.0.0")
    started = time.perf_counter()
    report = import_examples(workspace, ADMIN, path, taxonomy=taxonomy, columns={"text": "sentence"})
    assert time.perf_counter() - started < 30  # about two on an idle machine
    assert (report.documents, report.rows.rows_read, len(report.rows.rejected)) == (6353, 6353, 0)
    assert import_examples(workspace, ADMIN, path, taxonomy=taxonomy, columns={"text": "sentence"}).added == 0
    version = snapshot_data(workspace)
    assert version is not None
    data = load_dataset(workspace, version.number)
    texts = [{" ".join(doc.text.split()).casefold() for doc in side} for side in (data.train, data.test)]
    assert not texts[0] & texts[1]
    assert any(not doc.relevant for doc in data.train)  # UNK: nothing in it is a skill


def test_the_next_esco_release_is_a_small_change(workspace: Workspace, data_dir: Path) -> None:
    outcome = import_taxonomy(workspace, ADMIN, data_dir / "esco" / "v1.1.1" / "skills_en.csv", name="esco")
    assert outcome.diff is not None
    assert (outcome.release.number, outcome.diff.counts["added"], outcome.diff.counts["removed"]) == (
        "1.1.0",
        5,
        0,
    )


def test_another_source_under_the_same_name_is_refused(workspace: Workspace, data_dir: Path) -> None:
    other = data_dir / "sfw" / "jobsandskills-skillsfuture-unique-skills-list.xlsx"
    before = list_releases(workspace)
    with pytest.raises(TaxonomyError, match=r"of the 13,89\d active skills of esco@"):
        import_taxonomy(workspace, ADMIN, other, name="esco")
    assert list_releases(workspace) == before
    assert import_taxonomy(workspace, ADMIN, other).release.name == "skillsfuture"
