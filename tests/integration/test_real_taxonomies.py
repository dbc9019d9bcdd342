"""The published taxonomies, as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamark.errors import TaxonomyError
from seamark.taxonomy import (
    ReadResult,
    Taxonomy,
    diff_taxonomies,
    import_release,
    load_release,
    read_taxonomy,
    write_taxonomy,
)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def old_esco(data_dir: Path) -> ReadResult:
    return read_taxonomy(data_dir / "esco" / "v1.1.0" / "skills_en.csv")


@pytest.fixture(scope="module")
def new_esco(data_dir: Path) -> ReadResult:
    return read_taxonomy(data_dir / "esco" / "v1.1.1")


@pytest.fixture(scope="module")
def skillsfuture(data_dir: Path) -> ReadResult:
    return read_taxonomy(data_dir / "sfw")


def test_every_esco_skill_is_kept(old_esco: ReadResult, new_esco: ReadResult) -> None:
    assert (len(old_esco.taxonomy), len(new_esco.taxonomy)) == (13_891, 13_896)
    assert old_esco.report.rejected == new_esco.report.rejected == ()
    assert sum(len(skill.alternative_titles) for skill in old_esco.taxonomy) > 80_000


def test_esco_titles_are_on_one_line_and_types_known(old_esco: ReadResult) -> None:
    for skill in old_esco.taxonomy:
        assert skill.title == " ".join(skill.title.split())
        assert skill.title.casefold() not in map(str.casefold, skill.alternative_titles)
        assert skill.type in ("skill/competence", "knowledge", "")


def test_esco_bundle_gives_every_skill_a_group(new_esco: ReadResult) -> None:
    assert new_esco.report.format == "esco"
    assert new_esco.report.files[0] == "skills_en.csv"
    assert new_esco.report.ignored == ("digitalSkillsCollection_en.csv",)
    assert all(skill.broader for skill in new_esco.taxonomy)
    python = new_esco.taxonomy.find_title("Python (computer programming)")[0]
    assert "computer programming" in python.broader[:2]
    assert "skills" in python.broader


def test_esco_update_is_small_and_removes_nothing(data_dir: Path, old_esco: ReadResult) -> None:
    new = Taxonomy.load(data_dir / "esco" / "v1.1.1" / "skills_en.csv")
    counts = diff_taxonomies(old_esco.taxonomy, new).counts
    assert (counts["added"], counts["removed"], counts["retitled"], counts["retyped"]) == (5, 0, 2, 2)
    assert counts["redescribed"] == 86
    assert counts["changed_otherwise"] < 200  # a new order of alternative labels is no change


def test_esco_releases_are_numbered_by_the_update(data_dir: Path, tmp_path: Path) -> None:
    first = import_release(data_dir / "esco" / "v1.1.0", None, tmp_path)
    second = import_release(data_dir / "esco" / "v1.1.1", None, tmp_path)
    again = import_release(data_dir / "esco" / "v1.1.1", None, tmp_path)
    assert (first.release.name, first.release.number) == ("esco", "1.0.0")
    assert (second.release.number, second.created) == ("1.1.0", True)
    assert (again.release.number, again.created) == ("1.1.0", False)
    assert load_release("esco", tmp_path).taxonomy.digest == second.release.digest


def test_skillsfuture_keeps_every_title_once(skillsfuture: ReadResult) -> None:
    assert skillsfuture.report.format == "skillsfuture"
    assert (skillsfuture.report.rows_read, len(skillsfuture.taxonomy)) == (2_203, 2_182)
    duplicates = [issue for issue in skillsfuture.report.rejected if "unique-skills-list" in issue.file]
    assert len(duplicates) == 21
    assert all(issue.column == "skill_title" for issue in duplicates)


def test_skillsfuture_reports_the_damage_of_its_files(skillsfuture: ReadResult) -> None:
    key = [issue for issue in skillsfuture.report.repaired if issue.file == "jobsandskills-TSC_CCS_Key.csv"]
    assert (key[0].row, key[0].reason) == (1, "byte-order mark removed")
    broken = [issue for issue in key if "Ã" in issue.value]
    assert len(broken) == 4
    assert sum(issue.column == "TSC_CCS Type" for issue in key) == 3
    text = "".join(skill.title + skill.description for skill in skillsfuture.taxonomy)
    assert not set(text) & set("ÃÂ\ufffd\ufeff")


def test_skillsfuture_bundle_fills_codes_sectors_levels_and_tags(skillsfuture: ReadResult) -> None:
    taxonomy = skillsfuture.taxonomy
    assert all(skill.codes and skill.sectors and skill.proficiency_levels for skill in taxonomy)
    assert {skill.type for skill in taxonomy} == {"tsc", "ccs"}
    assert sum(skill.tags == ("Emerging TSC",) for skill in taxonomy) == 201
    assert sum(len(skill.alternative_titles) for skill in taxonomy) == 180
    assert taxonomy["data-design"].proficiency_levels == ("3", "4", "5")


def test_skillsfuture_workbook_alone_gives_the_same_skills(data_dir: Path, skillsfuture: ReadResult) -> None:
    path = data_dir / "sfw" / "jobsandskills-skillsfuture-unique-skills-list.xlsx"
    alone = Taxonomy.load(path)
    assert [skill.skill_id for skill in alone] == [skill.skill_id for skill in skillsfuture.taxonomy]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_real_taxonomies_survive_our_own_format(
    tmp_path: Path, new_esco: ReadResult, skillsfuture: ReadResult, suffix: str
) -> None:
    for taxonomy in (new_esco.taxonomy, skillsfuture.taxonomy):
        path = tmp_path / f"{taxonomy.name}{suffix}"
        write_taxonomy(taxonomy, path)
        result = read_taxonomy(path)
        assert result.report.issues == ()
        assert result.taxonomy.digest == taxonomy.digest


@pytest.mark.parametrize("name", ["indeed_sg.csv", "data_roles.csv", "municipal.csv"])
def test_postings_are_no_taxonomy(data_dir: Path, name: str) -> None:
    with pytest.raises(TaxonomyError, match="no taxonomy that Seamark knows"):
        read_taxonomy(data_dir / "postings" / name)
