from __future__ import annotations

import pytest

from registry_fakes import Contender, Killed, kill_at, register
from seamark.errors import UsageError
from seamark.registry.bundles import delete_prefix
from seamark.registry.health import verify_versions
from seamark.storage.workspace import Workspace

FILES = (
    "manifest.json",
    "taxonomy.json",
    "model_card.md",
    "embedding_model/model.safetensors",
    "embedding_model/embeddings.npy",
)


def test_whole_versions_are_well(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="w2")
    found = verify_versions(workspace)
    assert [(health.number, health.ok, health.damages) for health in found] == [
        ("1.0.0", True, ()),
        ("1.1.0", True, ()),
    ]


def test_an_empty_workspace_has_nothing_to_verify(workspace: Workspace) -> None:
    assert verify_versions(workspace) == []


@pytest.mark.parametrize("path", FILES)
def test_one_flipped_bit_in_any_file_is_found(workspace: Workspace, path: str) -> None:
    register(workspace, "first")
    record = register(workspace, "second", weights="w2")
    content = workspace.store.get(record.path + path)
    for place in {0, len(content) // 2, len(content) - 1}:
        flipped = bytearray(content)
        flipped[place] ^= 1
        workspace.store.put(record.path + path, bytes(flipped))
        found = {health.number: health for health in verify_versions(workspace)}
        assert found["1.0.0"].ok
        assert [damage.path for damage in found["1.1.0"].damages] == [path]


@pytest.mark.parametrize("path", FILES)
def test_a_missing_file_is_found(workspace: Workspace, path: str) -> None:
    record = register(workspace, "first")
    workspace.store.delete(record.path + path)
    (health,) = verify_versions(workspace)
    assert [(damage.path, damage.found) for damage in health.damages] == [(path, "no file")]


def test_a_file_that_does_not_belong_there_is_found(workspace: Workspace) -> None:
    record = register(workspace, "first")
    workspace.store.put(f"{record.path}notes.txt", b"mine")
    (health,) = verify_versions(workspace)
    assert [damage.path for damage in health.damages] == ["notes.txt"]


def test_a_manifest_that_was_replaced_together_with_its_files_is_found(workspace: Workspace) -> None:
    first = register(workspace, "first")
    second = register(workspace, "second", weights="w2")
    delete_prefix(workspace.store, first.path)
    for key in workspace.store.list(second.path):
        workspace.store.copy(key, first.path + key.removeprefix(second.path))
    found = verify_versions(workspace)
    assert [(health.number, health.ok) for health in found] == [("1.0.0", False), ("1.1.0", True)]


def test_a_version_without_a_bundle_is_damaged(workspace: Workspace) -> None:
    record = register(workspace, "first")
    delete_prefix(workspace.store, record.path)
    (health,) = verify_versions(workspace)
    assert health.damages[0].found == "no file"


@pytest.mark.parametrize("name", ["9.9.9", "my-own-model"])
def test_a_bundle_without_a_row_is_named(workspace: Workspace, name: str) -> None:
    register(workspace, "first")
    workspace.store.put(f"finetuned_models/mlops/versions/{name}/manifest.json", b"{}")
    found = verify_versions(workspace)
    assert [(health.number, health.ok) for health in found] == [("1.0.0", True), (name, False)]
    assert "no such version" in found[1].damages[0].expected


def test_a_version_that_is_being_registered_is_left_alone(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    with kill_at(5), pytest.raises(Killed):
        contender.register()
    assert verify_versions(workspace) == []


def test_one_version_can_be_verified_alone(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="w2")
    told: list[tuple[int, int]] = []
    found = verify_versions(workspace, "1.1.0", on_version=lambda done, total: told.append((done, total)))
    assert [health.number for health in found] == ["1.1.0"]
    assert told == [(1, 1)]
    with pytest.raises(UsageError, match=r"no version 2\.0\.0; expected one of 1\.0\.0, 1\.1\.0"):
        verify_versions(workspace, "2.0.0")
