from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.evaluation.labels import (
    LabelCounter,
    LabelResolver,
    fold,
    is_no_label,
    merge_alternatives,
)
from seamark.errors import InputError
from seamark.taxonomy.skill import Skill

SKILLS = (
    Skill("t1", "Data Design", alternative_titles=("Data Modelling",)),
    Skill("t2", "data design and storage"),
    Skill("t3", "use equipment, tools or technology with precision"),
    Skill("t4", "equipment"),
    Skill("t5", "SQL"),
    Skill("t6", "sql"),
    Skill("t7", "Contracts; law, policy"),
    Skill("t8", "Sealing", status="retired"),
    Skill("t9", "Welding"),
    Skill("t10", "welding", status="retired"),
    Skill("https://x.org/1,2", "Linked data"),
    Skill("data modelling", "Odd id"),
)


@pytest.fixture
def resolver() -> LabelResolver:
    return LabelResolver(SKILLS)


@pytest.mark.parametrize(
    ("label", "ids"),
    [
        ("Data Design", {"t1"}),
        ("  DATA \t design ", {"t1"}),
        ("Data Modelling", {"t1"}),
        ("SQL", {"t5"}),
        ("sql", {"t6"}),
        ("Sql", {"t5", "t6"}),
        ("t4", {"t4"}),
        (" https://x.org/1,2 ", {"https://x.org/1,2"}),
        ("data modelling", {"data modelling"}),
        ("Sealing", set()),
        ("t8", set()),
        ("Welding", {"t9"}),
        ("WELDING", {"t9"}),
        ("welding", {"t9"}),
        ("Knitting", set()),
        ("", set()),
        ("  \n ", set()),
    ],
)
def test_a_label_resolves_by_title_then_id_then_alternative_title(
    resolver: LabelResolver, label: str, ids: set[str]
) -> None:
    assert resolver.resolve(label) == ids


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("", []),
        (" ;, \n", []),
        ("SQL", ["SQL"]),
        ("SQL, Data Design;Welding\nequipment", ["SQL", "Data Design", "Welding", "equipment"]),
        ("SQL\r\nWelding", ["SQL", "Welding"]),
        ("use equipment, tools or technology with precision", [SKILLS[2].title]),
        (
            "SQL, Use Equipment,  tools or technology with precision ;x",
            ["SQL", "Use Equipment,  tools or technology with precision", "x"],
        ),
        ("use equipment, tools", ["use equipment", "tools"]),
        ("Contracts; law, policy, SQL", ["Contracts; law, policy", "SQL"]),
        ("Contracts; law", ["Contracts", "law"]),
        ("data\ndesign", ["data", "design"]),
        ("https://x.org/1,2;t4", ["https://x.org/1,2", "t4"]),
        ('["SQL", "use equipment, tools", null, 7]', ["SQL", "use equipment, tools", "7"]),
        ("['SQL', \"it's\"]", ["SQL", "it's"]),
        ("[]", []),
        ("[not a list, at all]", ["[not a list", "at all]"]),
        (["a; b", " c ", ""], ["a; b", "c"]),
    ],
)
def test_a_cell_parts_at_separators_outside_known_names(
    resolver: LabelResolver, cell: str | list[str], labels: list[str]
) -> None:
    assert resolver.split(cell) == labels


def test_a_deeply_nested_text_is_just_text(resolver: LabelResolver) -> None:
    cell = "[" * 100_000 + "]" * 100_000
    assert resolver.split(cell) == [cell]


@pytest.mark.parametrize("item", [["nested"], {"skill_id": "t1"}, True])
def test_an_item_that_is_no_text_is_refused_with_its_place(resolver: LabelResolver, item: object) -> None:
    with pytest.raises(InputError, match=r"row 4: a \w+ in a list of labels"):
        resolver.split([item], where="row 4")


def test_no_taxonomy_still_parts_cells() -> None:
    assert LabelResolver(()).split("a, b") == ["a", "b"]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from([skill.title for skill in SKILLS] + ["unknown label"]), max_size=6),
    st.lists(st.sampled_from([", ", ";", "\n", ",", " ; "]), min_size=6, max_size=6),
)
def test_joined_titles_part_into_the_same_titles(titles: list[str], separators: list[str]) -> None:
    cell = "".join(title + separator for title, separator in zip(titles, separators, strict=False))
    assert LabelResolver(SKILLS).split(cell) == titles


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="ab,;\n [", max_size=30))
def test_parting_loses_no_letter(cell: str) -> None:
    letters = "".join(LabelResolver(SKILLS).split(cell)).translate(dict.fromkeys(map(ord, ",;\n [")))
    assert letters == cell.translate(dict.fromkeys(map(ord, ",;\n [")))


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40))
def test_folding_twice_changes_nothing_but_case(text: str) -> None:
    assert fold(fold(text)).casefold() == fold(text).casefold()


@pytest.mark.parametrize("label", ["", "  ", "UNK", "unk", "LABEL  NOT PRESENT ", "underspecified"])
def test_words_for_no_label_are_known(label: str) -> None:
    assert is_no_label(label)


@pytest.mark.parametrize("label", ["unknown", "label", "O"])
def test_other_words_are_labels(label: str) -> None:
    assert not is_no_label(label)


def test_the_counter_tells_dropped_from_unresolved(resolver: LabelResolver) -> None:
    counter = LabelCounter(resolver)
    found = [counter.resolve(label) for label in ("SQL", "unk", "", "Knitting", " Knitting")]
    assert found == [{"t5"}, set(), set(), set(), set()]
    assert counter.dropped == {"UNK": 1, "(empty)": 1}
    assert counter.unresolved == {"Knitting": 2}


def test_skills_that_one_label_may_mean_count_as_one() -> None:
    groups = [frozenset("ba"), frozenset("c"), frozenset("de"), frozenset("eb")]
    assert merge_alternatives(groups) == {"a": "a", "b": "a", "c": "c", "d": "a", "e": "a"}
    assert merge_alternatives([]) == {}
