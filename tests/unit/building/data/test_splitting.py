from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.building.data.splitting import SPLITS, choose_split, make_split_key

SHARES = {"test_share": 0.2, "validation_share": 0.1}
texts = st.text(max_size=30)


@given(documents=st.lists(st.tuples(texts, texts), unique=True), more=st.lists(st.tuples(texts, texts)))
def test_a_side_depends_on_nothing_but_the_document(
    documents: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    alone = {doc: choose_split(make_split_key(*doc), **SHARES) for doc in documents}
    together = {doc: choose_split(make_split_key(*doc), **SHARES) for doc in [*more, *reversed(documents)]}
    assert {doc: together[doc] for doc in documents} == alone


@given(text=st.text(min_size=1).filter(str.strip), ids=st.tuples(texts, texts))
def test_the_same_text_is_on_one_side_whatever_its_id(text: str, ids: tuple[str, str]) -> None:
    first, second = (make_split_key(document_id, text) for document_id in ids)
    assert choose_split(first, **SHARES) == choose_split(second, **SHARES)


def test_case_and_white_space_do_not_part_texts() -> None:
    assert make_split_key("a", "Write  SQL\n") == make_split_key("b", "write sql")


def test_a_document_without_a_text_goes_by_its_id() -> None:
    assert make_split_key("a", " ") == make_split_key("a", "") != make_split_key("b", "")


def test_an_id_is_never_mistaken_for_a_text() -> None:
    assert make_split_key("a", "") != make_split_key("", "a")


def test_the_shares_come_out_about_right() -> None:
    counts = Counter(choose_split(f"id:{number}", **SHARES) for number in range(10_000))
    assert [round(counts[split] / 10_000, 1) for split in SPLITS] == [0.7, 0.1, 0.2]


@pytest.mark.parametrize(
    ("shares", "side"), [((1.0, 0.0), "test"), ((0.0, 1.0), "validation"), ((0.0, 0.0), "train")]
)
def test_a_share_may_be_all_or_nothing(shares: tuple[float, float], side: str) -> None:
    sides = {choose_split(str(n), test_share=shares[0], validation_share=shares[1]) for n in range(200)}
    assert sides == {side}


def test_a_side_is_the_same_in_every_release_of_seamark() -> None:
    assert choose_split("id:posting-7", **SHARES) == "validation"
    assert [choose_split(f"id:{number}", **SHARES) for number in range(5)] == [
        "train",
        "train",
        "train",
        "test",
        "train",
    ]
