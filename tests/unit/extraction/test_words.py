"""Words and their shapes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.extraction.words import SHAPES, find_shape, find_shapes, split_words


def list_words(sentence: str) -> list[str]:
    return [sentence[start:end] for start, end in split_words(sentence)]


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("You use Python.", ["You", "use", "Python", "."]),
        ("(Node.js, React)", ["(", "Node.js", ",", "React", ")"]),
        (".NET, C++ and C#.", [".NET", ",", "C++", "and", "C#", "."]),
        ("(.NET)", ["(", ".NET", ")"]),
        ("ASP.NET Core", ["ASP.NET", "Core"]),
        ("<LOCATION>, at <ORGANIZATION>.", ["<LOCATION>", ",", "at", "<ORGANIZATION>", "."]),
        ("R&D and AT&T;", ["R&D", "and", "AT&T", ";"]),
        ("• lead a team", ["•", "lead", "a", "team"]),
        ("- lead a team", ["-", "lead", "a", "team"]),
        ("self-motivated", ["self-motivated"]),
        ("C/C++", ["C/C++"]),
        ("don't", ["don't"]),
        ("e.g. SQL", ["e.g", ".", "SQL"]),
        ("50% of $1,000", ["50%", "of", "$1,000"]),
        ("5+ years", ["5+", "years"]),
        ("a & b", ["a", "&", "b"]),
        ("mail@site.org!", ["mail@site.org", "!"]),
        ("_under_score_", ["_", "under_score", "_"]),
        ("wait...", ["wait", ".", ".", "."]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("“quoted”", ["“", "quoted", "”"]),
        ("使用 Python。", ["使用", "Python", "。"]),
        ("cafe\u0301s", ["cafe\u0301s"]),
        ("one\u00a0two\u2003three\nfour", ["one", "two", "three", "four"]),
    ],
)
def test_punctuation_leaves_the_edges_of_words_and_names_stay_whole(sentence, words):
    assert list_words(sentence) == words


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("end.Next", ["end.Next"]),
        ("end .next", ["end", ".", "next"]),
        ("..NET", [".", ".", "NET"]),
        ("<lower>", ["<lower>"]),
        ("<A B>", ["<A", "B>"]),
        ("<LOCATION>s", ["<LOCATION>", "s"]),
        ("x<LOCATION>", ["x<LOCATION>"]),
    ],
)
def test_a_dot_begins_a_name_only_before_a_capital_and_a_placeholder_is_all_capitals(sentence, words):
    assert list_words(sentence) == words


@pytest.mark.parametrize("blank", ["", " ", "\n\t\r", "\u00a0\u2028", "\x1c\x1f\x85"])
def test_a_blank_sentence_has_no_word(blank):
    assert split_words(blank) == []


@pytest.mark.parametrize("one", ["a", "7", ".", "_", "#", "é", "😀", "\u200b", "<"])
def test_one_character_is_one_word(one):
    assert split_words(one) == [(0, 1)]


# Few characters, so that the cases that matter come up; and now and then any character at all.
TEXTS = st.text(st.sampled_from("aB1_.,-#+<>@$&%'/ \n\u00a0é😀\u0301LO") | st.characters(), max_size=60)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_words_are_in_order_and_cover_every_character_but_spaces(sentence):
    places = split_words(sentence)
    assert all(0 <= start < end <= len(sentence) for start, end in places)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    covered = {i for start, end in places for i in range(start, end)}
    assert covered == {i for i, char in enumerate(sentence) if not char.isspace()}


@given(TEXTS, TEXTS)
@settings(max_examples=100, deadline=None)
def test_a_space_apart_sentences_have_the_words_that_they_have_alone(left, right):
    moved = [(start + len(left) + 1, end + len(left) + 1) for start, end in split_words(right)]
    assert split_words(f"{left} {right}") == split_words(left) + moved


@given(st.lists(st.text("abcXYZ", min_size=1, max_size=6), max_size=10))
@settings(max_examples=50, deadline=None)
def test_letters_between_spaces_are_the_words(words):
    assert list_words("  ".join(words)) == words


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" + "." * 200_000 + "b", 1), ("." * 200_000, 200_000), ("a" + "." * 200_000, 200_001),
     ("<A" * 100_000, 1), ("._" * 100_000, 200_000), ("x" * 1_000_000, 1)],
)  # fmt: skip
def test_long_runs_are_split_without_going_over_them_again_and_again(text, count):
    # with a look ahead from each character, the first of these took a minute for a tenth of it
    assert len(split_words(text)) == count


@pytest.mark.parametrize(
    ("word", "first", "shape"),
    [
        ("data", False, "lower"),
        ("data", True, "lower"),
        ("Data", False, "capitalised"),
        ("Data", True, "first capitalised"),
        ("SQL", False, "upper"),
        ("SQL", True, "upper"),
        ("JavaScript", False, "mixed"),
        ("JavaScript", True, "mixed"),
        ("iOS", False, "mixed"),
        ("2024", False, "number"),
        ("1,000", False, "number"),
        ("50%", True, "number"),
        ("3D", False, "digits inside"),
        ("ISO9001", True, "digits inside"),
        (".", False, "symbol"),
        ("•", True, "symbol"),
        ("++", False, "symbol"),
        ("C++", False, "capitalised"),
        ("C", True, "first capitalised"),
        (".NET", False, "upper"),
        ("Straße", False, "capitalised"),
        ("Ökologie", True, "first capitalised"),
        ("e-mail", False, "lower"),
        ("使用", False, "mixed"),
        ("²", False, "number"),
    ],
)
def test_a_word_has_the_shape_of_its_letters(word, first, shape):
    assert SHAPES[find_shape(word, first=first)] == shape


@given(st.text(min_size=1), st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_word_has_one_of_the_shapes(word, first):
    assert 0 <= find_shape(word, first=first) < len(SHAPES)


def test_a_shouted_sentence_counts_as_written_small():
    shouted, plain = "YOU WILL MANAGE THE STORE", "you will manage the store"
    assert find_shapes(shouted, split_words(shouted)) == find_shapes(plain, split_words(plain))


def test_a_few_capitals_may_be_names():
    assert find_shapes("SQL AWS", split_words("SQL AWS")) == [2, 2]


@given(st.text(max_size=60))
def test_every_word_has_a_shape(sentence):
    ranges = split_words(sentence)
    assert len(find_shapes(sentence, ranges)) == len(ranges)
