"""Batches of a fine-tuning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.batches import gather_batch, plan_batches, read_material
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.errors import InputError


def read(pairs, start):
    return read_material(pairs, start, max_tokens=8)


@settings(max_examples=25)
@given(n=st.integers(2, 60), size=st.integers(2, 9), epochs=st.integers(1, 3))
def test_batches_hold_one_source_each_and_see_every_pair_once_an_epoch(n, size, epochs, tiny_base):
    pairs = [Pair(f"{'care ' * (i % 7)}{i}", "teach", frozenset(("teach",)), "ab"[i % 2]) for i in range(n)]
    material = read(pairs, tiny_base)
    recipe = FineTuneRecipe(epochs=epochs, batch_size=size)
    batches = plan_batches(material, recipe) if n > 3 else []
    assert all(len({pairs[i].source for i in batch}) == 1 and 1 < len(batch) <= size for batch in batches)
    seen = [i for batch in batches for i in batch]
    assert all(seen.count(i) <= epochs for i in range(n))
    assert len(seen) >= epochs * (n - 2 * (1 + n // (size * 8))) if n > 3 else True


def test_a_batch_holds_texts_of_like_length(tiny_base):
    pairs = [Pair("care " * (1 + i % 6), "teach", frozenset(("teach",)), "a") for i in range(64)]
    material = read(pairs, tiny_base)
    for batch in plan_batches(material, FineTuneRecipe(epochs=1, batch_size=8)):
        lengths = [len(material.tokens[material.texts[i]]) for i in batch]
        assert max(lengths) - min(lengths) <= 1


def test_the_seed_and_the_epoch_decide_the_order(tiny_base):
    material = read([Pair(str(i), "teach", frozenset(("teach",)), "a") for i in range(40)], tiny_base)
    recipe = FineTuneRecipe(epochs=2, batch_size=4)
    one, two = plan_batches(material, recipe), plan_batches(material, recipe)
    assert one == two
    assert one[:10] != one[10:]
    assert one != plan_batches(material, FineTuneRecipe(epochs=2, batch_size=4, seed=14))


def test_pairs_that_make_no_batch_are_refused(tiny_base):
    lone = [Pair("x", "teach", frozenset(("teach",)), source) for source in "ab"]
    with pytest.raises(InputError, match="2 training pairs"):
        plan_batches(read(lone, tiny_base), FineTuneRecipe())


def test_a_batch_reads_each_text_once_and_knows_what_is_also_right(tiny_base):
    both = frozenset(("teach", "care"))
    pairs = [
        Pair("teach and care", "teach", both, "a", ("sql",)),
        Pair("teach and care", "care", both, "a"),
        Pair("python code", "python", frozenset(("python",)), "a", ("sql", "care")),
    ]
    batch = gather_batch(read(pairs, tiny_base), [0, 1, 2])
    assert batch["texts"]["input_ids"].shape[0] == 2
    assert batch["titles"]["input_ids"].shape[0] == 4  # teach, care, python, sql
    assert batch["also_right"].sum(1).tolist() == [1, 1, 0]
    assert batch["also_right"][0, batch["title_rows"][1]]
    mask = batch["texts"]["attention_mask"]
    assert mask.sum(1).tolist() == [5, 6] or mask.sum(1).tolist()[0] == 5
    assert (batch["texts"]["input_ids"][mask == 0] == 0).all()
