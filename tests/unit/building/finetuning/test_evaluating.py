"""Figures of an encoder on held-out pairs."""

from __future__ import annotations

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.evaluating import FIGURES, measure_pairs
from seamark.building.finetuning.starts import write_encoder_folder


def make_pair(text: str, title: str, *negatives: str) -> Pair:
    return Pair(text, title, frozenset((title,)), "phrase", negatives)


def test_an_encoder_that_tells_right_from_wrong_is_perfect(tiny_base, tmp_path):
    start = write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16)
    figures = measure_pairs(start, [make_pair("teach", "teach", "sql"), make_pair("care", "care", "python")])
    assert tuple(figures) == FIGURES
    assert (figures["cosine_accuracy"], figures["cosine_f1"], figures["cosine_ap"]) == (1.0, 1.0, 1.0)
    assert figures["cosine_accuracy_threshold"] < 1.0


def test_an_encoder_that_tells_nothing_is_not(tiny_base, tmp_path):
    start = write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16)
    figures = measure_pairs(start, [make_pair("teach", "sql", "teach"), make_pair("care", "python", "care")])
    assert figures["cosine_ap"] < 0.6


def test_one_class_alone_gives_no_figures(tiny_base, tmp_path):
    start = write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16)
    assert measure_pairs(start, [make_pair("teach", "teach")]) == {}
    assert measure_pairs(start, []) == {}
