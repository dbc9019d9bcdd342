"""Everything that decides what fine-tuning gives, besides its data and its start."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from seamark.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class FineTuneRecipe:
    """The settings of one training run.

    Attributes:
        epochs: how often each pair is seen.
        batch_size: pairs a step; more mean more negatives for each.
        learning_rate: the peak of a one-cycle schedule.
        weight_decay: of AdamW.
        rank: of the low-rank update of every linear layer.
        scale: what cosines are multiplied by in the loss (the inverse of its temperature).
        max_tokens: longer texts are cut.
        hard_negatives: mined titles for each pair that are near its text and not right.
        negative_margin: how much less similar than the right title a mined one must be, cosine.
        warm_start_epochs: how often each pair of the taxonomy is seen before, where there is a warm start.
        warm_start_batch_size, warm_start_learning_rate: of the warm start.
        seed: of the shuffling and of the adapter's first values.
    """

    epochs: int = 2
    batch_size: int = 64
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    rank: int = 48
    scale: float = 20.0
    max_tokens: int = 64
    hard_negatives: int = 2
    negative_margin: float = 0.05
    warm_start_epochs: int = 1
    warm_start_batch_size: int = 128
    warm_start_learning_rate: float = 1e-3
    seed: int = 13

    @classmethod
    def from_settings(cls, training: TrainingSettings) -> FineTuneRecipe:
        """The recipe that the workspace's settings ask for; what they don't have keeps its default."""
        shared = {item.name for item in fields(cls)} & {item.name for item in fields(training)}
        return cls(**{name: getattr(training, name) for name in shared})

    def for_warm_start(self) -> FineTuneRecipe:
        """The recipe of the warm start, with its own epochs, batch size and learning rate."""
        return replace(
            self,
            epochs=self.warm_start_epochs,
            batch_size=self.warm_start_batch_size,
            learning_rate=self.warm_start_learning_rate,
        )

    def to_dict(self) -> dict[str, Any]:
        """The recipe as a manifest holds it."""
        return asdict(self)
