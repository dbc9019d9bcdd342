"""Fine-tuning: pairs and a start in, a sentence-transformers folder out; can be stopped and taken up again.

The loop is sentence-transformers' trainer. What is ours: batches planned ahead, the loss, checkpoints that hold
only what is trained, and silence.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.adapter import (
    has_fast_bf16,
    hushed,
    merge_trained,
    open_start,
    read_trained,
)
from seamark.building.finetuning.batches import Material, gather_batch, plan_batches, read_material
from seamark.building.finetuning.checkpoints import (
    Checkpoint,
    Finished,
    clear_others,
    find_checkpoint,
    find_finished,
    identify_run,
    mark_whole,
    note_finished,
)
from seamark.building.finetuning.loss import MaskedSymmetricRankingLoss
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.building.finetuning.starts import write_encoder_folder
from seamark.errors import StorageError, TrainingStoppedError
from seamark.extraction.shipped import read_tensors

_TRAINED = "trained.safetensors"

_TIDY_STEPS = 20
"""Steps between two returns of memory."""

OnStep = Callable[[int, int, float], None]
"""Told of every step: its number, how many there are, the loss."""


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What a training run did.

    Attributes:
        steps: how many there were.
        losses: of every step, in nats.
        seconds: that they took, those before an interruption among them.
    """

    steps: int
    losses: tuple[float, ...]
    seconds: float


def fine_tune(
    output: Path,
    *,
    start: Path,
    pairs: Sequence[Pair],
    recipe: FineTuneRecipe,
    checkpoints: Path,
    checkpoint_steps: int = 100,
    on_step: OnStep | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainingOutcome:
    """Train an encoder on ``pairs`` and write it to ``output`` as a sentence-transformers folder.

    Run again after an interruption with the same arguments, it goes on from the newest whole checkpoint and gives
    what it would have given without one; where it had ended, its result is found.

    Args:
        output: the folder; what lies there is replaced, in one move at the end.
        start: a sentence-transformers folder, as :func:`seamark.building.finetuning.starts.write_start` gives it.
        pairs: the material, its explicit negatives among it.
        recipe: the settings.
        checkpoints: a folder for checkpoints; those of another run are removed from it.
        checkpoint_steps: how many steps lie between two checkpoints.
        on_step: told of every step.
        should_stop: asked after every step.

    Raises:
        InputError: there are too few pairs to make a batch.
        TrainingStoppedError: ``should_stop`` said so.
        StorageError: a checkpoint or the result can't be written.
        WeightsError: the start can't be read.
    """
    run = identify_run(start, pairs, recipe)
    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refuse_folder(checkpoints, error) from error
    if (finished := find_finished(checkpoints, run, output)) is not None:
        return TrainingOutcome(len(finished.losses), finished.losses, finished.seconds)
    clear_others(checkpoints, run)
    reached = find_checkpoint(checkpoints, run)
    material = read_material(pairs, start, max_tokens=recipe.max_tokens)
    batches = plan_batches(material, recipe)
    torch.manual_seed(recipe.seed)
    with hushed():
        model = open_start(start, max_tokens=recipe.max_tokens, rank=recipe.rank, bf16=has_fast_bf16())
        loss = MaskedSymmetricRankingLoss(model, scale=recipe.scale)
        watch = _Watch(loss, run, reached, len(batches), on_step, should_stop)
        trainer = _make_trainer(model, loss, recipe, watch, checkpoints, checkpoint_steps, len(batches))
        trainer.use_batches(material, batches)
        trainer.train(resume_from_checkpoint=str(reached.folder) if reached else None)
    _write_merged(output, start, model, max_tokens=recipe.max_tokens)
    finished = Finished(tuple(watch.losses), watch.seconds)
    try:
        note_finished(checkpoints, run, output, finished)
    except OSError as error:
        raise _refuse_folder(checkpoints, error) from error
    return TrainingOutcome(len(finished.losses), finished.losses, finished.seconds)


def _refuse_folder(folder: Path, error: Exception) -> StorageError:
    found = getattr(error, "strerror", None) or error
    return StorageError(f"{folder} can't be written ({found})", hint="free some space, then go on")


def _make_trainer(
    model: Any,
    loss: MaskedSymmetricRankingLoss,
    recipe: FineTuneRecipe,
    watch: _Watch,
    checkpoints: Path,
    checkpoint_steps: int,
    steps: int,
) -> _Trainer:
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=1,
        max_grad_norm=1.0,
        seed=recipe.seed,
        use_cpu=True,
        bf16=has_fast_bf16(),
        save_strategy="steps",
        save_steps=checkpoint_steps,
        save_total_limit=2,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    # one step more than there are: the last step's rate is not the schedule's very end, and resuming may ask for it
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps + 1, pct_start=0.1
    )
    trainer = _Trainer(
        model=model, args=arguments, loss=loss, callbacks=[watch], optimizers=(optimizer, schedule)
    )
    # without a progress bar the trainer would print its figures instead
    trainer.remove_callback(PrinterCallback)
    return trainer


class _Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """sentence-transformers' trainer over batches that were planned ahead."""

    def use_batches(self, material: Material, batches: Sequence[Sequence[int]]) -> None:
        self._loader: DataLoader[Any] = DataLoader(
            list(batches),  # type: ignore[arg-type]
            batch_size=1,
            collate_fn=lambda chosen: gather_batch(material, chosen[0]),
        )

    def get_train_dataloader(self) -> Any:
        return self._loader

    def collect_features(self, inputs: dict[str, Any]) -> tuple[list[dict[str, Tensor]], Any]:
        return [inputs["texts"], inputs["titles"]], inputs

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Nothing: a version's card is written from its manifest."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            # torch says RuntimeError of a full disk
            raise _refuse_folder(Path(self.args.output_dir), error) from error

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        folder = Path(str(output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor.contiguous() for name, tensor in read_trained(self.model).items()},
            folder / _TRAINED,
        )

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:  # noqa: ARG002
        saved = load_file(Path(checkpoint_path) / _TRAINED)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in saved:
                    parameter.copy_(saved[name])


def _return_memory() -> None:
    """Give freed memory back: batches of ever other shapes leave holes in the heap, gigabytes of them in an epoch."""
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Keeps the losses, tells of each step, stops when asked, marks checkpoints as whole."""

    def __init__(
        self,
        loss: MaskedSymmetricRankingLoss,
        run: str,
        reached: Checkpoint | None,
        steps: int,
        on_step: OnStep | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.losses = list(reached.losses) if reached else []
        self._before = reached.seconds if reached else 0.0
        self._began = time.monotonic()
        self._loss = loss
        self._run = run
        self._steps = steps
        self._on_step = on_step
        self._should_stop = should_stop

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self.losses.append(self._loss.last)
        if state.global_step % _TIDY_STEPS == 0:
            _return_memory()
        if self._on_step:
            self._on_step(state.global_step, self._steps, self._loss.last)
        if self._should_stop and self._should_stop():
            raise TrainingStoppedError(
                f"training was stopped after step {state.global_step} of {self._steps}"
            )

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        mark_whole(folder, self._run, step=state.global_step, losses=self.losses, seconds=self.seconds)


def _write_merged(output: Path, start: Path, model: Any, *, max_tokens: int) -> None:
    tensors = merge_trained(model, read_tensors(start / "model.safetensors"))
    if output.exists():
        shutil.rmtree(output)
    write_encoder_folder(output, start, tensors, max_tokens=max_tokens)
