"""Training of the span tagger, on a tiny model and sentences of our own."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.spans.model import measure_crf_loss
from seamark.building.spans.recipe import train_span_part
from seamark.building.spans.sentences import TaggedSentence, read_tagged_sentences
from seamark.building.spans.training import SpanRecipe, load_word_tokenizer, make_example
from seamark.errors import InputError
from seamark.extraction.models import make_adapter_spans
from seamark.extraction.shipped import open_part
from seamark.settings import Settings

SENTENCES = [
    ("You will build data in Python", "OOBIOO", "OOOOOB"),
    ("write SQL and teach patients", "OOOBI", "OBOOO"),
    ("the design", "OO", "OO"),
    ("teach Java", "OO", "OB"),
    ("with the patients in the design", "OOOOOO", "OOOOOO"),
]


def write_sentences(path: Path) -> Path:
    rows = [
        {"tokens": text.split(), "tags_skill": list(skill), "tags_knowledge": list(knowledge)}
        for text, skill, knowledge in SENTENCES
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tiny_base, tmp_path_factory):
    """A tiny tagger that has learned its five sentences by heart, and the figures it was written with."""
    root = tmp_path_factory.mktemp("tagger")
    train = write_sentences(root / "train.json")
    recipe = SpanRecipe(
        rank=16, epochs=60, batch_size=5, learning_rate=0.02, dropout=0.0, average=0.5, seed=1
    )
    scores = train_span_part(
        root / "part", tiny_base, train, base_model="tiny", auxiliary=[train], dev=train, recipe=recipe
    )
    return root, scores


def test_a_tagger_learns_its_sentences(trained):
    assert trained[1] == {"skill_f1": 1.0, "knowledge_f1": 1.0}


def test_the_shipped_part_finds_what_was_learned(trained, tiny_base):
    root, _ = trained
    spans = make_adapter_spans(open_part("part", root=root), tiny_base, Settings(home=root / "home"))
    found = spans.extract_spans(["You will build data in Python", "", "write SQL and teach patients"])
    assert [[(span.text, span.label) for span in row] for row in found] == [
        [("build data", "skill"), ("Python", "knowledge")],
        [],
        [("SQL", "knowledge"), ("teach patients", "skill")],
    ]
    assert all(0.5 < span.score <= 1 for row in found for span in row)


def test_the_manifest_lets_anyone_train_it_again(trained):
    manifest = open_part("part", root=trained[0]).manifest
    assert manifest["recipe"]["seed"] == 1
    assert manifest["data"][0]["sha256"] == manifest["data"][1]["sha256"]
    assert manifest["scores"] == {"skill_f1": 1.0, "knowledge_f1": 1.0}


def test_words_are_split_anew_and_keep_their_tags(tiny_base):
    tokenizer = load_word_tokenizer(tiny_base, max_tokens=64)
    sentence = TaggedSentence(("Skills:", "data,", "design"), ("O", "B", "I"), None)
    example = make_example(tokenizer, sentence)
    text = "Skills: data, design"
    words = [text[a:b] for a, b in example.ranges]
    assert words == ["Skills", ":", "data", ",", "design"]
    assert example.tags == {0: [2, 2, 0, 1, 1]}


def test_a_long_sentence_is_cut_and_stays_consistent(tiny_base):
    tokenizer = load_word_tokenizer(tiny_base, max_tokens=8)
    sentence = TaggedSentence(tuple(["data"] * 30), tuple("B" + "I" * 29), None)
    example = make_example(tokenizer, sentence)
    assert len(example.ids) == 8
    assert len(example.words) == len(example.ranges) == len(example.tags[0]) == 6


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(0, 1000))
def test_the_crf_loss_is_the_log_of_a_share_of_all_paths(n_words, seed):
    torch.manual_seed(seed)
    emissions, transitions, starts = torch.randn(1, n_words, 3), torch.randn(3, 3), torch.randn(3)

    def score(path: tuple[int, ...]) -> float:
        total = starts[path[0]] + sum(emissions[0, t, tag] for t, tag in enumerate(path))
        return float(total + sum(transitions[a, b] for a, b in itertools.pairwise(path)))

    paths = list(itertools.product(range(3), repeat=n_words))
    gold = paths[seed % len(paths)]
    loss = measure_crf_loss(emissions, torch.tensor([gold]), torch.tensor([n_words]), transitions, starts)
    expected = np.logaddexp.reduce([score(path) for path in paths]) - score(gold)
    assert float(loss) == pytest.approx(expected, abs=1e-4)


def test_padding_does_not_change_the_crf_loss():
    torch.manual_seed(0)
    emissions, transitions, starts = torch.randn(1, 6, 3), torch.randn(3, 3), torch.randn(3)
    tags, lengths = torch.tensor([[0, 1, 2, 2, 2, 2]]), torch.tensor([3])
    padded = measure_crf_loss(emissions, tags, lengths, transitions, starts)
    exact = measure_crf_loss(emissions[:, :3], tags[:, :3], lengths, transitions, starts)
    assert float(padded) == pytest.approx(float(exact), abs=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no sentence"),
        ("{", "line 1 is not JSON"),
        ('{"tokens": ["a"], "tags_skill": ["O"]}\n{"tokens": "a"}', "line 2 has no list 'tokens'"),
        ('{"tokens": ["a"], "tags_skill": []}', "0 tags"),
        ('{"tokens": ["a"], "tags_skill": ["X"]}', "the tag 'X'"),
        ('{"tokens": ["a"]}', "no list in 'tags_skill'"),
    ],
)
def test_malformed_sentences_are_named(tmp_path, content, message):
    path = tmp_path / "s.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_tagged_sentences(path)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.integers(0, 99))
def test_replaced_mentions_keep_the_spans_and_their_kinds(share, seed):
    from seamark.building.spans.sentences import find_runs
    from seamark.building.spans.training import replace_mentions

    sentences = [TaggedSentence(tuple(t.split()), tuple(s), tuple(k)) for t, s, k in SENTENCES]
    varied = replace_mentions(sentences, share=share, seed=seed)
    pool = {s.tokens[a:b] for s in sentences for a, b in find_runs(s.skill_tags)}
    for before, after in zip(sentences, varied, strict=True):
        assert len(after.tokens) == len(after.skill_tags) == len(after.knowledge_tags or ())
        for tags in ("skill_tags", "knowledge_tags"):
            assert len(list(find_runs(getattr(after, tags)))) == len(list(find_runs(getattr(before, tags))))
        assert {after.tokens[a:b] for a, b in find_runs(after.skill_tags)} <= pool


def test_without_a_share_sentences_stay_as_they_are():
    from seamark.building.spans.training import replace_mentions

    sentences = [TaggedSentence(("a", "b"), ("B", "I"), ("O", "O"))]
    assert replace_mentions(sentences, share=0.0, seed=1) == sentences


def test_a_folder_that_is_there_is_refused_before_training(tiny_base, tmp_path):
    from seamark.errors import UsageError

    with pytest.raises(UsageError, match="there already"):
        train_span_part(tmp_path, tiny_base, tmp_path / "no file", base_model="tiny", recipe=SpanRecipe())
