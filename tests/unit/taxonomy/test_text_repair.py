from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.taxonomy._text import derive_skill_id, is_suspicious, normalise_title, repair_text, tidy_list


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("faÃ§ade", "façade"),
        ("faÃƒÂ§ade", "façade"),
        ("byÂ\xa0reviewing", "by\xa0reviewing"),
        ("childrenâ€™s", "children’s"),
        ("â€œquotedâ€\x9d", "“quoted”"),
        ("childrenÃ¢â‚¬â„¢s", "children’s"),
        ("children\ufffds", "children’s"),
        ("\ufeffdata\u200b", "data"),
    ],
)
def test_unambiguous_damage_is_undone(broken: str, whole: str) -> None:
    repaired, reasons = repair_text(broken)
    assert repaired == whole
    assert reasons
    assert is_suspicious(broken)


@pytest.mark.parametrize(
    "honest",
    ["Spaß“", "CAFÉ…", "MANHÃ”", "Île-de-France", "naïve façade", "’tis", "50 °C", "Å", "câ", "中文", ""],
)
def test_honest_text_stays_as_it_is(honest: str) -> None:
    assert repair_text(honest) == (honest, ())


def test_a_character_that_is_lost_for_good_stays_for_the_caller() -> None:
    assert repair_text("caf\ufffd owner") == ("caf\ufffd owner", ())


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=0xA1, max_codepoint=0xFF), min_size=1, max_size=8))
def test_latin_text_survives_a_wrong_decoding(text: str) -> None:
    if repair_text(text)[0] != text:
        return  # looks broken already
    wrong = "".join(
        bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in ("x " + text).encode("utf-8")
    )
    repaired = repair_text(wrong)[0]
    # What could be honest text is left alone, so it may stay wrong; it never becomes anything else.
    assert all(char in wrong or char in text for char in repaired)


@pytest.mark.parametrize(
    ("title", "skill_id"),
    [("Data Design", "data-design"), ("  DATA   design ", "data-design"), ("3D Animation", "3d-animation")],
)
def test_a_plain_title_gives_a_readable_id(title: str, skill_id: str) -> None:
    assert derive_skill_id(title) == skill_id


def test_titles_that_read_alike_get_different_ids() -> None:
    titles = [
        "C",
        "C++",
        "C#",
        "Set Up",
        "Set-up",
        "Setup",
        "中文",
        "日本語",
        "x" * 100,
        "x" * 101,
        "-",
        "é",
        "e",
    ]
    assert len({derive_skill_id(title) for title in titles}) == len(titles)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_ids_are_the_same_exactly_where_titles_are(one: str, other: str) -> None:
    assert (derive_skill_id(one) == derive_skill_id(other)) == (
        normalise_title(one) == normalise_title(other)
    )


def test_spaces_and_case_do_not_count_in_a_title() -> None:
    assert normalise_title(" Data\xa0 DESIGN\n") == "data design"


def test_a_tidy_list_has_each_entry_once_on_one_line() -> None:
    assert tidy_list(["A", "", " a ", "two\nlines", "Self"], without="self") == ("A", "two lines")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=5)))
def test_a_tidy_list_stays_as_it_is(entries: list[str]) -> None:
    assert tidy_list(tidy_list(entries)) == tidy_list(entries)
