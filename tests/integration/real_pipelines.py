"""What tests of the real pipelines share: small workspaces, their settings, and what must hold of any of them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import warm_driver

from labelled_material import write_documents, write_taxonomy
from people import ADMIN
from seamark.building.data.importing import import_examples
from seamark.pipelines.runs import list_runs
from seamark.registry.experiments import list_experiments
from seamark.registry.health import verify_versions
from seamark.registry.log import LOG, publish_log, render_log
from seamark.registry.releases import get_live_release, import_taxonomy, load_taxonomy
from seamark.storage import versions as rows
from seamark.storage.experiments import ExperimentRecord
from seamark.storage.runs import RunRecord
from seamark.storage.versions import VersionRecord
from seamark.storage.workspace import Workspace, create_workspace, open_workspace

CANDIDATES = "finetuned_models/mlops/candidates/"

QUICK = {
    "SEAMARK_OFFLINE": "1",
    "SEAMARK_PIPELINES_POLL_SECONDS": "0.05",
    "SEAMARK_TRAINING_EPOCHS": "8",
    "SEAMARK_TRAINING_BATCH_SIZE": "8",
    "SEAMARK_TRAINING_LEARNING_RATE": "1e-3",
    "SEAMARK_TRAINING_CHECKPOINT_STEPS": "10",
    "SEAMARK_CHAMPION_RESAMPLES": "100",
    "SEAMARK_CHECKS_SAMPLE_TEXTS": "2",
    "SEAMARK_CHECKS_LATENCY_P95_MS": "60000",  # a busy machine is no failure
    "SEAMARK_CHECKS_MEMORY_MB": "16000",
}
"""Settings with which a retraining takes seconds and still learns the postings' words."""

_SHARED = (".safetensors", ".onnx", ".bin", ".npy")  # written once, never in place


@dataclass(frozen=True)
class State:
    """Everything that a workspace has to show."""

    runs: list[RunRecord]
    versions: list[VersionRecord]
    experiments: list[ExperimentRecord]
    log: dict[str, Any]

    @property
    def numbers(self) -> list[str]:
        return [version.number for version in self.versions]


class Bench:
    """A workspace that processes of their own work on."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env

    def open(self) -> Workspace:
        return open_workspace(self.folder, environ=os.environ | self.env)

    def copy(self, folder: Path) -> Bench:
        """The same workspace elsewhere; large files that nothing changes are shared."""
        shutil.copytree(self.folder, folder, copy_function=_copy)
        copied = Bench(folder, self.env)
        with copied.open() as workspace:
            publish_log(workspace)  # it names the store's address
        return copied

    def start(self, *, env: dict[str, str] | None = None, **options: Any) -> warm_driver.Driven:
        return warm_driver.start(self.folder, env=self.env | (env or {}), **options)

    def drive(self, **options: Any) -> dict[str, Any]:
        """The run when it has ended."""
        code, run, err = self.start(**options).finish()
        assert code == 0, err
        return run

    def kill(self, die: tuple[int, str], **options: Any) -> None:
        """Let a process die at a boundary."""
        code, _, err = self.start(die=die, **options).finish()
        assert code == -9, f"the process did not die {die}: {err}"

    def import_documents(self, **options: Any) -> None:
        path = write_documents(self.folder.parent / f"{self.folder.name}-documents.jsonl", **options)
        with self.open() as workspace:
            live = get_live_release(workspace)
            taxonomy = load_taxonomy(workspace, live.name, live.number)
            import_examples(workspace, ADMIN, path, taxonomy=taxonomy)

    def import_taxonomy(self, *, force: bool = False, **changes: Any) -> str:
        path = write_taxonomy(self.folder.parent / f"{self.folder.name}-skills.csv", **changes)
        with self.open() as workspace:
            return import_taxonomy(workspace, ADMIN, path, name="small", force=force).release.number

    def read_state(self) -> State:
        """What there is, after seeing that every part of it tells the same."""
        with self.open() as workspace:
            log = workspace.store.get_text(LOG)
            assert log == render_log(workspace)[LOG]
            assert workspace.store.list(CANDIDATES) == []
            assert all(health.ok for health in verify_versions(workspace))
            with workspace.database.read() as connection:
                versions = rows.list_versions(connection)
            state = State(list_runs(workspace), versions, list_experiments(workspace), json.loads(log))
        assert {version.status for version in state.versions} <= {"registered"}
        assert list(state.log["versions"]) == state.numbers
        assert state.log["dev_version"] == (state.numbers[-1] if state.numbers else None)
        ids = [(one["id"], one["status"], one["version"]) for one in state.log["experiments"]]
        assert ids == [(one.id, one.status, one.version) for one in state.experiments]
        assert len({one.run_id for one in state.experiments}) == len(state.experiments)
        return state


def get_ends(state: State) -> list[tuple[str, str]]:
    """Status and outcome of each run, the oldest first."""
    return [(run.status, run.outcome) for run in reversed(state.runs)]


def make_bench(folder: Path, home: Path, *, env: dict[str, str] | None = None) -> Bench:
    """A new workspace with the small taxonomy; nothing was built in it."""
    bench = Bench(folder, {**QUICK, "SEAMARK_HOME": str(home), **(env or {})})
    create_workspace(folder, environ=os.environ | bench.env).close()
    bench.import_taxonomy()
    return bench


def _copy(source: str, target: str) -> None:
    if source.endswith(_SHARED):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
