"""What ships in the package is whole, and what is not whole is refused."""

from __future__ import annotations

import json

import pytest

from seamark.errors import StorageError, WeightsError
from seamark.extraction.shipped import SHIPPED, open_part, prepare_engine, read_tensors

PARTS = sorted(path.parent.name for path in SHIPPED.glob("*/manifest.json"))
MODELS = json.loads((SHIPPED / "models.json").read_text(encoding="utf-8"))


def write_part(root, **files):
    import hashlib

    folder = root / "part"
    folder.mkdir()
    entries = {}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        entries[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"files": entries}))
    return folder


@pytest.mark.parametrize("name", PARTS)
def test_every_shipped_part_is_whole(name):
    part = open_part(name)
    assert part.manifest["files"]
    assert len(part.digest) == 64


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["encoder", "spans", "ranker"])
def test_every_model_is_made_of_shipped_parts(model, kind):
    assert MODELS[model][kind] in PARTS


def test_names_and_aliases_of_models_are_unique():
    names = [name for model, entry in MODELS.items() for name in (model, *entry["aliases"])]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_says_how_it_came_to_be_without_paths_of_a_machine(name):
    text = (SHIPPED / name / "manifest.json").read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "/tmp/" not in text


def test_the_parts_stay_small():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 10_000_000


def test_a_missing_part_is_explained(tmp_path):
    with pytest.raises(WeightsError, match="install Seamark again"):
        open_part("nowhere", root=tmp_path)


@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_a_damaged_manifest_is_explained(tmp_path, content):
    folder = write_part(tmp_path, graph=b"1")
    (folder / "manifest.json").write_text(content)
    with pytest.raises(WeightsError, match="can't be read"):
        open_part("part", root=tmp_path)


def test_a_changed_file_and_a_missing_file_are_found(tmp_path):
    folder = write_part(tmp_path, graph=b"abc")
    (folder / "graph").write_bytes(b"abd")
    with pytest.raises(WeightsError, match="damaged"):
        open_part("part", root=tmp_path)
    (folder / "graph").unlink()
    with pytest.raises(WeightsError, match="no file"):
        open_part("part", root=tmp_path)


def test_the_digest_follows_the_content_not_the_place(tmp_path):
    digests = []
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        write_part(tmp_path / name, graph=content)
        digests.append(open_part("part", root=tmp_path / name).digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_home_that_is_a_file_is_a_storage_error(tiny_base, tmp_path):
    from seamark.building.parts import write_encoder_part

    write_encoder_part(tmp_path / "tiny", tiny_base, base_model="tiny", max_tokens=32)
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(StorageError, match="SEAMARK_HOME"):
        prepare_engine(open_part("tiny", root=tmp_path), tiny_base, tmp_path / "home")


def test_tensors_that_are_none_are_explained(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"not tensors")
    with pytest.raises(WeightsError, match="whole safetensors"):
        read_tensors(tmp_path / "x.safetensors")
