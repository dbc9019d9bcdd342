"""The real pipelines: whatever happens to their processes, each run has one result, and the numbers follow."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pipeline_driver import list_boundaries
from real_pipelines import Bench, get_ends

from seamark.pipelines.build import BUILD_STEPS
from seamark.pipelines.skills_update import UPDATE_STEPS

pytestmark = [pytest.mark.weights, pytest.mark.slow]

BOUNDARIES = list_boundaries(len(BUILD_STEPS))
TRAIN, COMPARE = ([step.name for step in BUILD_STEPS].index(name) + 1 for name in ("train", "compare"))
BEFORE = BOUNDARIES[: BOUNDARIES.index((COMPARE, "before")) + 1]
"""Those up to the comparison, which decides between two ends, and after it the others."""
SINCE = BOUNDARIES[len(BEFORE) :]
KILLED_STEP = 13
CHANGES = {"renamed": {"Welding": "Underwater welding"}, "added": ("Beekeeping",)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real-pipelines")


@pytest.fixture(scope="module")
def contender(first_built: Bench, folder: Path) -> tuple[Bench, dict[str, Any]]:
    """A retraining whose process was killed at every boundary before the comparison, and within its training."""
    bench = first_built.copy(folder / "contender")
    bench.import_documents()
    notes = folder / "steps.txt"
    seen: dict[str, Any] = {}
    for boundary in BEFORE:
        if boundary == (TRAIN, "after"):
            code, _, err = bench.start(arrange=partial(watch_training, notes, KILLED_STEP)).finish()
            assert code == -9, err
            seen["before"] = read_steps(notes)
            seen["checkpoints"] = sorted(
                path.name for path in bench.folder.glob("runs/*/training/*/checkpoint-*")
            )
            notes.unlink()
            bench.kill(boundary, arrange=partial(watch_training, notes, 0))
            seen["after"] = read_steps(notes)
        else:
            bench.kill(boundary)
    return bench, seen


@pytest.fixture(scope="module")
def won(contender: tuple[Bench, dict[str, Any]], folder: Path) -> tuple[Bench, dict[str, Any]]:
    """The retraining killed at every further boundary as well; it wins."""
    bench = contender[0].copy(folder / "won")
    for boundary in SINCE:
        bench.kill(boundary)
    return bench, bench.drive()


@pytest.fixture(scope="module")
def lost(contender: tuple[Bench, dict[str, Any]], folder: Path) -> tuple[Bench, dict[str, Any]]:
    """The same one, where nothing less than a perfect gain wins."""
    bench = contender[0].copy(folder / "lost")
    asked = {"SEAMARK_CHAMPION_MIN_GAIN": "1.0"}
    for boundary in SINCE:
        bench.kill(boundary, env=asked)
    return bench, bench.drive(env=asked)


@pytest.fixture(scope="module")
def updated(won: tuple[Bench, dict[str, Any]], folder: Path) -> tuple[Bench, dict[str, Any]]:
    """A skills update with one renamed and one new skill, killed at every boundary."""
    bench = won[0].copy(folder / "updated")
    assert bench.import_taxonomy(**CHANGES) == "1.1.0"
    for boundary in list_boundaries(len(UPDATE_STEPS)):
        bench.kill(boundary, kind="skills-update")
    return bench, bench.drive(kind="skills-update")


def watch_training(notes: Path, die_at: int) -> None:
    """Write down the steps that the training of this process does, and die after one of them."""
    from seamark.pipelines.steps import StepContext

    progress = StepContext.progress

    def note(self: StepContext, message: str, done: int = 0, total: int = 0) -> None:
        progress(self, message, done, total)
        if message.startswith("documents: loss"):
            with notes.open("a") as stream:
                stream.write(f"{done}\n")
            if done == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    StepContext.progress = note  # type: ignore[method-assign]


def read_steps(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().splitlines()]


def test_a_first_build_without_examples_is_1_0_0_on_dev(first_built):
    state = first_built.read_state()
    assert get_ends(state) == [("succeeded", "registered")]
    assert state.numbers == ["1.0.0"]
    assert (state.versions[0].change, state.versions[0].parent) == ("first", None)
    assert state.log["dev_version"] == "1.0.0"
    assert state.log["versions"]["1.0.0"]["data_version"] is None


def test_a_retraining_killed_at_every_boundary_registers_one_version(won):
    bench, run = won
    assert (run["status"], run["outcome"], run["version"]) == ("succeeded", "registered", "1.1.0")
    state = bench.read_state()
    assert state.numbers == ["1.0.0", "1.1.0"]
    assert get_ends(state) == [("succeeded", "registered")] * 2
    assert [one.status for one in state.experiments] == ["registered"] * 2
    version, experiment = state.versions[1], state.experiments[1]
    assert (version.change, version.parent, version.run_id) == ("weights", "1.0.0", run["run"])
    assert (experiment.champion, experiment.version, experiment.data_version) == ("1.0.0", "1.1.0", 1)
    assert experiment.decision["won"] is True
    assert experiment.metrics["jaccard"] > 0.1
    assert {"cosine_accuracy", "cosine_accuracy_threshold", "cosine_f1", "ece", "latency_p95_ms"} <= set(
        experiment.metrics
    )


def test_training_killed_between_two_checkpoints_goes_on_from_the_last_one(contender):
    _, seen = contender
    assert seen["before"] == list(range(1, KILLED_STEP + 1))
    assert seen["checkpoints"] == ["checkpoint-10"]
    assert seen["after"] == list(range(11, 41))


def test_a_contender_that_loses_leaves_its_experiment_and_nothing_else(lost):
    bench, run = lost
    assert (run["status"], run["outcome"], run["version"]) == ("succeeded", "lost", None)
    assert run["message"].startswith("lost to 1.0.0: ")
    state = bench.read_state()
    assert state.numbers == ["1.0.0"]
    assert [one.status for one in state.experiments] == ["registered", "lost"]
    experiment = state.experiments[1]
    assert experiment.decision["won"] is False
    with bench.open() as workspace:
        files = {name: workspace.store.get(key) for name, key in experiment.object_keys.items()}
    assert set(files) == {"checks_json", "checks_html", "report_json", "report_html", "log"}
    assert all(files.values())
    assert state.log["experiments"][1]["reason"]


def test_the_run_s_folder_keeps_its_log_alone(won, lost):
    for bench, run in (won, lost):
        left = {path.name for path in (bench.folder / "runs" / run["run"]).iterdir()}
        assert "log.jsonl" in left
        assert not {"bundle", "draft", "training", "start", "embedding_model"} & left


def test_a_skills_update_killed_at_every_boundary_embeds_what_changed_and_registers_one_version(updated):
    bench, run = updated
    assert (run["status"], run["outcome"], run["version"]) == ("succeeded", "registered", "1.1.1")
    state = bench.read_state()
    assert state.numbers == ["1.0.0", "1.1.0", "1.1.1"]
    version, experiment = state.versions[2], state.experiments[2]
    assert (version.change, version.parent, version.taxonomy_number) == ("taxonomy", "1.1.0", "1.1.0")
    assert len(state.experiments) == 3
    update = experiment.metrics["update"]
    assert (update["embedded"], update["kept"], update["removed"]) == (2, 23, 0)
    assert (
        version.lineage["weights"]["embedding_model"]
        == state.versions[1].lineage["weights"]["embedding_model"]
    )


def test_the_same_skills_update_again_changes_nothing(updated, tmp_path):
    bench, before = updated
    again = bench.copy(tmp_path / "again")
    assert again.drive(kind="skills-update")["run"] == before["run"]  # the same event: the same run
    run = again.drive(kind="skills-update", key="once more")
    assert (run["status"], run["outcome"], run["version"]) == ("succeeded", "unchanged", None)
    assert again.read_state().numbers == ["1.0.0", "1.1.0", "1.1.1"]
