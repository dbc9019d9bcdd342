from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_fakes import TAXONOMY

from people import ADMIN
from seamark.building.data.assembling import assemble_documents, hash_documents
from seamark.building.data.documents import LabelledPhrase
from seamark.building.data.importing import ExampleReport, import_examples
from seamark.building.data.snapshots import (
    freeze,
    list_data_versions,
    load_dataset,
    snapshot_data,
)
from seamark.building.data.splitting import SPLITS, choose_split
from seamark.building.data.summary import summarise_examples
from seamark.errors import InputError, StorageError, UsageError
from seamark.storage import examples as rows
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from seamark.taxonomy import Taxonomy

Import = Callable[..., ExampleReport]


def make_rows(numbers: Sequence[int], *, skill: str = "Python", relevant: str = "") -> list[tuple[str, ...]]:
    return [(f"d{number}", f"text {number}", skill, relevant) for number in numbers]


def hash_generation(workspace: Workspace, generation: int) -> str:
    with workspace.database.read() as connection:
        assembled = assemble_documents(rows.list_examples(connection, generation))
    return hash_documents(
        {split: [item.doc for item in assembled if item.split == split] for split in SPLITS}
    )


def test_without_examples_there_is_no_data_version(workspace: Workspace) -> None:
    assert snapshot_data(workspace) is None
    assert list_data_versions(workspace) == []


def test_what_is_loaded_is_what_was_imported(workspace: Workspace, load: Import) -> None:
    load(*make_rows(range(60)), ("d0", "text 0", "Nursing", "no"), ("d60", "text 60", "UNK", ""))
    version = snapshot_data(workspace)
    assert version is not None
    data = load_dataset(workspace, version.number)
    docs = {doc.document_id: doc for doc in (*data.train, *data.validation, *data.test)}
    assert len(docs) == 61
    assert (docs["d0"].text, docs["d0"].relevant, docs["d0"].rejected) == ("text 0", {"s1"}, {"s2"})
    assert (docs["d60"].relevant, docs["d60"].rejected) == (frozenset(), frozenset())
    assert (data.data_version, data.data_checksum, data.generation) == ("1", version.checksum, 1)
    assert version.counts["examples"] == 62
    assert sum(version.counts[split] for split in SPLITS) == 61


def test_phrases_come_with_their_document(
    workspace: Workspace, load: Import, write: Callable[..., Path], taxonomy: Taxonomy
) -> None:
    load(*make_rows(range(60)))
    headings = ("document_id", "phrase", "skill", "relevant")
    path = write(headings, ("d1", "coding", "Python", ""), ("d1", "care", "Nursing", "no"))
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
    assert snapshot_data(workspace) is not None
    data = load_dataset(workspace, 1)
    docs = {doc.document_id: doc for doc in (*data.train, *data.validation, *data.test)}
    assert docs["d1"].phrases == (LabelledPhrase("care", "s2", False), LabelledPhrase("coding", "s1", True))
    assert docs["d1"].rejected == {"s2"}


def test_a_data_version_names_the_rows_it_was_made_of(workspace: Workspace, load: Import) -> None:
    load(*make_rows(range(60)))
    version = snapshot_data(workspace)
    assert version is not None
    frames = [pl.read_parquet(io.BytesIO(workspace.store.get(key))) for key in version.object_keys.values()]
    ids = [one for frame in frames for cell in frame["example_ids"].to_list() for one in cell]
    with workspace.database.read() as connection:
        assert sorted(ids) == sorted(row.id for row in rows.list_examples(connection, 1))


def test_the_same_content_is_the_same_data_version(workspace: Workspace, load: Import) -> None:
    load(*make_rows(range(60)))
    first = snapshot_data(workspace)
    load(*make_rows(range(60)))
    assert snapshot_data(workspace) == first
    load(*make_rows([1], relevant="no"))
    load(*make_rows([1]))
    assert snapshot_data(workspace) == first
    assert list_data_versions(workspace) == [first]


def test_the_order_of_imports_does_not_matter(tmp_path: Path, write: Any, taxonomy: Taxonomy) -> None:
    checksums = set()
    for order in (range(60), range(59, -1, -1)):
        with create_workspace(tmp_path / str(order[0]), environ={"SEAMARK_HOME": str(tmp_path)}) as workspace:
            for start in (0, 30):
                path = write(
                    ("document_id", "text", "skill", "relevant"), *make_rows(order[start : start + 30])
                )
                import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
            version = snapshot_data(workspace)
            assert version is not None
            checksums.add(version.checksum)
    assert len(checksums) == 1


@pytest.mark.parametrize(
    ("numbers", "found"), [(range(5), "5 labelled documents"), (range(1), "1 labelled document ")]
)
def test_too_few_documents_are_refused_with_both_counts(
    workspace: Workspace, load: Import, numbers: range, found: str
) -> None:
    load(*make_rows(numbers))
    with pytest.raises(InputError, match=found) as caught:
        snapshot_data(workspace)
    assert "at least 20" in caught.value.expected
    assert list_data_versions(workspace) == []
    assert workspace.store.list("data") == []


def test_enough_documents_on_the_wrong_side_are_refused(workspace: Workspace, load: Import) -> None:
    shares = {"test_share": 0.2, "validation_share": 0.1}
    train = [n for n in range(60) if choose_split(f"text:text {n}", **shares) == "train"]
    assert len(train) > 20
    load(*make_rows(train))
    with pytest.raises(InputError, match="0 test"):
        snapshot_data(workspace)


def test_what_comes_after_a_data_version_is_of_the_next_generation(
    workspace: Workspace, load: Import
) -> None:
    assert load(*make_rows(range(60))).generation == 1
    first = snapshot_data(workspace)
    assert load(*make_rows([60])).generation == 2
    second = snapshot_data(workspace)
    assert first is not None
    assert second is not None
    assert (first.generation, second.generation, second.number) == (1, 2, 2)
    assert len(load_dataset(workspace, 1).train) < len(load_dataset(workspace, 2).train) + 1


def test_a_contradiction_leaves_a_frozen_test_split_as_it_is(workspace: Workspace, load: Import) -> None:
    load(*make_rows(range(60)))
    version = snapshot_data(workspace)
    assert version is not None
    before = load_dataset(workspace, 1)
    freeze(workspace, version.generation)
    assert load(*make_rows(range(60), relevant="no")).replaced == 60
    assert hash_generation(workspace, 1) == version.checksum
    assert load_dataset(workspace, 1) == before
    newer = snapshot_data(workspace)
    assert newer is not None
    assert [doc.rejected for doc in load_dataset(workspace, newer.number).test] == [{"s1"}] * len(before.test)


def test_freezing_closes_a_generation_once(workspace: Workspace, load: Import) -> None:
    load(*make_rows(range(60)))
    freeze(workspace, 1)
    with workspace.database.read() as connection:
        before = rows.list_generations(connection)
    assert [(one.number, one.frozen_at is None) for one in before] == [(1, False), (2, True)]
    assert before[0].checksum == hash_generation(workspace, 1)
    freeze(workspace, 1)
    with workspace.database.read() as connection:
        assert rows.list_generations(connection) == before
    assert load(*make_rows([60])).generation == 2


def test_a_generation_that_is_not_there_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no split generation 3"):
        freeze(workspace, 3)


def test_files_that_a_crash_left_are_written_anew(
    workspace: Workspace, load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    load(*make_rows(range(60)))
    with monkeypatch.context() as patch:
        patch.setattr(rows, "add_data_version", die)
        with pytest.raises(KeyboardInterrupt):
            snapshot_data(workspace)
    assert len(workspace.store.list("data")) == 3
    load(*make_rows(range(60, 90)))
    version = snapshot_data(workspace)
    assert version is not None
    assert (version.number, version.counts["examples"]) == (1, 90)
    assert len(load_dataset(workspace, 1).train) == version.counts["train"]


@pytest.mark.parametrize("damage", ["cut", "swapped", "gone"])
def test_a_damaged_data_version_is_noticed(workspace: Workspace, load: Import, damage: str) -> None:
    load(*make_rows(range(60)))
    version = snapshot_data(workspace)
    assert version is not None
    key = version.object_keys["train"]
    if damage == "gone":
        workspace.store.delete(key)
    else:
        other = workspace.store.get(version.object_keys["test"])
        workspace.store.put(key, other if damage == "swapped" else other[:100])
    with pytest.raises(StorageError):
        load_dataset(workspace, version.number)


def test_an_unknown_data_version_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="none was made yet"):
        load_dataset(workspace, 1)


def test_the_summary_counts_what_counts_now(workspace: Workspace, load: Import) -> None:
    assert summarise_examples(workspace)["documents"] == 0
    load(*make_rows(range(60)), kind="course")
    snapshot_data(workspace)
    load(*make_rows(range(10), relevant="no"))
    summary = summarise_examples(workspace)
    assert (summary["documents"], summary["verdicts"], summary["by_kind"]) == (60, 60, {"course": 60})
    assert [(one["number"], one["verdicts"]) for one in summary["generations"]] == [(1, 50), (2, 10)]
    assert [one["data_version"] for one in summary["data_versions"]] == ["1"]
    assert summary["shares"] == {"test": 0.2, "validation": 0.1}


verdicts = st.tuples(
    st.integers(0, 11), st.sampled_from(["Python", "Nursing"]), st.sampled_from(["yes", "no"])
)
steps = st.lists(
    st.one_of(st.just("freeze"), st.just("snapshot"), st.lists(verdicts, min_size=1)), max_size=6
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_nothing_that_comes_later_changes_a_data_version_or_moves_a_document(steps: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        environ = {"SEAMARK_HOME": folder, "SEAMARK_DATA_MIN_DOCUMENTS": "1"}
        create_workspace(Path(folder) / "ws", environ=environ).close()
        _walk(Path(folder), environ, steps)


def _walk(folder: Path, environ: dict[str, str], steps: list[Any]) -> None:
    sides: dict[str, str] = {}
    with open_workspace(folder / "ws", environ=environ) as workspace:
        path = folder / "rows.csv"
        base = [(f"b{n}", f"base {n}", "Python", "yes") for n in range(40)]
        _import(workspace, path, base, TAXONOMY)
        for step in steps:
            if step == "freeze":
                with workspace.database.read() as connection:
                    newest = rows.list_generations(connection)[-1].number
                freeze(workspace, newest)
            elif step == "snapshot":
                snapshot_data(workspace)
            else:
                made = [(f"d{n}", f"text {n}", skill, relevant) for n, skill, relevant in step]
                _import(workspace, path, made, TAXONOMY)
            with workspace.database.read() as connection:
                generations = rows.list_generations(connection)
                now = rows.list_examples(connection, generations[-1].number)
            assert all(sides.setdefault(row.document_id, row.split) == row.split for row in now)
            for version in list_data_versions(workspace):
                assert hash_generation(workspace, version.generation) == version.checksum
                load_dataset(workspace, version.number)
            for generation in generations:
                if generation.frozen_at:
                    assert hash_generation(workspace, generation.number) == generation.checksum


def _import(workspace: Workspace, path: Path, made: list[tuple[str, ...]], taxonomy: Taxonomy) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("document_id", "text", "skill", "relevant"), *made])
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
