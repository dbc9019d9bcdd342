"""Fine-tuning on a tiny model: what it learns, stopping, and going on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning import training
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.building.finetuning.starts import write_encoder_folder
from seamark.building.finetuning.training import fine_tune
from seamark.building.finetuning.vectors import open_embedder
from seamark.errors import InputError, StorageError, TrainingStoppedError, WeightsError

NAMES = {
    "python": "data python",
    "teach": "teach with care",
    "design": "sql design",
    "care": "patients and care",
}
PAIRS = [Pair(text, title, frozenset((title,)), "alternative") for title, text in NAMES.items()]
PAIRS += [Pair(f"you will {title} with {title}", title, frozenset((title,)), "sentence") for title in NAMES]
RECIPE = FineTuneRecipe(epochs=6, batch_size=4, learning_rate=0.01, rank=4, max_tokens=16)


@pytest.fixture(scope="module")
def start(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder_folder(tmp_path_factory.mktemp("starts") / "start", tiny_base, max_tokens=16)


def train(folder: Path, start: Path, **options):
    wanted = {"start": start, "pairs": PAIRS, "recipe": RECIPE, "checkpoints": folder / "checkpoints"}
    return fine_tune(folder / "model", **(wanted | {"checkpoint_steps": 3} | options))


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model" / "model.safetensors")


def stop_after(steps: int):
    """What stops a run after so many steps, as a callback and an answer."""
    seen: list[int] = []
    return {"on_step": lambda step, *_: seen.append(step), "should_stop": lambda: len(seen) == steps}


@pytest.fixture(scope="module")
def whole(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train(folder, start)
    return folder


def test_training_brings_names_to_their_titles(start, tmp_path):
    steps: list[tuple[int, int, float]] = []
    outcome = train(
        tmp_path,
        start,
        recipe=replace(RECIPE, epochs=12, rank=8, learning_rate=0.02),
        checkpoint_steps=1000,
        on_step=lambda *told: steps.append(told),
    )
    assert outcome.steps == len(outcome.losses) == len(steps) == 24
    assert steps[-1] == (24, 24, outcome.losses[-1])
    assert np.mean(outcome.losses[-8:]) < 0.5 * np.mean(outcome.losses[:8])
    embed = open_embedder(tmp_path / "model")
    nearest = (embed(list(NAMES.values())) @ embed(list(NAMES)).T).argmax(1)
    assert nearest.tolist() == [0, 1, 2, 3]


def test_the_result_is_a_folder_like_the_start(start, whole):
    files = sorted(path.relative_to(start) for path in start.rglob("*"))
    assert sorted(path.relative_to(whole / "model") for path in (whole / "model").rglob("*")) == files
    before, after = load_file(start / "model.safetensors"), read_weights(whole)
    assert {name: tensor.shape for name, tensor in before.items()} == {n: t.shape for n, t in after.items()}
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert "encoder.layer.1.output.dense.weight" in changed
    assert "embeddings.word_embeddings.weight" not in changed


def test_an_mpnet_is_trained_in_all_its_linear_layers(tiny_mpnet, tmp_path):
    start = write_encoder_folder(tmp_path / "start", tiny_mpnet, max_tokens=16)
    train(tmp_path, start, recipe=replace(RECIPE, epochs=1))
    before, after = load_file(start / "model.safetensors"), read_weights(tmp_path)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    for name in ("attention.attn.q", "attention.attn.o", "intermediate.dense", "attention.LayerNorm"):
        assert f"encoder.layer.0.{name}.weight" in changed
    assert "encoder.relative_attention_bias.weight" not in changed


@pytest.mark.parametrize("steps", [4, 11])
def test_a_stopped_run_goes_on_to_the_same_weights(start, whole, tmp_path, steps):
    with pytest.raises(TrainingStoppedError, match=f"step {steps} of 12"):
        train(tmp_path, start, **stop_after(steps))
    assert not (tmp_path / "model").exists()
    told: list[int] = []
    outcome = train(tmp_path, start, on_step=lambda step, *_: told.append(step))
    assert told[0] == steps // 3 * 3 + 1
    assert len(outcome.losses) == 12
    expected = read_weights(whole)
    for name, tensor in read_weights(tmp_path).items():
        np.testing.assert_allclose(tensor, expected[name], atol=1e-6)


def test_a_checkpoint_that_was_cut_short_is_passed_over(start, whole, tmp_path):
    with pytest.raises(TrainingStoppedError):
        train(tmp_path, start, **stop_after(7))
    (newest,) = (tmp_path / "checkpoints").glob("checkpoint-6")
    (newest / "trained.safetensors").write_bytes(b"half")
    (tmp_path / "checkpoints" / "checkpoint-9").mkdir()
    told: list[int] = []
    train(tmp_path, start, on_step=lambda step, *_: told.append(step))
    assert told[0] == 4
    np.testing.assert_allclose(
        read_weights(tmp_path)["embeddings.LayerNorm.bias"],
        read_weights(whole)["embeddings.LayerNorm.bias"],
        atol=1e-6,
    )


def test_a_finished_run_writes_its_result_again_without_a_step(start, whole, tmp_path):
    shutil.copytree(whole / "checkpoints", tmp_path / "checkpoints")
    told: list[int] = []
    outcome = train(tmp_path, start, on_step=lambda step, *_: told.append(step))
    assert (told, outcome.steps, len(outcome.losses)) == ([], 12, 12)
    np.testing.assert_array_equal(
        read_weights(tmp_path)["encoder.layer.0.output.dense.weight"],
        read_weights(whole)["encoder.layer.0.output.dense.weight"],
    )


def test_a_result_that_is_there_is_found_without_loading_anything(start, whole, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    monkeypatch.setattr(training, "read_material", None)
    outcome = train(folder, start)
    assert (outcome.steps, len(outcome.losses)) == (12, 12)
    assert outcome.seconds > 0


def test_a_result_that_was_changed_is_written_again(start, whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    (folder / "model" / "config.json").unlink()
    (folder / "model" / "model.safetensors").write_bytes(b"half")
    train(folder, start)
    assert (folder / "model" / "config.json").is_file()
    np.testing.assert_array_equal(
        read_weights(folder)["embeddings.LayerNorm.bias"], read_weights(whole)["embeddings.LayerNorm.bias"]
    )


def test_checkpoints_of_another_recipe_are_not_gone_on_from(start, tmp_path):
    with pytest.raises(TrainingStoppedError):
        train(tmp_path, start, **stop_after(4))
    told: list[int] = []
    train(tmp_path, start, recipe=replace(RECIPE, seed=14), on_step=lambda step, *_: told.append(step))
    assert told[0] == 1


def test_a_pair_alone_can_not_be_learned(start, tmp_path):
    with pytest.raises(InputError, match="1 training pairs make no batch"):
        train(tmp_path, start, pairs=PAIRS[:1])


def test_a_pair_alone_with_a_negative_can(start, tmp_path):
    pair = replace(PAIRS[0], negatives=("care",))
    assert train(tmp_path, start, pairs=[pair]).steps == RECIPE.epochs


def test_checkpoints_that_can_not_be_written_are_named(start, tmp_path):
    (tmp_path / "checkpoints").write_text("a file stands here")
    with pytest.raises(StorageError, match="checkpoints"):
        train(tmp_path, start)


def test_a_disk_that_fills_up_while_a_checkpoint_is_written_is_named(start, tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr("torch.save", fail)
    with pytest.raises(StorageError, match="PytorchStreamWriter"):
        train(tmp_path, start)
    assert not (tmp_path / "model").exists()


def test_a_start_without_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"model.safetensors can't be read"):
        train(tmp_path, tmp_path)


def test_training_says_nothing(start, tmp_path, capfd, caplog):
    train(tmp_path, start, recipe=replace(RECIPE, epochs=1))
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")
    assert caplog.records == []


def test_nothing_is_reported_to_a_service(start, whole):
    state = json.loads((whole / "checkpoints" / "checkpoint-12" / "trainer_state.json").read_text())
    assert state["log_history"] == [] or all("loss" not in row for row in state["log_history"])
