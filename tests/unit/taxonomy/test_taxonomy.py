from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import TaxonomyError, UsageError
from seamark.taxonomy import Skill, Taxonomy, import_release

SKILLS = (
    Skill("1", "Data Design", "Designs data.", "tsc", alternative_titles=("Database Modelling",)),
    Skill("2", "Design Sketching", status="retired"),
    Skill("3", "Data Engineering", alternative_titles=("Data  DESIGN",)),
    Skill("4", "C++ Programming"),
)


@pytest.fixture
def taxonomy() -> Taxonomy:
    return Taxonomy("mine", SKILLS)


def test_length_iteration_and_membership_follow_the_skills(taxonomy: Taxonomy) -> None:
    assert len(taxonomy) == 4
    assert list(taxonomy) == list(SKILLS)
    assert "1" in taxonomy
    assert "5" not in taxonomy


def test_only_active_skills_are_active(taxonomy: Taxonomy) -> None:
    assert [skill.skill_id for skill in taxonomy.active] == ["1", "3", "4"]


def test_get_gives_the_skill_or_none(taxonomy: Taxonomy) -> None:
    assert taxonomy.get("2") is SKILLS[1]
    assert taxonomy.get("nope") is None


def test_a_missing_skill_lists_close_names() -> None:
    taxonomy = Taxonomy("mine", (Skill("data-design", "Data Design"), Skill("cooking", "Cooking")))
    with pytest.raises(UsageError, match="data-design"):
        taxonomy["data-desgin"]


def test_a_title_given_for_an_id_is_answered_with_its_id(taxonomy: Taxonomy) -> None:
    with pytest.raises(UsageError) as caught:
        taxonomy["data design"]
    assert caught.value.hint == "one of 1, 3"


def test_a_missing_skill_with_nothing_close_still_says_what_to_try(taxonomy: Taxonomy) -> None:
    with pytest.raises(UsageError, match="search it by title"):
        taxonomy["zzzz"]


def test_titles_are_found_before_alternative_titles(taxonomy: Taxonomy) -> None:
    assert [skill.skill_id for skill in taxonomy.find_title(" data   DESIGN ")] == ["1", "3"]


def test_a_skill_named_twice_by_the_label_is_found_once() -> None:
    taxonomy = Taxonomy("t", (Skill("1", "Data", alternative_titles=("DATA", "data ")),))
    assert len(taxonomy.find_title("data")) == 1


@pytest.mark.parametrize("label", ["", "   ", "unknown"])
def test_an_unknown_title_finds_nothing(taxonomy: Taxonomy, label: str) -> None:
    assert taxonomy.find_title(label) == ()


def test_search_ranks_names_with_all_words_first(taxonomy: Taxonomy) -> None:
    assert [skill.skill_id for skill in taxonomy.search("data design")][:2] == ["1", "3"]


def test_search_meets_longer_words_and_signs(taxonomy: Taxonomy) -> None:
    assert [skill.skill_id for skill in taxonomy.search("engin")] == ["3"]
    assert [skill.skill_id for skill in taxonomy.search("c++")] == ["4"]


@pytest.mark.parametrize(("query", "limit"), [("", 5), ("  ", 5), ("?!", 5), ("data", 0), ("zebra", 5)])
def test_search_with_nothing_to_find_is_empty(taxonomy: Taxonomy, query: str, limit: int) -> None:
    assert taxonomy.search(query, limit) == ()


def test_search_keeps_to_its_limit(taxonomy: Taxonomy) -> None:
    assert len(taxonomy.search("design", 1)) == 1


def test_the_same_skill_id_twice_is_refused() -> None:
    with pytest.raises(TaxonomyError, match="'1' twice"):
        Taxonomy("t", (Skill("1", "A"), Skill("1", "B")))


@pytest.mark.parametrize("skill", [Skill("", "A"), Skill("1", "")])
def test_a_skill_without_id_or_title_is_refused(skill: Skill) -> None:
    with pytest.raises(TaxonomyError, match="no skill_id or no title"):
        Taxonomy("t", (skill,))


def test_an_empty_taxonomy_is_allowed() -> None:
    assert len(Taxonomy("none", ())) == 0


def test_it_is_frozen(taxonomy: Taxonomy) -> None:
    with pytest.raises(AttributeError):
        taxonomy.name = "other"  # type: ignore[misc]


_words = st.text(alphabet="abcdef é+", min_size=1, max_size=8).map(str.strip).filter(bool)
_lists = st.lists(_words, max_size=3, unique=True).map(tuple)
_skills = st.lists(
    st.builds(
        Skill, skill_id=_words, title=_words, description=_words, tags=_lists, alternative_titles=_lists
    ),
    max_size=6,
    unique_by=lambda skill: skill.skill_id,
)


@settings(max_examples=50, deadline=None)
@given(skills=_skills, data=st.data())
def test_the_digest_knows_no_order_name_or_version(skills: list[Skill], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(skills))
    turned = tuple(
        Skill(
            s.skill_id,
            s.title,
            s.description,
            tags=s.tags[::-1],
            alternative_titles=s.alternative_titles[::-1],
        )
        for s in shuffled
    )
    assert Taxonomy("a", tuple(skills)).digest == Taxonomy("b", turned, "1.0.0").digest


@settings(max_examples=50, deadline=None)
@given(skills=_skills.filter(bool))
def test_the_digest_changes_with_the_content(skills: list[Skill]) -> None:
    first = skills[0]
    changed = Skill(first.skill_id, first.title + "!", first.description, tags=first.tags)
    assert Taxonomy("a", tuple(skills)).digest != Taxonomy("a", (changed, *skills[1:])).digest


def test_the_order_of_broader_groups_is_content() -> None:
    one = Taxonomy("t", (Skill("1", "A", broader=("x", "y")),))
    other = Taxonomy("t", (Skill("1", "A", broader=("y", "x")),))
    assert one.digest != other.digest


def test_equality_is_that_of_name_version_and_content(taxonomy: Taxonomy) -> None:
    same = Taxonomy("mine", SKILLS[::-1])
    assert taxonomy == same
    assert hash(taxonomy) == hash(same)
    assert taxonomy != Taxonomy("other", SKILLS)
    assert taxonomy != "mine"


def test_the_starter_loads_by_name_and_is_read_once() -> None:
    assert Taxonomy.load("starter") is Taxonomy.starter()
    assert len(Taxonomy.starter()) >= 300


def test_a_file_loads_by_path_and_by_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("skill_id,title\n1,Data Design\n", encoding="utf-8")
    assert Taxonomy.load(path).name == "mine"
    assert Taxonomy.load(str(path)) == Taxonomy.load(path)


def test_an_imported_taxonomy_loads_by_name_and_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("skill_id,title\n1,A\n", encoding="utf-8")
    import_release(path, "mine", tmp_path)
    path.write_text("skill_id,title\n1,A\n2,B\n", encoding="utf-8")
    import_release(path, "mine", tmp_path)
    assert Taxonomy.load("mine", home=tmp_path).version == "1.1.0"
    assert len(Taxonomy.load("mine@1.0.0", home=tmp_path)) == 1


def test_the_home_of_the_settings_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path))
    path = tmp_path / "a.csv"
    path.write_text("skill_id,title\n1,A\n", encoding="utf-8")
    import_release(path, "mine", tmp_path)
    assert Taxonomy.load("mine").version == "1.0.0"


@pytest.mark.parametrize("source", ["nosuch", "./nosuch.csv", "", "a/b/c", "../x"])
def test_an_unknown_source_names_those_that_are_there(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="starter"):
        Taxonomy.load(source, home=tmp_path)
