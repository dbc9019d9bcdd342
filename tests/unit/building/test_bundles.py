"""Bundles written: whole, self-contained, and cheap to update."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seamark.building import bundles
from seamark.building.bundles import finish_bundle, replace_ranker, update_bundle, write_bundle
from seamark.errors import StorageError, TaxonomyError, UsageError, WeightsError
from seamark.extraction.bundle import (
    Bundle,
    open_bundle,
    read_bundle,
    read_recorded,
    read_taxonomy,
    read_vectors,
    verify_bundle,
)
from seamark.taxonomy import Skill, Taxonomy
from tiny_models import RECIPE, TAXONOMY, TEXTS, make_bundle, make_ranker


def change_taxonomy(**changed: Skill | None) -> Taxonomy:
    """The tiny taxonomy with some skills replaced, removed or added."""
    skills = {skill.skill_id: skill for skill in TAXONOMY} | changed
    return Taxonomy("tiny", tuple(skill for skill in skills.values() if skill is not None), "2.0.0")


def read_skill_vectors(bundle: Bundle) -> dict[str, list[tuple[str, bytes]]]:
    """skill_id → (name, the bytes of its vector) of each row."""
    skills = read_taxonomy(bundle).active
    rows = read_vectors(bundle, skills)
    ends = [*rows.starts[1:].tolist(), len(rows.names)]
    return {
        skill.skill_id: [(rows.names[i], rows.vectors[i].tobytes()) for i in range(start, end)]
        for skill, start, end in zip(skills, rows.starts.tolist(), ends, strict=True)
    }


@pytest.fixture
def parent(tiny_bundle, tmp_path) -> Bundle:
    """A copy that a test may damage."""
    shutil.copytree(tiny_bundle.folder, tmp_path / "parent")
    return read_bundle(tmp_path / "parent")


# ---- writing


def test_a_bundle_has_the_files_of_the_layout(tiny_bundle):
    assert {
        "embedding_model/config.json",
        "embedding_model/embeddings.npy",
        "embedding_model/model.onnx",
        "embedding_model/model.safetensors",
        "embedding_model/modules.json",
        "embedding_model/skills.parquet",
        "embedding_model/tokenizer.json",
        "ranker/ranker.json",
        "recorded_predictions.json",
        "span_extractor/manifest.json",
        "span_extractor/model.onnx",
        "span_extractor/tokenizer.json",
        "span_extractor/weights.bin",
        "taxonomy.json",
    } <= tiny_bundle.manifest["files"].keys()
    assert verify_bundle(tiny_bundle.folder) == []


def test_the_manifest_says_what_the_bundle_is(tiny_bundle):
    manifest = tiny_bundle.manifest
    assert manifest["version"] == ""
    assert manifest["taxonomy"] == {
        "name": "tiny", "number": "1.0.0", "digest": TAXONOMY.digest, "skills": 4,
    }  # fmt: skip
    assert manifest["recipe"]["encoder"] == {**RECIPE["encoder"], "dimensions": 32}
    assert manifest["recipe"]["threshold"] == 0.3
    assert manifest["recipe"]["spans"]["name"] == "spans"
    assert set(manifest["weights"]) == {"embedding_model", "span_extractor", "ranker"}
    assert manifest["data"] is None


def test_rows_of_the_vectors_are_named_in_their_order(tiny_bundle):
    import polars as pl

    rows = pl.read_parquet((tiny_bundle.folder / "embedding_model/skills.parquet").read_bytes())
    vectors = np.load(tiny_bundle.folder / "embedding_model/embeddings.npy")
    assert vectors.dtype == np.float32
    assert len(vectors) == len(rows)
    titles = rows.filter(pl.col("is_title"))
    assert titles["name"].to_list() == [skill.title for skill in TAXONOMY.active]
    assert titles["skill_id"].to_list() == [skill.skill_id for skill in TAXONOMY.active]


def test_the_encoder_opens_in_sentence_transformers_with_the_same_vectors(tiny_bundle, tiny_settings):
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    folder = tiny_bundle.folder / "embedding_model"
    config = {**json.loads((folder / "config.json").read_text()), "attn_implementation": "eager"}
    model = BertModel(BertConfig(**config), add_pooling_layer=False).eval()
    missing, unexpected = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert not unexpected
    assert [name for name in missing if "position_ids" not in name and "token_type_ids" not in name] == []
    from seamark.extraction.bundle import open_encoder
    from seamark.extraction.encoder import read_tokenizer

    texts = ["build data", "you will care for patients"]
    found = open_encoder(tiny_bundle, replace(tiny_settings, engine="onnxruntime")).encode(texts)
    tokenizer = read_tokenizer(folder, 32)
    for text, vector in zip(texts, found, strict=True):
        with torch.inference_mode():
            states = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
        mean = torch.nn.functional.normalize(states.mean(1), dim=-1)[0].numpy()
        assert float(mean @ vector) > 0.9999


def test_the_same_parts_give_the_same_files_and_weights_digests(tiny_bundle, tiny_settings, tmp_path):
    again = make_bundle(tmp_path / "again", tmp_path, tiny_settings)
    assert again.manifest["weights"] == tiny_bundle.manifest["weights"]
    assert again.manifest["files"] == tiny_bundle.manifest["files"]


def test_other_weights_have_another_digest(tiny_bundle, tiny_settings, tmp_path):
    from tiny_models import write_encoder

    other = make_bundle(
        tmp_path / "other", tmp_path, tiny_settings, encoder=write_encoder(tmp_path / "encoder-2", seed=9)
    )
    assert other.manifest["weights"]["embedding_model"] != tiny_bundle.manifest["weights"]["embedding_model"]
    assert other.manifest["weights"]["span_extractor"] == tiny_bundle.manifest["weights"]["span_extractor"]


def test_what_it_predicted_is_recorded(tiny_bundle, tiny_settings):
    recorded = read_recorded(tiny_bundle)
    assert [entry.text for entry in recorded] == list(TEXTS)
    assert recorded[0].skills
    assert recorded[2].skills == {}
    extractor = open_bundle(tiny_bundle.folder, settings=tiny_settings)
    for entry, found in zip(recorded, extractor.extract_many(list(TEXTS)), strict=True):
        assert {skill.skill_id: skill.confidence for skill in found.skills} == pytest.approx(
            dict(entry.skills), abs=1e-3
        )


def test_spans_are_taken_over_from_another_bundle(tiny_bundle, tiny_settings, tmp_path):
    made = make_bundle(tmp_path / "next", tmp_path, tiny_settings, spans=tiny_bundle)
    assert made.manifest["recipe"]["spans"] == tiny_bundle.manifest["recipe"]["spans"]
    assert made.manifest["weights"] == tiny_bundle.manifest["weights"]


def test_progress_is_told(tiny_settings, tmp_path):
    told = []
    make_bundle(tmp_path / "b", tmp_path, tiny_settings, on_progress=lambda *args: told.append(args))
    assert told[-1] == ("embedding the taxonomy", 7, 7)


def test_a_bundle_is_never_written_over(tiny_settings, tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(UsageError, match="there already"):
        make_bundle(tmp_path / "b", tmp_path, tiny_settings)


def test_a_failure_leaves_nothing(tiny_settings, tmp_path, monkeypatch):
    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundles, "write_vectors", fail)
    with pytest.raises(StorageError, match="No space left"):
        make_bundle(tmp_path / "b", tmp_path / "parts", tiny_settings)
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


def test_what_a_killed_process_left_is_cleared(tiny_settings, tmp_path):
    (tmp_path / ".b.making" / "embedding_model").mkdir(parents=True)
    (tmp_path / ".b.making" / "stray").touch()
    made = make_bundle(tmp_path / "b", tmp_path / "parts", tiny_settings)
    assert verify_bundle(made.folder) == []
    assert not (tmp_path / ".b.making").exists()


def test_a_taxonomy_without_active_skills_is_refused(tiny_settings, tmp_path):
    empty = Taxonomy("empty", (Skill("s", "teach", status="retired"),))
    with pytest.raises(TaxonomyError, match="no active skill"):
        make_bundle(tmp_path / "b", tmp_path, tiny_settings, taxonomy=empty)


def test_an_unknown_span_extractor_is_refused_with_the_names_of_the_known(tiny_settings, tmp_path):
    with pytest.raises(UsageError, match="span-tagger-v1"):
        make_bundle(tmp_path / "b", tmp_path, tiny_settings, spans="abacus")


def test_an_encoder_with_another_pooling_is_refused(tiny_settings, tmp_path):
    from tiny_models import write_encoder

    encoder = write_encoder(tmp_path / "other")
    (encoder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    with pytest.raises(UsageError, match="Pooling by mean"):
        make_bundle(tmp_path / "b", tmp_path, tiny_settings, encoder=encoder)


@pytest.mark.parametrize(
    "name", ["modules.json", "config.json", "model.safetensors", "1_Pooling/config.json"]
)
def test_an_encoder_that_lacks_a_file_is_refused(name, tiny_settings, tmp_path):
    from tiny_models import write_encoder

    encoder = write_encoder(tmp_path / "other")
    (encoder / name).unlink()
    with pytest.raises(WeightsError):
        make_bundle(tmp_path / "b", tmp_path, tiny_settings, encoder=encoder)


def test_predicting_from_a_bundle_loads_neither_torch_nor_onnx(tiny_bundle, tmp_path):
    program = (
        "import sys; from pathlib import Path; from seamark.settings import Settings;"
        "from seamark.extraction.bundle import open_bundle;"
        f"e = open_bundle(Path({str(tiny_bundle.folder)!r}), settings=Settings(home=Path({str(tmp_path)!r})));"
        "e.extract('You will build data.'); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "onnx", "onnxruntime", "transformers"} & set(done.stdout.split())


# ---- metrics and card


def test_finishing_adds_metrics_and_card_and_nothing_else(parent):
    done = finish_bundle(parent, metrics={"jaccard": 0.5}, model_card="# Card\n")
    assert verify_bundle(parent.folder) == []
    assert read_bundle(parent.folder) == done
    assert done.manifest["metrics"] == {"jaccard": 0.5}
    assert done.manifest["files"].keys() - parent.manifest["files"].keys() == {"model_card.md"}
    again = finish_bundle(done, metrics={}, model_card="# Other\n")
    assert (parent.folder / "model_card.md").read_text() == "# Other\n"
    assert verify_bundle(again.folder) == []


def test_a_registered_version_is_not_finished_again(parent):
    registered = Bundle(parent.folder, {**parent.manifest, "version": "1.0.0"})
    with pytest.raises(UsageError, match=r"1\.0\.0 is registered"):
        finish_bundle(registered, metrics={}, model_card="")


# ---- another ranker


def test_another_ranker_changes_confidences_and_no_vector(tiny_bundle, tiny_settings, tmp_path):
    ranker = replace(make_ranker(), out_bias=-5.0)
    made = replace_ranker(
        tmp_path / "next", tiny_bundle, ranker=ranker, threshold=0.1, fitted={"pairs": 7}, samples=TEXTS,
        settings=tiny_settings,
    )  # fmt: skip
    assert verify_bundle(made.folder) == []
    changed = {
        path for path, entry in made.manifest["files"].items() if tiny_bundle.manifest["files"][path] != entry
    }
    assert changed == {"ranker/ranker.json", "recorded_predictions.json"}
    assert made.manifest["recipe"]["ranker"] == {"pairs": 7}
    assert made.threshold == open_bundle(made.folder, settings=tiny_settings).threshold == 0.1
    same = ("embedding_model", "span_extractor")
    assert {name: made.manifest["weights"][name] for name in same} == {
        name: tiny_bundle.manifest["weights"][name] for name in same
    }
    assert made.manifest["weights"]["ranker"] != tiny_bundle.manifest["weights"]["ranker"]


def test_a_damaged_bundle_gets_no_other_ranker(parent, tiny_settings, tmp_path):
    (parent.folder / "span_extractor/weights.bin").write_bytes(b"")
    with pytest.raises(WeightsError, match="damaged"):
        replace_ranker(
            tmp_path / "next", parent, ranker=make_ranker(), threshold=0.1, fitted={}, settings=tiny_settings
        )


# ---- skills updates


def test_an_update_embeds_only_the_skills_whose_names_changed(tiny_bundle, tiny_settings, tmp_path):
    taxonomy = change_taxonomy(
        s1=Skill("s1", "build data", "now described", alternative_titles=("python data", "design data")),
        s2=Skill("s2", "teach python"),
        s3=None,
        s6=Skill("s6", "care"),
    )
    made, figures = update_bundle(tmp_path / "next", tiny_bundle, taxonomy, settings=tiny_settings)
    assert (figures.embedded, figures.kept, figures.removed, figures.names_embedded) == (2, 2, 1, 2)
    assert figures.seconds > 0
    assert verify_bundle(made.folder) == []
    before, after = read_skill_vectors(tiny_bundle), read_skill_vectors(made)
    assert list(after) == ["s1", "s2", "s4", "s6"]
    assert after["s1"] == before["s1"]
    assert after["s4"] == before["s4"]
    assert [name for name, _ in after["s2"]] == ["teach python"]


def test_an_update_keeps_weights_and_recipe(tiny_bundle, tiny_settings, tmp_path):
    made, _ = update_bundle(
        tmp_path / "next", tiny_bundle, change_taxonomy(s2=None), settings=tiny_settings, samples=TEXTS,
        lineage={"parent": "1.0.0"},
    )  # fmt: skip
    assert made.manifest["weights"] == tiny_bundle.manifest["weights"]
    assert made.manifest["recipe"] == tiny_bundle.manifest["recipe"]
    assert made.manifest["taxonomy"]["number"] == "2.0.0"
    assert made.manifest["lineage"] == {"parent": "1.0.0"}
    assert [entry.text for entry in read_recorded(made)] == list(TEXTS)


def test_an_update_with_the_same_taxonomy_embeds_nothing(tiny_bundle, tiny_settings, tmp_path):
    made, figures = update_bundle(tmp_path / "next", tiny_bundle, TAXONOMY, settings=tiny_settings)
    assert (figures.embedded, figures.kept, figures.removed) == (0, 4, 0)
    assert read_skill_vectors(made) == read_skill_vectors(tiny_bundle)


def test_a_skill_that_is_active_again_is_embedded_and_a_retired_one_removed(
    tiny_bundle, tiny_settings, tmp_path
):
    taxonomy = change_taxonomy(
        s5=replace(TAXONOMY["s5"], status="active"), s2=replace(TAXONOMY["s2"], status="retired")
    )
    _, figures = update_bundle(tmp_path / "next", tiny_bundle, taxonomy, settings=tiny_settings)
    assert (figures.embedded, figures.kept, figures.removed) == (1, 3, 1)


def test_an_update_gives_the_vectors_of_a_fresh_bundle(tiny_bundle, tiny_settings, tmp_path):
    taxonomy = change_taxonomy(s0=Skill("s0", "java"), s1=Skill("s1", "design"))
    made, _ = update_bundle(tmp_path / "next", tiny_bundle, taxonomy, settings=tiny_settings)
    fresh = make_bundle(tmp_path / "fresh", tmp_path, tiny_settings, taxonomy=taxonomy)
    for path in ("embedding_model/skills.parquet", "taxonomy.json"):
        assert made.manifest["files"][path] == fresh.manifest["files"][path]
    first, second = (np.load(b.folder / "embedding_model/embeddings.npy") for b in (made, fresh))
    np.testing.assert_allclose(first, second, atol=5e-3)


@pytest.mark.parametrize(
    "path",
    [
        "embedding_model/model.safetensors",
        "embedding_model/embeddings.npy",
        "embedding_model/skills.parquet",
        "taxonomy.json",
    ],
)
def test_a_damaged_parent_is_not_handed_on(path, parent, tiny_settings, tmp_path):
    content = bytearray((parent.folder / path).read_bytes())
    content[len(content) // 2] ^= 1
    (parent.folder / path).write_bytes(content)
    with pytest.raises(WeightsError, match=f"damaged: {path}"):
        update_bundle(tmp_path / "next", parent, TAXONOMY, settings=tiny_settings)
    assert not (tmp_path / "next").exists()


def test_a_parent_that_lacks_a_file_is_not_handed_on(parent, tiny_settings, tmp_path):
    (parent.folder / "span_extractor/weights.bin").unlink()
    with pytest.raises(WeightsError, match="weights"):
        update_bundle(tmp_path / "next", parent, TAXONOMY, settings=tiny_settings)


def test_a_pair_of_token_classifiers_is_copied_whole(tiny_settings, tmp_path):
    from seamark.extraction.bundle import open_spans

    for label in ("skill", "knowledge"):
        _write_classifier(tmp_path / label)
    made = make_bundle(
        tmp_path / "b", tmp_path, tiny_settings, spans=f"{tmp_path / 'skill'},{tmp_path / 'knowledge'}"
    )
    shutil.rmtree(tmp_path / "skill")
    assert {"span_extractor/skill/model.safetensors", "span_extractor/knowledge/tokenizer.json"} <= set(
        made.manifest["files"]
    )
    assert made.manifest["recipe"]["spans"]["name"] == "skill,knowledge"
    assert open_spans(made, tiny_settings).extract_spans(["build data"])


def _write_classifier(folder: Path) -> None:
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    from tiny_models import HEADS, HIDDEN, LAYERS, POSITIONS, WIDE, make_tokenizer

    tokenizer = make_tokenizer()
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=WIDE, max_position_embeddings=POSITIONS,
        id2label={0: "B", 1: "I", 2: "O"}, label2id={"B": 0, "I": 1, "O": 2},
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(folder)


def test_the_default_settings_are_the_surroundings(tiny_settings, tmp_path, monkeypatch):
    from tiny_models import write_encoder

    monkeypatch.setenv("SEAMARK_HOME", str(tiny_settings.home))
    monkeypatch.setenv("SEAMARK_OFFLINE", "1")
    with pytest.raises(UsageError, match="no span extractor"):
        write_bundle(
            tmp_path / "b", encoder=write_encoder(tmp_path / "e"), spans="x", ranker=make_ranker(),
            threshold=0.3, taxonomy=TAXONOMY, recipe=RECIPE,
        )  # fmt: skip
