"""Vectors on disk: made once, made again where the file is not whole."""

from __future__ import annotations

import numpy as np
import pytest
from vector_fakes import WordEncoder

from seamark.errors import StorageError
from seamark.extraction.vector_store import load_vectors
from seamark.taxonomy import Skill, Taxonomy

SKILLS = (
    Skill("1", "build data", alternative_titles=("plan budgets",)),
    Skill("2", "care"),
    Skill("3", "sql"),
)


def load(folder, skills=SKILLS, encoder=None):
    taxonomy = Taxonomy("mine", skills)
    return load_vectors(folder, taxonomy.digest, taxonomy.active, encoder or WordEncoder())


def find_file(folder):
    (path,) = folder.iterdir()
    return path


def test_the_second_load_comes_from_disk(tmp_path):
    made = load(tmp_path / "kept")
    again = WordEncoder()
    found = load(tmp_path / "kept", encoder=again)
    assert again.encoded == []
    assert found.names == made.names
    np.testing.assert_array_equal(found.vectors, made.vectors)
    np.testing.assert_array_equal(found.starts, made.starts)


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "last bytes", "middle"])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    made = load(tmp_path)
    path = find_file(tmp_path)
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "noise": b"this is no archive",
            "last bytes": whole[:-5],
            "middle": whole[:middle]
            + bytes(b ^ 0xFF for b in whole[middle : middle + 9])
            + whole[middle + 9 :],
        }[damage]
    )
    encoder = WordEncoder()
    found = load(tmp_path, encoder=encoder)
    assert encoder.encoded
    np.testing.assert_array_equal(found.vectors, made.vectors)
    assert load(tmp_path, encoder=(third := WordEncoder())).names == made.names
    assert third.encoded == []


def test_another_taxonomy_has_another_file(tmp_path):
    load(tmp_path)
    load(tmp_path, SKILLS[:2])
    assert len(list(tmp_path.iterdir())) == 2


def test_another_encoder_has_another_file(tmp_path):
    load(tmp_path)
    load(tmp_path, encoder=WordEncoder("x" * 64))
    assert len(list(tmp_path.iterdir())) == 2


def test_the_same_skills_in_another_order_get_their_own_vectors(tmp_path):
    load(tmp_path)
    found = load(tmp_path, SKILLS[::-1])
    assert [found.names[row] for row in found.starts] == ["sql", "care", "build data"]


def test_no_half_written_file_is_left(tmp_path):
    load(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="SEAMARK_HOME"):
        load(tmp_path / "file" / "kept")


def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path, monkeypatch):
    def fill(*_args, **_arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fill)
    with pytest.raises(StorageError, match="No space left"):
        load(tmp_path)
    assert list(tmp_path.iterdir()) == []
