"""The loss of fine-tuning."""

from __future__ import annotations

import math

import pytest
import torch

from seamark.building.adapted_bert import AdaptedBert
from seamark.building.encoder.pairs import Pair
from seamark.building.encoder.training import load_tokenizer, measure_loss
from seamark.building.finetuning.adapter import open_start
from seamark.building.finetuning.batches import gather_batch, read_material
from seamark.building.finetuning.loss import MaskedSymmetricRankingLoss, rank_symmetrically
from seamark.building.finetuning.starts import write_encoder_folder

NOTHING = torch.zeros((2, 2), dtype=torch.bool)


def test_it_is_what_our_own_loop_measures(tiny_base, tmp_path):
    both = frozenset(("teach", "care"))
    pairs = [
        Pair("teach and care", "teach", both, "a"),
        Pair("care and teach", "care", both, "a"),
        Pair("teaching", "teach", frozenset(("teach",)), "a"),
        Pair("write python", "python", frozenset(("python",)), "a"),
    ]
    own = measure_loss(
        AdaptedBert(tiny_base, rank=2).eval(), load_tokenizer(tiny_base, max_tokens=16), pairs, scale=20.0
    )
    start = write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16)
    loss = MaskedSymmetricRankingLoss(open_start(start, max_tokens=16, rank=2), scale=20.0)
    batch = gather_batch(read_material(pairs, start, max_tokens=16), range(4))
    found = loss([batch["texts"], batch["titles"]], batch)
    assert found.item() == pytest.approx(own.item(), abs=0.05)
    assert loss.last == found.item()


def test_equal_scores_cost_the_logarithm_of_their_number():
    loss = rank_symmetrically(torch.zeros((2, 2)), torch.tensor([0, 1]), NOTHING)
    assert loss.item() == pytest.approx(math.log(2))


def test_a_title_that_is_also_right_costs_nothing():
    also = torch.tensor([[False, True], [True, False]])
    assert rank_symmetrically(torch.zeros((2, 2)), torch.tensor([0, 1]), also).item() == pytest.approx(0)


def test_texts_of_one_title_are_no_negatives_of_each_other():
    assert rank_symmetrically(
        torch.zeros((2, 1)), torch.tensor([0, 0]), NOTHING[:, :1]
    ).item() == pytest.approx(0)


def test_an_explicit_negative_counts_for_texts_alone():
    scores = torch.tensor([[0.0, 0.0]])
    loss = rank_symmetrically(scores, torch.tensor([0]), NOTHING[:1])
    assert loss.item() == pytest.approx(math.log(2) / 2)
