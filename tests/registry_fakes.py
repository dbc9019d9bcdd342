"""A manifest with everything in it, small bundles with real digests, and a process that dies when told to."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seamark.extraction.bundle import Bundle, dump_json, read_bundle
from seamark.registry.bundles import locate_candidate, upload_bundle
from seamark.registry.experiments import start_experiment
from seamark.registry.registration import register_version
from seamark.storage.objects import Store
from seamark.storage.runs import add_triggered_run
from seamark.storage.versions import VersionRecord
from seamark.storage.workspace import Workspace
from seamark.taxonomy import Skill, Taxonomy
from seamark.taxonomy.writing import make_document

MANIFEST: dict[str, Any] = {
    "format": 1,
    "version": "1.2.9",
    "created_at": "2026-11-21T09:00:00+00:00",
    "recipe": {
        "encoder": {
            "base_model": "all-MiniLM-L6-v2",
            "base_sha256": "53aa",
            "architecture": "bert-6-384",
            "dimensions": 384,
            "max_tokens": 64,
        },
        "loss": "multiple-negatives",
        "spans": {"name": "span-tagger-v1", "digest": "5a"},
        "training": {"epochs": 2},
        "ranker": {"features": 9},
        "threshold": 0.5,
        "seed": 13,
    },
    "weights": {"embedding_model": "e1", "span_extractor": "s1", "ranker": "r1"},
    "taxonomy": {"name": "esco", "number": "1.0.0", "digest": "t1", "skills": 13890},
    "data": {"data_version": "3", "data_checksum": "d3"},
    "lineage": {"parent": "1.2.8", "experiment": "experiment-1"},
    "metrics": {"jaccard": 0.4},
    "files": {
        "embeddings.npy": {"size": 8, "sha256": "f1"},
        "model_card.md": {"size": 8, "sha256": "c1"},
    },
}


def change_manifest(path: str, value: Any, manifest: dict[str, Any] = MANIFEST) -> dict[str, Any]:
    """A copy with another value at ``path``, whose parts stand between slashes."""
    changed = copy.deepcopy(manifest)
    *parents, last = path.split("/", maxsplit=path.count("/") if not path.startswith("files/") else 1)
    part: dict[str, Any] = changed
    for name in parents:
        part = part[name]
    part[last] = value
    return changed


def make_taxonomy(*titles: str, version: str = "1.0.0") -> Taxonomy:
    return Taxonomy("esco", tuple(Skill(skill_id=title.lower(), title=title) for title in titles), version)


def write_candidate(
    folder: Path,
    *,
    weights: str = "w1",
    taxonomy: Taxonomy | None = None,
    parent: str | None = None,
    **changes: Any,
) -> Bundle:
    """A bundle of four small files with a true manifest; ``changes`` are put into the recipe."""
    taxonomy = taxonomy or make_taxonomy("Python", "Nursing")
    contents = {
        "embedding_model/model.safetensors": weights.encode(),
        "embedding_model/embeddings.npy": f"{weights} {taxonomy.digest}".encode(),
        "taxonomy.json": dump_json(make_document(taxonomy) | {"digest": taxonomy.digest}),
        "model_card.md": b"# A card",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = MANIFEST | {
        "version": "",
        "recipe": MANIFEST["recipe"] | changes,
        "weights": {"embedding_model": hashlib.sha256(weights.encode()).hexdigest()},
        "taxonomy": {
            "name": taxonomy.name,
            "number": taxonomy.version,
            "digest": taxonomy.digest,
            "skills": len(taxonomy),
        },
        "lineage": {"parent": parent, "trigger": "manual", "code_commit": "abc123"},
        "files": {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        },
    }
    (folder / "manifest.json").write_bytes(dump_json(manifest))
    return read_bundle(folder)


class Contender:
    """A run with its experiment and its candidate in the store, ready to be registered."""

    def __init__(self, workspace: Workspace, key: str, **facts: Any) -> None:
        self.workspace = workspace
        with workspace.database.begin() as connection:
            run, _ = add_triggered_run(connection, kind="manual", key=key, payload={}, pipeline="build")
        self.run_id = run.id
        self.experiment_id = start_experiment(
            workspace, run_id=run.id, kind="build", trigger_kind="manual"
        ).id
        self.prefix = locate_candidate(self.experiment_id)
        self.bundle = self.write(**facts)

    def write(self, name: str = "bundle", **facts: Any) -> Bundle:
        """The candidate written, also again with other content, and brought to the store."""
        bundle = write_candidate(self.workspace.runs / self.run_id / name, **facts)
        for key in self.workspace.store.list(self.prefix):
            self.workspace.store.delete(key)
        upload_bundle(self.workspace.store, bundle.folder, self.prefix)
        self.bundle = bundle
        return bundle

    def register(self) -> VersionRecord:
        return register_version(
            self.workspace,
            run_id=self.run_id,
            experiment_id=self.experiment_id,
            bundle=self.bundle,
            candidate_prefix=self.prefix,
        )


def register(workspace: Workspace, key: str, **facts: Any) -> VersionRecord:
    """A new version, by a run of its own."""
    return Contender(workspace, key, **facts).register()


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


@contextmanager
def kill_at(moment: int) -> Iterator[Callable[[], bool]]:
    """Raise :class:`Killed` at one moment: before or after one of the calls that change the store.

    Yields a function that says whether the moment has come.
    """
    lock, state = threading.Lock(), {"passed": 0}

    def pass_by() -> None:
        with lock:
            state["passed"] += 1
            if state["passed"] > moment:
                raise Killed

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            pass_by()
            result = method(*args, **options)
            pass_by()
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put", "copy", "delete", "upload_file"):
            patch.setattr(Store, name, wrap(getattr(Store, name)))
        yield lambda: state["passed"] > moment
