"""Fitting of the ranker: a small network by cross-entropy, then Platt scaling on texts it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from seamark.building.ranker.examples import LabelledPairs
from seamark.extraction.ranking import Floats, Ranker


@dataclass(frozen=True, slots=True)
class RankerRecipe:
    """Everything that decides what fitting gives, besides its data.

    Attributes:
        hidden: width of the hidden layer.
        steps: of AdamW over all pairs at once.
        learning_rate: peak of a one-cycle schedule.
        weight_decay: of AdamW.
        seed: of the first values.
    """

    hidden: int = 24
    steps: int = 600
    learning_rate: float = 0.02
    weight_decay: float = 0.02
    seed: int = 13


def fit_ranker(pairs: LabelledPairs, unseen: LabelledPairs, recipe: RankerRecipe) -> Ranker:
    """A ranker fitted on ``pairs`` and calibrated on ``unseen``, pairs of other texts."""
    torch.manual_seed(recipe.seed)
    mean = pairs.features.mean(0)
    deviation = np.maximum(pairs.features.std(0), 1e-3)
    net = nn.Sequential(nn.Linear(len(mean), recipe.hidden), nn.ReLU(), nn.Linear(recipe.hidden, 1))
    x = torch.from_numpy((pairs.features - mean) / deviation)
    y = torch.from_numpy(pairs.right)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.steps + 1
    )
    for _ in range(recipe.steps):
        loss = F.binary_cross_entropy_with_logits(cast("Tensor", net(x))[:, 0], y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    ranker = _read_net(net, mean, deviation)
    slope, shift = fit_platt(ranker.score(unseen.features), unseen.right)
    return Ranker(
        ranker.mean,
        ranker.deviation,
        ranker.hidden_weight,
        ranker.hidden_bias,
        ranker.out_weight,
        ranker.out_bias,
        slope,
        shift,
    )


def tune_ranker(
    start: Ranker, pairs: LabelledPairs, *, steps: int, learning_rate: float, pull: float
) -> Ranker:
    """``start`` fitted further on ``pairs``; its features' scaling and its calibration stay.

    Args:
        start: the ranker to begin with.
        pairs: all of them make one step.
        steps: of Adam.
        learning_rate: the peak of a one-cycle schedule.
        pull: weight of the squared distance to the weights of ``start``.
    """
    x = torch.from_numpy((pairs.features - start.mean) / start.deviation)
    y = torch.from_numpy(pairs.right)
    out_bias = np.array([start.out_bias], dtype=np.float32)
    began = [torch.tensor(a) for a in (start.hidden_weight, start.hidden_bias, start.out_weight, out_bias)]
    weights = [nn.Parameter(tensor.clone()) for tensor in began]
    optimizer = torch.optim.Adam(weights, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps + 1)
    for _ in range(steps):
        hidden = F.relu(x @ weights[0] + weights[1])
        odds = start.slope * (hidden @ weights[2] + weights[3]) + start.shift
        away = torch.stack([(now - then).square().sum() for now, then in zip(weights, began, strict=True)])
        loss = F.binary_cross_entropy_with_logits(odds, y) + pull * away.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    hidden_weight, hidden_bias, out_weight, bias = (weight.detach().numpy() for weight in weights)
    return replace(
        start,
        hidden_weight=hidden_weight,
        hidden_bias=hidden_bias,
        out_weight=out_weight,
        out_bias=float(bias[0]),
    )


def _read_net(net: nn.Sequential, mean: Floats, deviation: Floats) -> Ranker:
    first, last = cast("nn.Linear", net[0]), cast("nn.Linear", net[2])
    return Ranker(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        first.weight.detach().numpy().T.copy(),
        first.bias.detach().numpy().copy(),
        last.weight.detach().numpy()[0].copy(),
        float(last.bias.item()),
    )


def fit_platt(scores: Floats, right: Floats, *, steps: int = 50) -> tuple[float, float]:
    """Slope and shift of the logistic curve from scores (log odds) to the share that is right.

    Newton's method on the log-likelihood, as Lin, Lin and Weng (2007), section 2, without their
    regularised targets: there are thousands of pairs.
    """
    design = np.stack([scores, np.ones_like(scores)], axis=1).astype(np.float64)
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        probability = 1.0 / (1.0 + np.exp(-(design @ weights).clip(-30, 30)))
        gradient = design.T @ (probability - right)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])
