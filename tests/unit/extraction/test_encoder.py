"""Texts to vectors: each distinct text once, a bounded memory, the same vectors in any company."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from seamark.extraction.encoder import MAX_BATCH, Encoder, pad_batch

TEXTS = ["build data", "you will care for patients and teach", "sql", "write python and java in the design"]


class CountingEngine:
    """Makes a vector of the token ids alone, and counts the texts that it saw."""

    def __init__(self) -> None:
        self.seen = 0

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        self.seen += len(ids)
        vectors = np.stack([mask.sum(1), (ids * mask).sum(1), (ids * ids * mask).sum(1)], axis=1)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine()


@pytest.fixture
def make_encoder(tiny_base, engine):
    tokenizer = Tokenizer.from_file(str(tiny_base / "tokenizer.json"))
    tokenizer.enable_truncation(32)
    return lambda size=100: Encoder(engine, tokenizer, dimensions=3, name="counting", cache_size=size)


def test_vectors_come_in_the_order_of_the_texts(make_encoder):
    encoder = make_encoder()
    forward, backward = encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])
    np.testing.assert_array_equal(forward, backward[::-1])
    assert len({tuple(row) for row in forward.tolist()}) == len(TEXTS)


def test_equal_texts_are_encoded_once(make_encoder, engine):
    vectors = make_encoder().encode(["sql", "java", "sql", "sql"])
    assert engine.seen == 2
    np.testing.assert_array_equal(vectors[[0, 0]], vectors[[2, 3]])


def test_no_texts_give_no_vectors_and_run_nothing(make_encoder, engine):
    assert make_encoder().encode([]).shape == (0, 3)
    assert make_encoder().encode([], remember=True).shape == (0, 3)
    assert engine.seen == 0


def test_an_empty_text_has_a_vector(make_encoder):
    assert np.isfinite(make_encoder().encode([""])).all()


def test_remembered_texts_are_not_encoded_again(make_encoder, engine):
    encoder = make_encoder()
    first = encoder.encode(TEXTS, remember=True)
    np.testing.assert_array_equal(encoder.encode(TEXTS[::-1], remember=True), first[::-1])
    assert engine.seen == len(TEXTS)


def test_nothing_is_remembered_unasked(make_encoder, engine):
    encoder = make_encoder()
    encoder.encode(["sql"])
    encoder.encode(["sql"])
    assert engine.seen == 2
    assert len(encoder._cache) == 0


def test_the_memory_is_bounded_and_forgets_the_oldest(make_encoder, engine):
    encoder = make_encoder(2)
    encoder.encode(TEXTS, remember=True)
    assert len(encoder._cache) == 2
    encoder.encode(TEXTS[2:], remember=True)
    assert engine.seen == len(TEXTS)
    encoder.encode(TEXTS[:1], remember=True)
    assert engine.seen == len(TEXTS) + 1


def test_a_memory_smaller_than_the_call_still_answers_the_whole_call(make_encoder):
    remembered = make_encoder(0).encode(TEXTS, remember=True)
    np.testing.assert_array_equal(remembered, make_encoder().encode(TEXTS))


def test_a_vector_is_the_same_alone_and_in_a_large_batch(make_encoder):
    encoder = make_encoder()
    texts = [f"{TEXTS[i % 4]} {'data ' * (i % 9)}{i}" for i in range(2 * MAX_BATCH + 3)]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_the_real_engine_gives_unit_vectors_that_company_does_not_move(tiny_base, tmp_path):
    from seamark.building.parts import write_encoder_part
    from seamark.extraction.engines import OpenVinoEngine
    from seamark.extraction.shipped import open_part, prepare_engine

    write_encoder_part(tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32)
    folder = prepare_engine(open_part("tiny", root=tmp_path), tiny_base, tmp_path / "home")
    tokenizer = Tokenizer.from_file(str(tiny_base / "tokenizer.json"))
    encoder = Encoder(OpenVinoEngine(folder, precision="f32"), tokenizer, dimensions=32, name="tiny")
    together = encoder.encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.encode([t]) for t in TEXTS]), together, atol=1e-4)


def test_texts_are_padded_to_the_longest_and_the_padding_masked():
    inputs = pad_batch([[2, 5, 3], [2, 5, 6, 7, 3]], [[0, 1, 0], [0, 1, 1, 1, 0]])
    assert inputs["input_ids"].shape == (2, 5)
    assert inputs["attention_mask"].sum(1).tolist() == [3, 5]
    assert inputs["token_type_ids"].sum(1).tolist() == [1, 3]
    assert not inputs["input_ids"][inputs["attention_mask"] == 0].any()
