from __future__ import annotations

import csv
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

STARTER = Path(str(files("seamark"))) / "taxonomy" / "starter"
SAMPLES = STARTER / "samples"
COLUMNS = [
    "skill_id",
    "title",
    "description",
    "type",
    "tags",
    "alternative_titles",
    "codes",
    "sectors",
    "proficiency_levels",
    "broader",
    "status",
]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def split_list(cell: str) -> list[str]:
    return cell.split("|") if cell else []


def find_repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


@pytest.fixture(scope="module")
def skills() -> list[dict[str, str]]:
    return read_rows(STARTER / "skills.csv")


@pytest.fixture(scope="module")
def index() -> list[dict[str, str]]:
    return read_rows(SAMPLES / "index.csv")


def test_columns_are_the_documented_ones_and_every_row_has_them(skills: list[dict[str, str]]) -> None:
    assert [row for row in skills if list(row) != COLUMNS] == []
    assert [row for row in skills if None in row.values()] == []


def test_there_are_at_least_320_skills(skills: list[dict[str, str]]) -> None:
    assert len(skills) >= 320


def test_readme_states_the_counts_of_the_files(skills: list[dict[str, str]]) -> None:
    sectors = {sector for row in skills for sector in split_list(row["sectors"])}
    readme = (STARTER / "README.md").read_text(encoding="utf-8")
    assert f"{len(skills)} skills over {len(sectors)} sectors" in readme


def test_skill_ids_are_unique_and_well_formed(skills: list[dict[str, str]]) -> None:
    skill_ids = [row["skill_id"] for row in skills]
    assert find_repeated(skill_ids) == []
    assert [skill_id for skill_id in skill_ids if not re.fullmatch(r"SM-\d{4}", skill_id)] == []


def test_titles_are_unique_whatever_their_case(skills: list[dict[str, str]]) -> None:
    assert find_repeated([row["title"].casefold() for row in skills]) == []


def test_an_alternative_title_names_one_skill_only(skills: list[dict[str, str]]) -> None:
    names = [row["title"].casefold() for row in skills]
    names += [name.casefold() for row in skills for name in split_list(row["alternative_titles"])]
    assert find_repeated(names) == []


def test_each_skill_has_two_to_six_alternative_titles(skills: list[dict[str, str]]) -> None:
    counts = {row["title"]: len(split_list(row["alternative_titles"])) for row in skills}
    assert {title: count for title, count in counts.items() if not 2 <= count <= 6} == {}


def test_codes_are_unique_and_one_for_each_level(skills: list[dict[str, str]]) -> None:
    codes = [code for row in skills for code in split_list(row["codes"])]
    assert find_repeated(codes) == []
    assert [code for code in codes if not re.fullmatch(r"[A-Z]{3}-[A-Z]{3}-\d{4}", code)] == []
    unequal = [r for r in skills if len(split_list(r["codes"])) != len(split_list(r["proficiency_levels"]))]
    assert unequal == []


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "tags"])
def test_no_cell_but_the_tag_is_empty(skills: list[dict[str, str]], column: str) -> None:
    assert [row["skill_id"] for row in skills if not row[column].strip()] == []


def test_no_item_is_empty_padded_or_broken_over_lines(skills: list[dict[str, str]]) -> None:
    items = [item for row in skills for cell in row.values() if cell for item in cell.split("|")]
    assert [item for item in items if not item or item != " ".join(item.split())] == []


def test_descriptions_are_one_sentence_of_12_to_30_words(skills: list[dict[str, str]]) -> None:
    texts = [row["description"] for row in skills]
    assert [text for text in texts if not 12 <= len(text.split()) <= 30] == []
    assert [text for text in texts if not text.endswith(".") or ". " in text] == []
    assert find_repeated(texts) == []


def test_types_tags_and_status_come_from_fixed_sets(skills: list[dict[str, str]]) -> None:
    assert {row["type"] for row in skills} == {"tsc", "ccs"}
    assert {row["tags"] for row in skills} == {"", "Emerging TSC"}
    assert {row["status"] for row in skills} == {"active"}


def test_critical_core_skills_are_20_to_25_and_never_emerging(skills: list[dict[str, str]]) -> None:
    core = [row for row in skills if row["type"] == "ccs"]
    assert 20 <= len(core) <= 25
    assert [row["title"] for row in core if row["tags"]] == []


def test_proficiency_levels_follow_the_type(skills: list[dict[str, str]]) -> None:
    core = {row["proficiency_levels"] for row in skills if row["type"] == "ccs"}
    technical = {x for r in skills if r["type"] == "tsc" for x in split_list(r["proficiency_levels"])}
    assert core == {"Basic|Intermediate|Advanced"}
    assert technical <= set("123456")


def test_skills_spread_over_many_sectors_with_one_to_four_each(skills: list[dict[str, str]]) -> None:
    sectors = [split_list(row["sectors"]) for row in skills]
    assert len({sector for group in sectors for sector in group}) >= 20
    assert [group for group in sectors if not 1 <= len(group) <= 4 or find_repeated(group)] == []


def test_no_broader_group_is_itself_a_skill(skills: list[dict[str, str]]) -> None:
    titles = {row["title"].casefold() for row in skills}
    assert {row["broader"] for row in skills if row["broader"].casefold() in titles} == set()


def test_the_index_lists_exactly_the_20_sample_files(index: list[dict[str, str]]) -> None:
    listed = [row["file"] for row in index]
    assert len(listed) == 20
    assert sorted(listed) == sorted(path.name for path in SAMPLES.glob("*.txt"))


def test_samples_are_14_postings_and_6_courses(index: list[dict[str, str]]) -> None:
    assert Counter(row["kind"] for row in index) == {"posting": 14, "course": 6}


def test_expected_skills_exist_and_are_4_to_12_without_repeats(
    skills: list[dict[str, str]], index: list[dict[str, str]]
) -> None:
    known = {row["skill_id"] for row in skills}
    expected = {row["file"]: split_list(row["expected"]) for row in index}
    assert {file: set(ids) - known for file, ids in expected.items() if set(ids) - known} == {}
    assert [file for file, ids in expected.items() if not 4 <= len(ids) <= 12 or find_repeated(ids)] == []


def test_samples_have_posting_length_and_one_is_very_short(index: list[dict[str, str]]) -> None:
    words = {row["file"]: len((SAMPLES / row["file"]).read_text(encoding="utf-8").split()) for row in index}
    assert [file for file, count in words.items() if count < 90] == ["06-forklift-driver-short.txt"]
    assert [file for file, count in words.items() if count > 260] == []


def test_samples_contain_the_noise_of_real_texts() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SAMPLES.glob("*.txt")]
    assert sum("<li>" in text for text in texts) >= 2
    assert sum("•" in text for text in texts) >= 2
    assert any(text.upper() == text for text in texts)
