from __future__ import annotations

import csv
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.extraction.sentences import MAX_SENTENCE_CHARACTERS, MAX_WORDS, split_sentences
from seamark.extraction.text import clean_text

# What may stand between two sentences: spaces, and the marks of lists, written down apart from the code.
_SPACE = r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]"
_MARK = (
    r"[•●○◦▪▫■□◆◇◼◾‣⁃∙⦁➢➤►▶✓✔✅☐☑☒★☆❖➔\uf000-\uf0ff·*\-–—−‐=_~#+:.|>»�Ø§?]"
    r"|â€¢|â\x80¢|Â·|o|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,5})[.)](?:\d{1,2}[.)])*"
)
_GAP = re.compile(rf"(?:{_SPACE}|{_MARK})*")

PIECES = [
    "Lead teams", "python", "e.g. SQL", "Ph.D. in Physics", ".", "!", "?", ";", ", ", " ", "\n",
    "\r\n", "\n\n", "• ", "- ", "-", "* ", "1. ", "2) ", "(a) ", "iv. ", "o ", "·", "Node.js", "v2.0",
    "3.5", "www.example.com/a.b", "a@b.co", "\u200b", "\u00a0", "\u00ad", "中文。", "é", "e\u0301", "👩‍🔬",
    "…", "...", '."', "|", " | ", "U.S.", "word " * 70, "x" * 450, "\x00", "\ud800", "<3 years",
    "C<T>", "---", "C.",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
marked_up = st.lists(
    st.sampled_from([*PIECES, "<p>", "</p>", "<li>", "<br>", "&amp;", "&nbsp;"]), max_size=30
).map("".join)


def split(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(text)]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u200b", "•", "- ", "1.", "---", "\x00"])
def test_a_text_with_nothing_but_spaces_and_marks_has_no_sentence(text):
    assert split(text) == []


@pytest.mark.parametrize("text", ["R", "C", "x", "7", "中", "é", "🧪", "o"])
def test_one_character_is_a_sentence(text):
    [sentence] = split_sentences(text)
    assert (sentence.text, sentence.start, sentence.end) == (text, 0, 1)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Plan work. Lead teams! Why us? Join", ["Plan work.", "Lead teams!", "Why us?", "Join"]),
        ("maintain records; train staff", ["maintain records;", "train staff"]),
        ('He said "Go." Then left.', ['He said "Go."', "Then left."]),
        ("Wait... there is more. Yes", ["Wait... there is more.", "Yes"]),
        ("one.\nTwo", ["one.", "Two"]),
        ("计划工作。领导团队！", ["计划工作。", "领导团队！"]),
        ("strong communication.Excellent writing", ["strong communication.", "Excellent writing"]),
    ],
)
def test_marks_of_punctuation_end_sentences(text, sentences):
    assert split(text) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Tools, e.g. Excel, i.e. Microsoft Office",
        "Ph.D. in Physics or B.Sc. Computer Science",
        "ABC Pte. Ltd. and XYZ Inc. are hiring",
        "U.S. Citizens only",
        "Approx. 5 yrs. of experience, min. 2 yrs. in sales, No. 3 of 5",
        "Report to Dr. Smith and Mr. J. Jones",
        "GPA of 3.5 or 1,000.50 dollars",
        "Experience with .NET, Node.js, ASP.NET and v2.0 APIs",
        "Visit https://example.com/jobs?id=1.2&x=3 or www.example.com today",
        "Write to jane.doe@example.co.uk today",
        "reports (weekly, monthly, etc.) and forecasts",
        "Java, SQL, etc. are a plus",
        "from 9 a.m. to 5 p.m. on weekdays",
    ],
)
def test_abbreviations_numbers_and_addresses_end_no_sentence(text):
    assert split(text) == [text]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Know Java, SQL, etc. Strong writing", ["Know Java, SQL, etc.", "Strong writing"]),
        ("Programs in C. Works in R. Tests", ["Programs in C.", "Works in R.", "Tests"]),
        ("Holds a Ph.D. You will lead", ["Holds a Ph.D.", "You will lead"]),
        ("based in the U.S. We offer", ["based in the U.S.", "We offer"]),
        ("skilled in .NET. Knows Node.js. Good", ["skilled in .NET.", "Knows Node.js.", "Good"]),
    ],
)
def test_an_abbreviation_before_a_new_sentence_ends_the_old_one(text, sentences):
    assert split(text) == sentences


@pytest.mark.parametrize(
    "mark",
    ["• ", "•", "- ", "-", "* ", "– ", "· ", "·", "o ", "1. ", "12. ", "3) ", "(4) ", "a) ", "(b) ",
     "(i) ", "iv. ", "➢ ", "\uf0b7 ", "✓", "- 1. ", "â€¢ ", "|-", "1.2. ", "2.",],
)  # fmt: skip
def test_the_mark_of_a_list_is_left_out(mark):
    text = f"Duties:\n{mark}Lead teams\n  {mark}Plan work"
    found = split_sentences(text)
    assert [s.text for s in found] == ["Duties:", "Lead teams", "Plan work"]
    assert all(text[s.start : s.end] == s.text for s in found)


@pytest.mark.parametrize(
    "text", ["2.5 years of SQL", "-5 degrees", ".NET developer", "3D design", "A star", "e.g. SQL"]
)
def test_a_line_may_begin_with_what_only_resembles_a_mark(text):
    assert split(text) == [text]


def test_bullets_inside_a_line_part_it():
    assert split("Skills • Python • Team work") == ["Skills", "Python", "Team work"]


def test_numbers_between_sentences_of_a_line_are_marks_too():
    assert split("1. Plan the work. 2. Do it. 3) Rest") == ["Plan the work.", "Do it.", "Rest"]


def test_each_line_is_a_sentence_of_its_own():
    assert split("SQL\nPython\r\nteam work\rGit") == ["SQL", "Python", "team work", "Git"]


WIDE = "The engineer designs, builds and looks after the pipelines that bring"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"{WIDE}\ndata to the analysts every day", 1),
        (f"{WIDE}\nData to the analysts", 2),
        (f"{WIDE}.\ndata to the analysts", 2),
        (f"{WIDE}:\ndata to the analysts", 2),
        (f"{WIDE}\n\ndata to the analysts", 2),
        (f"{WIDE}\n- data to the analysts", 2),
        ("write SQL\nread data", 2),
        ("knows Python,\nand Java", 1),
        ("able to work with\nlarge files", 1),
    ],
)
def test_a_wrapped_line_is_read_on_where_it_plainly_goes_on(text, count):
    assert len(split(text)) == count


def test_html_gives_sentences_whose_offsets_point_into_the_source():
    source = "<p>We seek:</p><ul><li>SQL &amp; <b>Py</b>thon</li><li>team&nbsp;work. Drive</li></ul>"
    found = split_sentences(source)
    assert [s.text for s in found] == ["We seek:", "SQL & Python", "team work.", "Drive"]
    assert [source[s.start : s.end] for s in found] == [
        "We seek:",
        "SQL &amp; <b>Py</b>thon",
        "team&nbsp;work.",
        "Drive",
    ]
    start, end = found[1].to_source(6, 12)
    assert source[start:end] == "Py</b>thon"


def test_offsets_within_a_sentence_of_plain_text_are_shifted():
    sentence = split_sentences("One. Two three.")[1]
    assert sentence.to_source(4, 9) == (9, 14)


def test_sixty_words_stay_together_and_sixty_one_are_cut():
    words = "word " * MAX_WORDS
    assert len(split(words)) == 1
    assert [len(s.split()) for s in split(words + "more")] == [36, 25]


def test_four_hundred_characters_stay_together_and_more_are_cut():
    assert split("x" * MAX_SENTENCE_CHARACTERS) == ["x" * MAX_SENTENCE_CHARACTERS]
    pieces = split("x" * (MAX_SENTENCE_CHARACTERS + 1))
    assert "".join(pieces) == "x" * (MAX_SENTENCE_CHARACTERS + 1)
    assert len(pieces) == 2


@pytest.mark.parametrize(
    ("separator", "kept"), [(" | ", ""), (" · ", ""), (" – ", ""), (", ", ","), ("; ", ";")]
)
def test_a_long_sentence_is_cut_where_a_list_would_be(separator, kept):
    pieces = split(separator.join(f"alpha beta gamma{i}" for i in range(40)))
    assert len(pieces) > 1
    assert all(re.search(rf"gamma\d+{kept}\Z", piece) for piece in pieces[:-1])
    assert all(piece.startswith("alpha") for piece in pieces)


def test_a_bar_is_preferred_to_a_comma():
    pieces = split(" | ".join(["plan, lead, report and look after things"] * 20))
    assert all(piece.startswith("plan") and piece.endswith("things") for piece in pieces)


def test_an_accent_or_a_joined_emoji_is_not_cut_off_what_it_belongs_to():
    text = "x" * (MAX_SENTENCE_CHARACTERS - 1) + "👩‍🔬" + "e\u0301" * MAX_SENTENCE_CHARACTERS
    for piece in split(text):
        assert piece[0] not in "\u0301\u200d🔬"


def check_nothing_is_lost(source: str) -> None:
    """Every character that is not a space or a mark is in exactly one sentence, in order."""
    clean = clean_text(source)
    position = 0
    for sentence in split_sentences(source):
        start = sentence._offset if clean.has_moved else sentence.start
        end = start + len(sentence.text)
        assert clean.text[start:end] == sentence.text
        assert _GAP.fullmatch(clean.text, position, start), f"lost {clean.text[position:start]!r}"
        position = end
    assert _GAP.fullmatch(clean.text, position), f"lost {clean.text[position:]!r}"


def check_sizes(source: str) -> None:
    for text in split(source):
        assert text
        assert text == text.strip()
        assert len(text) <= MAX_SENTENCE_CHARACTERS
        assert len(text.split()) <= MAX_WORDS
        text.encode("utf-8")


@given(texts | st.text(max_size=300))
@settings(max_examples=400, deadline=None)
def test_nothing_is_lost_and_no_sentence_is_too_long(source):
    check_nothing_is_lost(source)
    check_sizes(source)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_offsets_of_plain_text_are_those_of_the_sentence(source):
    readable = source.replace("\x00", " ").replace("\ud800", "\ufffd")
    for sentence in split_sentences(source):
        assert readable[sentence.start : sentence.end] == sentence.text


@given(marked_up)
@settings(max_examples=300, deadline=None)
def test_offsets_of_html_stay_inside_the_source_and_in_order(source):
    found = split_sentences(source)
    assert all(0 <= s.start < s.end <= len(source) for s in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    for sentence in found:
        assert sentence.to_source(0, len(sentence.text)) == (sentence.start, sentence.end)
    check_nothing_is_lost(source)
    check_sizes(source)


MEGABYTES = [
    "x",
    "\n",
    "a. ",
    "<",
    ".",
    ". ",
    " ",
    "- ",
    "a\n",
    "ab ",
    ",",
    "• ",
    "A. ",
    "1. ",
    "中。",
    "a | ",
    "a;",
    "<br>a",
]


@pytest.mark.parametrize("piece", MEGABYTES)
def test_a_megabyte_of_anything_is_split(piece):
    check_sizes(piece * (1_000_000 // len(piece)))


@pytest.mark.data
@pytest.mark.parametrize("name", ["indeed_sg", "data_roles", "municipal"])
def test_real_postings_lose_nothing(data_dir, name):
    with (data_dir / "postings" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        postings = [row["description"] for row in csv.DictReader(file)]
    assert len(postings) > 90
    for text in postings[:200]:
        check_nothing_is_lost(text)
        check_sizes(text)
