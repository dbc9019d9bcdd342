from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.taxonomy import Skill, Taxonomy, diff_taxonomies

OLD = Skill("1", "Data", "About data.", "tsc", tags=("a", "b"), broader=("x", "y"))


def diff_one(**changes: object) -> dict[str, int]:
    new = replace(OLD, **changes)  # type: ignore[arg-type]
    diff = diff_taxonomies(Taxonomy("t", (OLD,)), Taxonomy("t", (new,)))
    return {name: count for name, count in diff.counts.items() if count}


def test_each_kind_of_change_is_in_its_list() -> None:
    assert diff_one(title="Data!") == {"retitled": 1}
    assert diff_one(description="") == {"redescribed": 1}
    assert diff_one(type="ccs") == {"retyped": 1}
    assert diff_one(status="retired") == {"changed_otherwise": 1}
    assert diff_one(alternative_titles=("z",)) == {"changed_otherwise": 1}
    assert diff_one(broader=("y", "x")) == {"changed_otherwise": 1}


def test_a_new_order_of_tags_is_no_change() -> None:
    assert diff_one(tags=("b", "a")) == {}


def test_a_skill_changed_twice_is_in_both_lists_and_changed_once() -> None:
    new = replace(OLD, title="Data!", description="Other.")
    diff = diff_taxonomies(Taxonomy("t", (OLD,)), Taxonomy("t", (new,)))
    assert (len(diff.retitled), len(diff.redescribed), len(diff.changed)) == (1, 1, 1)
    assert diff.changed[0].fields == ("title", "description")


def test_added_and_removed_skills_are_told_apart() -> None:
    other = Skill("2", "Other")
    diff = diff_taxonomies(Taxonomy("t", (OLD,)), Taxonomy("t", (other,)))
    assert (diff.added, diff.removed) == ((other,), (OLD,))
    assert diff


def test_the_dict_names_old_and_new_values() -> None:
    new = replace(OLD, title="Data!", tags=("b", "c"), broader=("y", "x"))
    (change,) = diff_taxonomies(Taxonomy("t", (OLD,)), Taxonomy("t", (new,))).to_dict()["changed"]
    assert change["changes"] == {
        "title": {"old": "Data", "new": "Data!"},
        "tags": {"added": ["c"], "removed": ["a"]},
        "broader": {"old": ["x", "y"], "new": ["y", "x"]},
    }


_skills = st.lists(
    st.builds(
        Skill,
        skill_id=st.sampled_from("abcdef"),
        title=st.sampled_from(["one", "two"]),
        tags=st.lists(st.sampled_from("xyz"), unique=True).map(tuple),
    ),
    unique_by=lambda skill: skill.skill_id,
).map(tuple)


@settings(max_examples=100, deadline=None)
@given(old=_skills, new=_skills)
def test_nothing_changed_exactly_where_the_digests_agree(
    old: tuple[Skill, ...], new: tuple[Skill, ...]
) -> None:
    one, other = Taxonomy("t", old), Taxonomy("t", new)
    assert bool(diff_taxonomies(one, other)) == (one.digest != other.digest)


@settings(max_examples=50, deadline=None)
@given(old=_skills, new=_skills)
def test_the_way_back_swaps_added_and_removed(old: tuple[Skill, ...], new: tuple[Skill, ...]) -> None:
    there = diff_taxonomies(Taxonomy("t", old), Taxonomy("t", new)).counts
    back = diff_taxonomies(Taxonomy("t", new), Taxonomy("t", old)).counts
    assert (there["added"], there["removed"]) == (back["removed"], back["added"])
    assert there["retitled"] == back["retitled"]
