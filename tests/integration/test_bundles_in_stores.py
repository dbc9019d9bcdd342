"""Bundles in a folder and in an S3 service: create-once, whole where their manifest is, verified to the last byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seamark.building.bundles import finish_bundle
from seamark.errors import StorageError, UsageError, WeightsError
from seamark.extraction.bundle import MANIFEST, Bundle, digest_manifest, read_bundle, verify_bundle
from seamark.registry import bundles
from seamark.registry.bundles import (
    delete_prefix,
    fetch_bundle,
    fetch_prefix,
    list_published,
    locate_candidate,
    locate_version,
    open_version,
    publish_bundle,
    upload_bundle,
    verify_stored,
)
from seamark.registry.experiments import start_experiment
from seamark.registry.health import verify_versions
from seamark.registry.registration import register_version
from seamark.storage.objects import Store, open_store
from seamark.storage.runs import add_triggered_run
from seamark.storage.workspace import Workspace, create_workspace
from tiny_models import TEXTS

CANDIDATE = locate_candidate("experiment-1")


@pytest.fixture
def workspace(store_url: str, tmp_path: Path, tiny_settings) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        yield replace(made, store=open_store(store_url, tmp_path), settings=tiny_settings)


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return workspace.store


@pytest.fixture
def published(store: Store, tiny_bundle: Bundle) -> str:
    """The digest of the manifest of version 1.0.0."""
    upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    return publish_bundle(store, CANDIDATE, "1.0.0", tiny_bundle.manifest)


def put_flipped(store: Store, key: str) -> None:
    content = bytearray(store.get(key))
    content[len(content) // 2] ^= 1
    store.delete(key)  # a folder's copies share their bytes
    store.put(key, bytes(content))


class Killed(BaseException):
    """The process ends here."""


class FailingStore:
    """A store whose writes end the process after some of them."""

    def __init__(self, store: Store, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed

    def put(self, *args, **options):
        self._count()
        return self._store.put(*args, **options)

    def copy(self, *args, **options):
        self._count()
        return self._store.copy(*args, **options)

    def upload_file(self, *args, **options):
        self._count()
        return self._store.upload_file(*args, **options)


# ---- to the store


def test_an_uploaded_bundle_is_whole(store, tiny_bundle):
    told = []
    digest = upload_bundle(
        store, tiny_bundle.folder, CANDIDATE, on_progress=lambda *progress: told.append(progress)
    )
    assert digest == digest_manifest(tiny_bundle.folder)
    assert verify_stored(store, CANDIDATE, digest) == []
    assert told[-1] == (tiny_bundle.size, tiny_bundle.size)


def test_uploading_again_changes_nothing(store, tiny_bundle):
    first = upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    assert upload_bundle(store, tiny_bundle.folder, CANDIDATE.rstrip("/")) == first


@pytest.mark.parametrize("writes", [0, 1, 7])
def test_an_upload_that_was_killed_goes_on(writes, store, tiny_bundle):
    with pytest.raises(Killed):
        upload_bundle(FailingStore(store, writes), tiny_bundle.folder, CANDIDATE)
    assert not store.exists(CANDIDATE + MANIFEST)
    digest = upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    assert verify_stored(store, CANDIDATE, digest) == []


def test_another_object_in_its_place_is_never_overwritten(store, tiny_bundle):
    store.put(CANDIDATE + "ranker/ranker.json", b"somebody else's")
    with pytest.raises(StorageError, match="another content"):
        upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    assert store.get(CANDIDATE + "ranker/ranker.json") == b"somebody else's"
    assert not store.exists(CANDIDATE + MANIFEST)


def test_a_damaged_bundle_is_not_uploaded(store, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle.folder, tmp_path / "copy")
    (tmp_path / "copy/taxonomy.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"taxonomy\.json"):
        upload_bundle(store, tmp_path / "copy", CANDIDATE)
    assert store.list(CANDIDATE) == []


# ---- published


def test_a_version_is_the_candidate_with_its_number(store, published, tiny_bundle):
    assert verify_stored(store, locate_version("1.0.0"), published) == []
    manifest = store.get_json(locate_version("1.0.0") + MANIFEST)
    assert manifest == {**tiny_bundle.manifest, "version": "1.0.0"}
    assert list_published(store) == ["1.0.0"]


def test_publishing_again_changes_nothing_also_without_the_candidate(store, published, tiny_bundle):
    assert publish_bundle(store, CANDIDATE, "1.0.0", tiny_bundle.manifest) == published
    delete_prefix(store, CANDIDATE)
    assert publish_bundle(store, CANDIDATE, "1.0.0", tiny_bundle.manifest) == published


@pytest.mark.parametrize("writes", [0, 1, 7])
def test_a_publication_that_was_killed_goes_on(writes, store, tiny_bundle):
    upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    with pytest.raises(Killed):
        publish_bundle(FailingStore(store, writes), CANDIDATE, "1.0.0", tiny_bundle.manifest)
    assert list_published(store) == []
    digest = publish_bundle(store, CANDIDATE, "1.0.0", tiny_bundle.manifest)
    assert verify_stored(store, locate_version("1.0.0"), digest) == []


def test_a_number_is_given_once(store, published, tiny_bundle):
    other = {**tiny_bundle.manifest, "metrics": {"jaccard": 1.0}}
    with pytest.raises(StorageError, match="another content"):
        publish_bundle(store, CANDIDATE, "1.0.0", other)
    assert verify_stored(store, locate_version("1.0.0"), published) == []


def test_a_candidate_that_is_gone_is_not_published(store, tiny_bundle):
    with pytest.raises(StorageError):
        publish_bundle(store, CANDIDATE, "1.0.0", tiny_bundle.manifest)
    assert list_published(store) == []


def test_a_deleted_bundle_leaves_nothing_and_its_neighbours_stay(store, published, tiny_bundle):
    publish_bundle(store, CANDIDATE, "1.0.1", tiny_bundle.manifest)
    delete_prefix(store, "finetuned_models/mlops/versions/1.0.0")
    assert store.list(locate_version("1.0.0")) == []
    assert list_published(store) == ["1.0.1"]
    delete_prefix(store, locate_version("1.0.0"))


# ---- verified


@pytest.mark.parametrize(
    "name", ["embedding_model/model.safetensors", "span_extractor/weights.bin", MANIFEST]
)
def test_one_flipped_bit_is_found(name, store, published):
    put_flipped(store, locate_version("1.0.0") + name)
    assert [found.path for found in verify_stored(store, locate_version("1.0.0"), published)] == [name]


def test_missing_and_additional_objects_are_found(store, published):
    prefix = locate_version("1.0.0")
    store.delete(prefix + "taxonomy.json")
    store.put(prefix + "more.txt", b"")
    damages = {damage.path: damage.found for damage in verify_stored(store, prefix, published)}
    assert damages == {"taxonomy.json": "no file", "more.txt": "a file"}
    store.delete(prefix + MANIFEST)
    assert [damage.path for damage in verify_stored(store, prefix, published)] == [MANIFEST]


def test_a_manifest_that_is_none_is_a_damage(store, published):
    store.put(locate_version("1.0.0") + MANIFEST, b'{"format": 1, "files": {"a": 1}}')
    store.put(locate_version("1.0.0") + "a", b"")
    assert [damage.path for damage in verify_stored(store, locate_version("1.0.0"))] == [MANIFEST]


# ---- fetched


def test_a_fetched_version_is_whole_and_predicts(workspace, published, tiny_bundle):
    folder = fetch_bundle(workspace, "1.0.0", manifest_digest=published)
    assert verify_bundle(folder, manifest_digest=published) == []
    assert read_bundle(folder).version == "1.0.0"
    assert open_version(workspace, "1.0.0").extract(TEXTS[0]).model_version == "1.0.0"


def test_a_candidate_is_fetched_too(workspace, store, tiny_bundle):
    upload_bundle(store, tiny_bundle.folder, CANDIDATE)
    assert read_bundle(fetch_prefix(workspace, CANDIDATE)).manifest == tiny_bundle.manifest
    with pytest.raises(UsageError, match="no model at"):
        fetch_prefix(workspace, locate_candidate("nowhere"))


def test_an_unknown_version_is_refused_with_the_numbers_of_the_known(workspace, published):
    with pytest.raises(UsageError, match=r"no version 9\.0\.0; expected one of 1\.0\.0"):
        fetch_bundle(workspace, "9.0.0")


def test_without_versions_the_first_build_is_named(workspace):
    with pytest.raises(UsageError, match="seamark build"):
        fetch_bundle(workspace, "1.0.0")


def test_several_fetch_at_once(workspace, published):
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: fetch_bundle(workspace, "1.0.0"), range(4)))
    assert len(folders) == 1
    assert verify_bundle(folders.pop(), manifest_digest=published) == []


@pytest.fixture
def remote(s3_url: str, tmp_path: Path, tiny_settings, tiny_bundle) -> Iterator[Workspace]:
    """A workspace on S3 with version 1.0.0."""
    with create_workspace(tmp_path / "remote", environ={}) as made:
        remote = replace(made, store=open_store(s3_url, tmp_path), settings=tiny_settings)
        upload_bundle(remote.store, tiny_bundle.folder, CANDIDATE)
        publish_bundle(remote.store, CANDIDATE, "1.0.0", tiny_bundle.manifest)
        yield remote


def test_a_version_is_downloaded_once(remote, monkeypatch):
    folder = fetch_bundle(remote, "1.0.0")
    assert folder.is_relative_to(remote.cache)
    monkeypatch.setattr(bundles, "_download", None)
    assert fetch_bundle(remote, "1.0.0") == folder


def test_a_damaged_copy_is_brought_anew(remote):
    folder = fetch_bundle(remote, "1.0.0")
    (folder / "taxonomy.json").write_text("{}")
    assert verify_bundle(fetch_bundle(remote, "1.0.0")) == []
    assert sorted(path.name for path in folder.parent.iterdir()) == ["1.0.0"]


@pytest.mark.parametrize("name", ["span_extractor/weights.bin", "taxonomy.json"])
def test_a_version_that_is_damaged_in_the_store_is_not_cached(name, remote):
    put_flipped(remote.store, locate_version("1.0.0") + name)
    with pytest.raises(WeightsError, match=name):
        fetch_bundle(remote, "1.0.0")
    assert list(remote.cache.rglob("*.json")) == []


def test_a_manifest_other_than_the_registered_one_is_refused(remote):
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        fetch_bundle(remote, "1.0.0", manifest_digest="0" * 64)


# ---- on the command line


def register_tiny(workspace: Workspace, bundle: Bundle) -> None:
    """Make a bundle version 1.0.0, as a run does."""
    with workspace.database.begin() as connection:
        run, _ = add_triggered_run(connection, kind="manual", key="first", payload={}, pipeline="build")
    experiment = start_experiment(workspace, run_id=run.id, kind="build")
    prefix = locate_candidate(experiment.id)
    upload_bundle(workspace.store, bundle.folder, prefix)
    register_version(
        workspace, run_id=run.id, experiment_id=experiment.id, bundle=bundle, candidate_prefix=prefix
    )


@pytest.mark.parametrize("model", [("--model", "1.0.0"), ()])
def test_extract_takes_a_version_of_the_workspace(tmp_path, tiny_settings, tiny_bundle, monkeypatch, model):
    from seamark.cli.main import app

    monkeypatch.setenv("SEAMARK_HOME", str(tiny_settings.home))
    with create_workspace(tmp_path / "w", environ={}) as made:
        register_tiny(made, tiny_bundle)
    options = [*model, "--workspace", str(tmp_path / "w"), "--json"]
    done = CliRunner().invoke(app, ["extract", TEXTS[0], *options])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["modelVersion"] == "1.0.0"
    assert {skill["skill_id"] for skill in found["skillExtractOutput"]} <= {"s1", "s2", "s3", "s4"}
    assert ("newest version 1.0.0" in done.stderr) is (not model)


def test_one_flipped_byte_in_any_file_of_a_real_bundle_is_found(tmp_path, tiny_settings, tiny_bundle):
    """Also in manifest.json and in model_card.md, which nothing predicts with."""
    finish_bundle(copy_bundle(tiny_bundle, tmp_path / "whole"), metrics={}, model_card="# A card")
    with create_workspace(tmp_path / "w", environ={}) as made:
        register_tiny(made, read_bundle(tmp_path / "whole"))
        keys = made.store.list(locate_version("1.0.0"))
        names = {key.removeprefix(locate_version("1.0.0")) for key in keys}
        assert {MANIFEST, "model_card.md", "embedding_model/model.safetensors"} <= names
        for key in keys:
            content = made.store.get(key)
            put_flipped(made.store, key)
            (health,) = verify_versions(made)
            assert [locate_version("1.0.0") + damage.path for damage in health.damages] == [key]
            made.store.put(key, content)
        assert all(health.ok for health in verify_versions(made))


def copy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    shutil.copytree(bundle.folder, folder)
    return read_bundle(folder)
