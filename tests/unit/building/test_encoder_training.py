"""Training of the encoder, on a tiny model and names of our own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seamark.building.adapted_bert import AdaptedBert, pool_mean
from seamark.building.encoder.pairs import Pair
from seamark.building.encoder.recipe import gather_pairs, train_encoder_part
from seamark.building.encoder.training import EncoderRecipe, load_tokenizer, measure_loss
from seamark.errors import InputError
from seamark.extraction.encoder import pad_batch
from seamark.extraction.engines import OpenVinoEngine
from seamark.extraction.shipped import open_part, prepare_engine
from seamark.taxonomy import Skill, Taxonomy

TAXONOMY = Taxonomy(
    "tiny",
    (
        Skill("1", "python", "write in python", alternative_titles=("data python",)),
        Skill("2", "teach", "teach the patients", alternative_titles=("teach with care",)),
        Skill("3", "design", "the design of sql", alternative_titles=("sql design",)),
        Skill("4", "care", "care for patients", alternative_titles=("patients and care",)),
    ),
)


def write_material(folder: Path, *, cell: str = "['teach', 'UNK']") -> tuple[Path, Path]:
    sentences, templates = folder / "sentences.csv", folder / "tagged.json"
    with sentences.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("sentence", "skills"), ("you will teach", cell), ("held out", "['care']")]
        )
    rows = [
        {"tokens": ["you", "build", "data"], "tags_skill": ["O", "B", "I"], "tags_knowledge": ["O"] * 3},
        {"tokens": ["held", "out"], "tags_skill": ["B", "I"], "tags_knowledge": ["O"] * 2},
    ]
    templates.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return sentences, templates


def test_an_untrained_adapter_gives_the_base_model(tiny_base):
    from transformers import BertConfig, BertModel

    theirs = BertModel(BertConfig.from_pretrained(tiny_base), add_pooling_layer=False)
    from safetensors.torch import load_file

    theirs.load_state_dict(load_file(tiny_base / "model.safetensors"), strict=False)
    ids, mask = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.inference_mode():
        expected = theirs.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
        found = AdaptedBert(tiny_base, rank=3).eval()(ids, mask)
    kept = mask.bool()
    torch.testing.assert_close(found[kept], expected[kept], atol=1e-4, rtol=1e-4)


def test_pairs_come_from_every_source_but_not_from_what_is_kept_out(tmp_path):
    sentences, templates = write_material(tmp_path)
    keep_out = tmp_path / "gold.csv"
    keep_out.write_text("sentence,label\nHELD  out,care\n", encoding="utf-8")
    pairs = gather_pairs(TAXONOMY, sentences=sentences, templates=templates, keep_out=[keep_out])
    assert {pair.source for pair in pairs} == {"alternative", "description", "sentence", "template"}
    assert not any("held out" in pair.text.casefold() for pair in pairs)


@pytest.mark.parametrize("cell", ["teach", "[teach", ""])
def test_a_cell_that_is_no_list_is_named(tmp_path, cell):
    sentences, templates = write_material(tmp_path, cell=cell)
    with pytest.raises(InputError, match="a list of titles"):
        gather_pairs(TAXONOMY, sentences=sentences, templates=templates, keep_out=[])


def test_a_title_that_is_also_right_is_no_negative(tiny_base):
    model = AdaptedBert(tiny_base, rank=2).eval()
    tokenizer = load_tokenizer(tiny_base, max_tokens=16)
    both = frozenset(("teach", "care"))
    pairs = [
        Pair("teach and care", "teach", both, "sentence"),
        Pair("care and teach", "care", both, "sentence"),
    ]
    assert measure_loss(model, tokenizer, pairs, scale=20.0).item() == pytest.approx(0.0, abs=1e-4)


def test_training_brings_names_to_their_titles_and_ships_what_was_trained(tiny_base, tmp_path):
    sentences, templates = write_material(tmp_path)
    losses: list[float] = []
    recipe = EncoderRecipe(rank=8, epochs=25, batch_size=8, learning_rate=0.01, max_tokens=16, seed=1)
    train_encoder_part(
        tmp_path / "part",
        tiny_base,
        TAXONOMY,
        base_model="tiny",
        sentences=sentences,
        templates=templates,
        recipe=recipe,
        on_step=lambda _step, _steps, loss: losses.append(loss),
    )
    assert np.mean(losses[-8:]) < 0.5 * np.mean(losses[:8])
    part = open_part("part", root=tmp_path)
    assert part.manifest["recipe"]["seed"] == 1
    assert part.manifest["pairs"]["alternative"] == 4
    engine = OpenVinoEngine(prepare_engine(part, tiny_base, tmp_path / "home"))
    tokenizer = load_tokenizer(tiny_base, max_tokens=16)

    def encode(texts: list[str]) -> np.ndarray:
        return engine.run(pad_batch([encoding.ids for encoding in tokenizer.encode_batch(texts)]))

    others = encode([skill.alternative_titles[0] for skill in TAXONOMY])
    titles = encode([skill.title for skill in TAXONOMY])
    assert (others @ titles.T).argmax(1).tolist() == [0, 1, 2, 3]


def test_pooling_leaves_padding_out():
    hidden = torch.tensor([[[3.0, 4.0], [100.0, 0.0]]])
    assert pool_mean(hidden, torch.tensor([[1, 0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
