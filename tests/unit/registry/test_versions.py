from __future__ import annotations

import pytest

from registry_fakes import Contender, Killed, kill_at, make_taxonomy, register
from seamark.errors import StorageError, UsageError, WeightsError
from seamark.registry.lineage import trace_lineage
from seamark.registry.versions import (
    diff_versions,
    get_champion,
    get_version,
    list_versions,
    read_manifest,
)
from seamark.storage.workspace import Workspace


def test_an_empty_workspace_has_no_version_and_no_champion(workspace: Workspace) -> None:
    assert list_versions(workspace) == []
    assert get_champion(workspace) is None
    with pytest.raises(UsageError, match="`seamark build` makes the first one"):
        get_version(workspace, "1.0.0")


def test_a_version_that_does_not_exist_is_refused_with_those_that_do(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="w2")
    with pytest.raises(UsageError, match=r"no version 9\.9\.9; expected one of 1\.0\.0, 1\.1\.0"):
        get_version(workspace, "9.9.9")


def test_a_version_that_is_being_registered_is_none_yet(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    with kill_at(2), pytest.raises(Killed):
        contender.register()
    with pytest.raises(UsageError, match=r"no version 1\.0\.0"):
        get_version(workspace, "1.0.0")


def test_the_champion_is_the_highest_number_not_the_last_as_text(workspace: Workspace) -> None:
    for i in range(11):
        register(workspace, f"run {i}", threshold=i / 100)
    champion = get_champion(workspace)
    assert champion is not None
    assert champion.number == "1.0.10"


def test_a_manifest_is_read_from_the_bundle(workspace: Workspace) -> None:
    record = register(workspace, "first")
    assert read_manifest(workspace, record)["version"] == "1.0.0"


def test_a_damaged_or_missing_manifest_is_an_error(workspace: Workspace) -> None:
    record = register(workspace, "first")
    workspace.store.put(f"{record.path}manifest.json", b"{")
    with pytest.raises(WeightsError, match=r"manifest\.json of version 1\.0\.0"):
        read_manifest(workspace, record)
    workspace.store.delete(f"{record.path}manifest.json")
    with pytest.raises(StorageError):
        read_manifest(workspace, record)


def test_a_diff_shows_recipe_weights_metrics_and_files(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="other", threshold=0.4)
    found = diff_versions(workspace, "1.0.0", "1.1.0")
    assert [(row.name, row.values) for row in found.recipe] == [("threshold", (0.5, 0.4))]
    assert [row.name for row in found.weights] == ["embedding_model"]
    assert found.skills == {}
    assert [(row.name, row.values, row.best) for row in found.metrics] == [("jaccard", (0.4, 0.4), None)]
    files = {change.path: (change.before, change.after) for change in found.files}
    assert files["embedding_model/model.safetensors"] == (2, 5)
    assert "taxonomy.json" not in files


def test_a_diff_counts_the_skills_that_changed(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "skills", taxonomy=make_taxonomy("Python", "Welding", version="2.0.0"))
    found = diff_versions(workspace, "1.0.0", "1.0.1")
    assert (found.skills["added"], found.skills["removed"]) == (1, 1)
    assert [(row.name, row.values) for row in found.recipe] == [("taxonomy", ("esco@1.0.0", "esco@2.0.0"))]


def test_a_version_does_not_differ_from_itself(workspace: Workspace) -> None:
    register(workspace, "first")
    found = diff_versions(workspace, "1.0.0", "1.0.0")
    assert (found.recipe, found.weights, found.files) == ((), (), ())


def test_a_damaged_taxonomy_in_a_bundle_is_an_error(workspace: Workspace) -> None:
    register(workspace, "first")
    record = register(workspace, "skills", taxonomy=make_taxonomy("Python", version="2.0.0"))
    workspace.store.put(f"{record.path}taxonomy.json", b"{}")
    with pytest.raises(WeightsError, match=r"`seamark versions verify 1\.0\.1`"):
        diff_versions(workspace, "1.0.0", "1.0.1")


def test_lineage_leads_back_to_the_first_version(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="w2", parent="1.0.0")
    record = register(workspace, "third", weights="w3", parent="1.1.0")
    found = trace_lineage(workspace, record)
    assert found.ancestors == ("1.1.0", "1.0.0")
    assert (found.experiment_id, found.run_id) == (record.experiment_id, record.run_id)
    assert (found.trigger, found.code_commit) == ("manual", "abc123")
    assert (found.data_version, found.data_checksum, found.data_paths) == ("3", "d3", {})
    assert found.taxonomy == "esco@1.0.0"
