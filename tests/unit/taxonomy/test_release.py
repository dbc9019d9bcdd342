from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seamark.errors import StorageError, TaxonomyError, UsageError
from seamark.taxonomy import import_release, list_releases, list_taxonomies, load_release

HEADER = ["skill_id", "title", "description", "type", "tags"]
FIRST = [["1", "A", "about a", "tsc", ""], ["2", "B", "about b", "tsc", "x|y"]]


@pytest.fixture
def release(tmp_path: Path, write_text: Callable[..., Path]) -> Callable[..., tuple[str, bool]]:
    def make(rows: list[list[str]], name: str = "mine") -> tuple[str, bool]:
        outcome = import_release(write_text("s.csv", [HEADER, *rows]), name, tmp_path)
        return outcome.release.number, outcome.created

    return make


def test_the_first_release_is_1_0_0(release: Callable[..., tuple[str, bool]]) -> None:
    assert release(FIRST) == ("1.0.0", True)


def test_the_same_content_changes_nothing_whatever_its_order(
    release: Callable[..., tuple[str, bool]], tmp_path: Path
) -> None:
    release(FIRST)
    assert release([["2", "B", "about b", "tsc", "y|x"], FIRST[0]]) == ("1.0.0", False)
    assert list_releases("mine", tmp_path) == ["1.0.0"]


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ([FIRST[0]], "2.0.0"),
        ([FIRST[0], ["3", "C", "", "", ""]], "2.0.0"),
        ([*FIRST, ["3", "C", "", "", ""]], "1.1.0"),
        ([FIRST[0], ["2", "Bee", "about b", "tsc", "x|y"]], "1.1.0"),
        ([FIRST[0], ["2", "B", "about b", "ccs", "x|y"]], "1.1.0"),
        ([FIRST[0], ["2", "B", "about bees", "tsc", "x|y"]], "1.0.1"),
        ([FIRST[0], ["2", "B", "about b", "tsc", "z"]], "1.0.1"),
    ],
)
def test_the_number_follows_from_what_changed(
    release: Callable[..., tuple[str, bool]], rows: list[list[str]], number: str
) -> None:
    release(FIRST)
    assert release(rows) == (number, True)


def test_numbers_are_ordered_as_numbers(release: Callable[..., tuple[str, bool]], tmp_path: Path) -> None:
    for turn in range(11):
        release([["1", "A", f"text {turn}", "tsc", ""]])
    assert list_releases("mine", tmp_path)[-2:] == ["1.0.9", "1.0.10"]


def test_a_stored_release_is_read_back_as_it_was(
    release: Callable[..., tuple[str, bool]], tmp_path: Path
) -> None:
    release(FIRST)
    stored = load_release("mine", tmp_path)
    assert (stored.name, stored.number, stored.source) == ("mine", "1.0.0", "s.csv")
    assert stored.digest == stored.taxonomy.digest
    assert stored.taxonomy["2"].tags == ("x", "y")
    assert stored.imported_at.tzinfo is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("about a", "about z"),
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "skills": [{"title": "A"}]}),
        lambda text: json.dumps({**json.loads(text), "imported_at": "yesterday"}),
    ],
)
def test_a_damaged_release_is_noticed(
    release: Callable[..., tuple[str, bool]], tmp_path: Path, damage: Callable[[str], str]
) -> None:
    release(FIRST)
    path = tmp_path / "taxonomies" / "mine" / "1.0.0.json"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(TaxonomyError, match=r"mine@1\.0\.0"):
        load_release("mine", tmp_path)


def test_a_release_is_never_overwritten(
    release: Callable[..., tuple[str, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import seamark.taxonomy.release as module

    release(FIRST)
    before = (tmp_path / "taxonomies" / "mine" / "1.0.0.json").read_bytes()
    monkeypatch.setattr(module, "choose_number", lambda latest, diff: "1.0.0")
    with pytest.raises(StorageError, match="change too fast"):
        release(FIRST[:1])
    assert (tmp_path / "taxonomies" / "mine" / "1.0.0.json").read_bytes() == before
    assert [path.name for path in (tmp_path / "taxonomies" / "mine").iterdir()] == ["1.0.0.json"]


def test_a_full_disk_leaves_no_half_file(
    release: Callable[..., tuple[str, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="No space left"):
        release(FIRST)
    assert list((tmp_path / "taxonomies" / "mine").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "starter", "x" * 101, "a b"])
def test_a_name_that_can_not_be_one_is_refused(release: Callable[..., tuple[str, bool]], name: str) -> None:
    with pytest.raises(UsageError):
        release(FIRST, name=name)


def test_without_a_name_the_files_name_serves(tmp_path: Path, write_text: Callable[..., Path]) -> None:
    outcome = import_release(write_text("my skills (new).csv", [HEADER, *FIRST]), None, tmp_path)
    assert outcome.release.name == "my-skills-new"
    assert outcome.diff is None
    assert list_taxonomies(tmp_path) == ["my-skills-new"]


def test_nothing_imported_lists_nothing(tmp_path: Path) -> None:
    assert list_taxonomies(tmp_path) == []
    assert list_releases("mine", tmp_path) == []
    with pytest.raises(UsageError, match="none is imported"):
        load_release("mine", tmp_path)


def test_an_unknown_number_lists_the_known_ones(
    release: Callable[..., tuple[str, bool]], tmp_path: Path
) -> None:
    release(FIRST)
    with pytest.raises(UsageError, match=r"one of 1\.0\.0"):
        load_release("mine", tmp_path, number="9.9.9")
