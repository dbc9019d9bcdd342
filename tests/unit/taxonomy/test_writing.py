from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seamark.errors import StorageError, UsageError
from seamark.taxonomy import Skill, Taxonomy, read_taxonomy, write_taxonomy
from seamark.taxonomy.readers.plain import join_list, read_trusted_csv, split_list

# Text that the readers leave as it is: no characters they would repair, no white space at the ends.
_alphabet = st.one_of(
    st.sampled_from("ab |\\\"',;#+é中ß…"), st.characters(min_codepoint=0x20, max_codepoint=0x7E)
)
_line = st.text(_alphabet, min_size=1, max_size=12).map(lambda text: " ".join(text.split())).filter(bool)
_entries = st.lists(_line, max_size=3, unique_by=str.casefold).map(tuple)


def _without_title(skill: Skill) -> bool:
    return skill.title.casefold() not in {title.casefold() for title in skill.alternative_titles}


_skill = st.builds(
    Skill,
    skill_id=_line,
    title=_line,
    description=st.one_of(st.just(""), _line, st.just("two\nlines")),
    type=st.one_of(st.just(""), _line),
    tags=_entries,
    alternative_titles=_entries,
    codes=_entries,
    sectors=_entries,
    proficiency_levels=_entries,
    broader=_entries,
    status=st.sampled_from(["active", "retired"]),
).filter(_without_title)
_taxonomies = st.lists(_skill, min_size=1, max_size=4, unique_by=lambda skill: skill.skill_id).map(
    lambda skills: Taxonomy("mine", tuple(skills))
)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(taxonomy=_taxonomies)
def test_writing_and_reading_keeps_everything(suffix: str, taxonomy: Taxonomy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mine{suffix}"
        write_taxonomy(taxonomy, path)
        result = read_taxonomy(path)
    assert result.taxonomy.skills == taxonomy.skills
    assert result.taxonomy == taxonomy
    assert result.report.issues == ()


@settings(max_examples=30, deadline=None)
@given(taxonomy=_taxonomies)
def test_the_trusted_reader_reads_what_the_careful_one_reads(taxonomy: Taxonomy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.csv"
        write_taxonomy(taxonomy, path)
        assert read_trusted_csv(path) == taxonomy.skills


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(_line))
def test_joined_lists_split_again(entries: list[str]) -> None:
    assert split_list(join_list(entries)) == entries


@pytest.mark.parametrize(
    ("cell", "entries"),
    [
        ("", []),
        ("|", []),
        (" | ", []),
        ("a||b", ["a", "b"]),
        ("a\\", ["a\\"]),
        ("\\|", ["|"]),
        ("a\\b", ["a\\b"]),
    ],
)
def test_odd_cells_split_sensibly(cell: str, entries: list[str]) -> None:
    assert split_list(cell) == entries


def test_the_starter_passes_the_careful_reader() -> None:
    from seamark.taxonomy.taxonomy import _STARTER_FILE

    result = read_taxonomy(_STARTER_FILE)
    assert result.report.issues == ()
    assert result.taxonomy.skills == Taxonomy.starter().skills


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv or \.json"):
        write_taxonomy(Taxonomy("t", ()), tmp_path / "t.xlsx")


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StorageError, match="can't be written"):
        write_taxonomy(Taxonomy("t", ()), tmp_path / "file" / "t.csv")


def test_a_file_that_is_there_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old", encoding="utf-8")
    write_taxonomy(Taxonomy("t", (Skill("1", "A"),)), path)
    assert read_taxonomy(path).taxonomy["1"].title == "A"
    assert [item.name for item in tmp_path.iterdir()] == ["t.csv"]
