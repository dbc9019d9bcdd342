"""Our graphs against the torch model that they were written from, on either engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from seamark.building.adapted_bert import AdaptedBert, pool_mean
from seamark.building.parts import write_encoder_part
from seamark.errors import MissingExtraError, UsageError, WeightsError
from seamark.extraction.encoder import pad_batch
from seamark.extraction.engines import ENGINES, OpenVinoEngine, open_engine
from seamark.extraction.shipped import open_part, prepare_engine

TEXTS = ["build data", "you will care for patients and teach", "sql", "write python and java in the design"]


@pytest.fixture(scope="module")
def adapted(tiny_base: Path) -> AdaptedBert:
    torch.manual_seed(3)
    model = AdaptedBert(tiny_base, rank=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def engine_folder(tiny_base: Path, adapted: AdaptedBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parts")
    adapter = adapted.read_adapter()
    write_encoder_part(root / "tiny", tiny_base, base_model="tiny", max_tokens=32, adapter=adapter)
    return prepare_engine(open_part("tiny", root=root), tiny_base, root / "home")


def tokenise(base: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


def run_torch(model: AdaptedBert, ids: list[list[int]]) -> np.ndarray:
    inputs = pad_batch(ids)
    with torch.inference_mode():
        mask = torch.from_numpy(inputs["attention_mask"])
        return pool_mean(model(torch.from_numpy(inputs["input_ids"]), mask), mask).numpy()


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_gives_the_vectors_of_the_trained_model(name, engine_folder, adapted, tiny_base):
    ids = tokenise(tiny_base, TEXTS)
    found = open_engine(name, engine_folder).run(pad_batch(ids))
    assert found.shape == (4, 32)
    cosines = (found * run_torch(adapted, ids)).sum(1)
    assert cosines.min() > 0.999  # the adapter ships as float16, the processor may compute in bf16


def test_openvino_in_float32_agrees_closely(engine_folder, adapted, tiny_base):
    ids = tokenise(tiny_base, TEXTS)
    found = OpenVinoEngine(engine_folder, precision="f32").run(pad_batch(ids))
    np.testing.assert_allclose(found, run_torch(adapted, ids), atol=2e-3)


@pytest.mark.parametrize("name", ENGINES)
def test_a_text_has_the_same_vector_alone_and_in_a_batch(name, engine_folder, tiny_base):
    engine = open_engine(name, engine_folder)
    ids = tokenise(tiny_base, TEXTS)
    together = engine.run(pad_batch(ids))
    alone = np.concatenate([engine.run(pad_batch([row])) for row in ids])
    np.testing.assert_allclose(together, alone, atol=5e-3)


def test_the_engine_folder_is_made_once(engine_folder, tiny_base, adapted):
    root = engine_folder.parents[2]
    before = (engine_folder / "weights.bin").stat().st_mtime_ns
    again = prepare_engine(open_part("tiny", root=root), tiny_base, root / "home")
    assert again == engine_folder
    assert (again / "weights.bin").stat().st_mtime_ns == before


def test_an_unknown_engine_is_refused_with_the_names_of_the_known(tmp_path):
    with pytest.raises(UsageError, match="openvino or onnxruntime"):
        open_engine("abacus", tmp_path)


@pytest.mark.parametrize("name", ENGINES)
def test_a_graph_that_is_no_graph_is_one_readable_line(name, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"this is not a graph")
    with pytest.raises(WeightsError, match="can't be loaded") as caught:
        open_engine(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_truncated_adapter_is_found_before_it_is_used(tiny_base, adapted, tmp_path):
    write_encoder_part(
        tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32, adapter=adapted.read_adapter()
    )
    path = tmp_path / "tiny" / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="damaged"):
        open_part("tiny", root=tmp_path)


def test_truncated_base_weights_are_named(tiny_base, adapted, tmp_path):
    write_encoder_part(
        tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32, adapter=adapted.read_adapter()
    )
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes((tiny_base / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"model\.safetensors can't be read"):
        prepare_engine(open_part("tiny", root=tmp_path), base, tmp_path / "home")
    assert not list((tmp_path / "home" / "engines").iterdir())


def test_weights_of_another_model_are_refused(tiny_base, adapted, tmp_path):
    from safetensors.numpy import save_file

    write_encoder_part(tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32, adapter=None)
    base = tmp_path / "base"
    base.mkdir()
    save_file({"something": np.zeros(3, dtype=np.float32)}, base / "model.safetensors")
    with pytest.raises(WeightsError, match="no tensor"):
        prepare_engine(open_part("tiny", root=tmp_path), base, tmp_path / "home")


def test_a_part_is_never_written_over(tiny_base, tmp_path):
    write_encoder_part(tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32)
    with pytest.raises(UsageError, match="there already"):
        write_encoder_part(tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32)


def test_onnxruntime_that_is_not_installed_is_explained(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="onnxruntime"):
        open_engine("onnxruntime", tmp_path)
