from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_fakes import MANIFEST, change_manifest
from seamark.errors import InputError
from seamark.registry.numbering import (
    Change,
    choose_number,
    describe_content,
    find_newest,
    parse_number,
)

numbers = st.tuples(*[st.integers(0, 10**12)] * 3).map(lambda parts: ".".join(map(str, parts)))


def _choose(newest: str, manifest: dict[str, Any]) -> tuple[str, Change]:
    return choose_number((newest, describe_content(MANIFEST)), describe_content(manifest))


def test_the_first_version_is_1_0_0() -> None:
    assert choose_number(None, describe_content(MANIFEST)) == ("1.0.0", Change.FIRST)


@pytest.mark.parametrize(
    ("path", "value", "number", "change"),
    [
        ("recipe/encoder/base_model", "all-mpnet-base-v2", "2.0.0", Change.ENCODER),
        ("recipe/encoder/base_sha256", "78c0", "2.0.0", Change.ENCODER),
        ("recipe/encoder/architecture", "bert-12-768", "2.0.0", Change.ENCODER),
        ("recipe/encoder/dimensions", 768, "2.0.0", Change.ENCODER),
        ("recipe/loss", "cosent", "2.0.0", Change.LOSS),
        ("weights/embedding_model", "e2", "1.3.0", Change.WEIGHTS),
        ("weights/span_extractor", "s2", "1.3.0", Change.WEIGHTS),
        ("weights/ranker", "r2", "1.3.0", Change.WEIGHTS),
        ("taxonomy/digest", "t2", "1.2.10", Change.TAXONOMY),
        ("taxonomy/number", "1.0.1", "1.2.10", Change.TAXONOMY),
        ("recipe/threshold", 0.6, "1.2.10", Change.FIX),
        ("recipe/encoder/max_tokens", 128, "1.2.10", Change.FIX),
        ("files/embeddings.npy", {"size": 8, "sha256": "f2"}, "1.2.10", Change.FIX),
    ],
)
def test_what_changed_decides_which_component_grows(
    path: str, value: Any, number: str, change: Change
) -> None:
    assert _choose("1.2.9", change_manifest(path, value)) == (
        number,
        change,
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", ""),
        ("created_at", "2026-12-01T00:00:00+00:00"),
        ("lineage", {"parent": "1.0.0", "experiment": "experiment-2"}),
        ("data", None),
        ("metrics", {"jaccard": 0.9}),
        ("taxonomy/skills", 1),
        ("files/model_card.md", {"size": 9, "sha256": "c2"}),
    ],
)
def test_what_a_bundle_says_about_itself_makes_no_version(path: str, value: Any) -> None:
    assert _choose("1.2.9", change_manifest(path, value)) == ("1.2.9", Change.NONE)


def test_the_greatest_of_several_changes_counts() -> None:
    manifest = change_manifest("weights/ranker", "r2")
    manifest["taxonomy"]["digest"] = "t2"
    assert _choose("1.2.9", manifest) == ("1.3.0", Change.WEIGHTS)
    manifest["recipe"]["loss"] = "cosent"
    assert _choose("1.2.9", manifest) == ("2.0.0", Change.LOSS)


@pytest.mark.parametrize("none", [None, ""])
def test_the_first_training_of_a_base_model_makes_weights_not_another_model(none: str | None) -> None:
    base = describe_content(change_manifest("recipe/loss", none))
    trained = change_manifest("weights/embedding_model", "e2")
    assert choose_number(("1.0.0", base), describe_content(trained)) == ("1.1.0", Change.WEIGHTS)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("recipe/loss", "1000000000.0.0"),
        ("weights/ranker", "999999999.1000000000.0"),
        ("recipe/threshold", "999999999.999999999.1000000000"),
    ],
)
def test_components_have_no_limit(change: str, number: str) -> None:
    assert _choose("999999999.999999999.999999999", change_manifest(change, "other"))[0] == number


def test_999_999_999_counts_on() -> None:
    assert _choose("999.999.999", change_manifest("recipe/threshold", 0.6))[0] == "999.999.1000"


def test_numbers_sort_by_their_components_not_as_text() -> None:
    assert find_newest(["1.2.9", "1.10.0", "1.2.10", "0.99.99"]) == "1.10.0"
    assert find_newest([]) is None


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.02.3", "1.2.-3", "1.2.3\n", "١.٢.٣"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected X\.Y\.Z"):
        parse_number(text)


@given(numbers)
def test_a_number_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_number(text)) == text


@given(
    st.lists(numbers, min_size=1),
    st.sampled_from(["recipe/loss", "weights/ranker", "taxonomy/digest", "recipe/seed"]),
)
def test_a_new_number_is_above_all_others_by_one_component(existing: list[str], path: str) -> None:
    newest = find_newest(existing)
    assert newest is not None
    before = parse_number(newest)
    after = parse_number(_choose(newest, change_manifest(path, "other"))[0])
    assert all(after > parse_number(number) for number in existing)
    raised = next(i for i in range(3) if before[i] != after[i])
    assert after[raised] == before[raised] + 1
    assert after[raised + 1 :] == (0,) * (2 - raised)
