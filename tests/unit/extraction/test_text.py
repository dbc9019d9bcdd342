from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import InputError
from seamark.extraction.text import MAX_CHARACTERS, check_text, clean_text, is_blank

HTML_PIECES = [
    "<p>", "</p>", "<br/>", "<BR>", "<li class='x'>", "</li>", "<ul>", "</ul>", "<b>", "</b>", "<!--",
    "-->", "<script>", "</script>", "<style>", "&amp;", "&nbsp;", "&#39;", "&#x2022;", "&shy;", "&lt;",
    "&gt;", "&no;", "<", ">", "&", "plain", " ", "\n", "\r\n", "C<T>", "<ORGANIZATION>", "5 < 6",
    "\x00", "\ud800", "é", "•",
]  # fmt: skip
html_texts = st.lists(st.sampled_from(HTML_PIECES), max_size=25).map("".join)


def read(source: str) -> str:
    return clean_text(source).text


@pytest.mark.parametrize("value", [None, 3, 2.5, b"bytes", ["a"], {"text": "a"}, True])
def test_what_is_not_a_string_is_refused_by_naming_its_type(value):
    name = "None" if value is None else type(value).__name__
    with pytest.raises(InputError, match=f"{name}; expected a string"):
        check_text(value)


def test_a_text_of_the_greatest_length_is_read_and_a_longer_one_refused():
    longest = "x" * MAX_CHARACTERS
    assert check_text(longest) is longest
    with pytest.raises(InputError, match="1,000,001 characters; expected at most 1,000,000"):
        check_text(longest + "x")


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u200b\ufeff", "\x00\x07", "\u00a0\u3000", "\u00ad"])
def test_a_text_with_nothing_to_see_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " . ", "\u200bR\u200b", "中", "\ud800", "🧪"])
def test_a_text_with_one_visible_character_is_not_blank(text):
    assert not is_blank(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text.\n\nTwo paragraphs.",
        "Work at <ORGANIZATION> in <LOCATION>",
        "Dictionary<T>, List<B>, Map<P> and vector<int>",
        "5 < 6 > 2 and <3 years, >2 years",
        "the placeholder <title> of a template",
        "AT&T, R&D; Q&A; fish & chips",
        "a <- b; x <= y; <<<>>>",
        "soft\u00adhyphen, no\u00a0break, zero\u200bwidth",
        "if (a<b && c>d) { return a<c; }",
    ],
)
def test_what_only_looks_like_html_is_left_alone(text):
    clean = clean_text(text)
    assert clean.text is text or clean.text == text
    assert not clean.has_moved
    assert clean.to_source(1, 3) == (1, 3)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo\n"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo\n"),
        ("one<br>two<BR/>three<br />four", "one\ntwo\nthree\nfour"),
        ("uses <b>Py</b>thon", "uses Python"),
        ('see <a href="x?a>b">this</a>', "see this"),
        ("<div class='a' data-x=1>in</div>", "in\n"),
        ("a<script>var x = '<p>';</script>b", "ab"),
        ("a<style>p { color: red }</style><p>b", "a\nb"),
        ("a<!-- <p>hidden</p> -->b", "ab"),
        ("<!DOCTYPE html><html><body>x</body></html>", "x\n"),
        ("<td>SQL</td><td>5 years</td>", "SQL\n5 years\n"),
        ("C++ &amp; C#", "C++ & C#"),
        ("it&#39;s &#x41;&nbsp;&euro;", "it's A €"),
        ("man&shy;age&#8203;ment", "management"),
        ("&nosuch; &amp", "&nosuch; &amp"),
        ("<p>at <ORGANIZATION> with C<T></p>", "at <ORGANIZATION> with C<T>\n"),
        ("<p>wrapped\nin the source</p>", "wrapped in the source\n"),
        ("<p>Duties:\n- plan\n- lead</p>", "Duties:\n- plan\n- lead\n"),
        ("<o:p>Word's own</o:p><p>tags</p>", "Word's own\ntags\n"),
        ("open <!-- comment <p>never closed", "open  comment \nnever closed"),
        ("open <script> never closed", "open  never closed"),
        ("&lt;p&gt;twice &amp;amp; escaped&lt;/p&gt;", "twice & escaped\n"),
        ("knows the &lt;div&gt; element", "knows the <div> element"),
        ("<B>in capitals</B>", "in capitals"),
        ("<p", "<p"),
    ],
)
def test_html_is_read_as_a_person_would(source, text):
    assert read(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [("a\x00b\x07c", "a b c"), ("\ud800x\udfff", "\ufffdx\ufffd"), ("a\r\nb\tc", "a\r\nb\tc"), ("\x7f", " ")],
)
def test_unreadable_characters_are_replaced_one_for_one(source, text):
    assert read(source) == text
    assert not clean_text(source).has_moved


@pytest.mark.parametrize("entity", ["&#0;", "&#xD800;", "&#1114112;", "&#9999999;", "&#7;"])
def test_an_entity_of_an_impossible_character_does_no_harm(entity):
    read(f"a{entity}b").encode("utf-8")


def test_offsets_point_at_the_words_in_the_source():
    source = "<p>Uses <b>Py</b>thon &amp; R&nbsp;daily</p>"
    clean = clean_text(source)

    def source_of(phrase: str) -> str:
        start = clean.text.index(phrase)
        first, last = clean.to_source(start, start + len(phrase))
        return source[first:last]

    assert source_of("Uses") == "Uses"
    assert source_of("Python") == "Py</b>thon"
    assert source_of("& R") == "&amp; R"
    assert source_of("R daily") == "R&nbsp;daily"
    assert source_of("daily") == "daily"


def test_offsets_of_html_that_was_escaped_as_a_whole_point_into_the_source():
    source = "x &lt;p&gt;R&amp;amp;D &lt;b&gt;work&lt;/b&gt;&lt;/p&gt;"
    clean = clean_text(source)
    start = clean.text.index("R&D")
    first, last = clean.to_source(start, start + len("R&D work"))
    assert source[first:last] == "R&amp;amp;D &lt;b&gt;work"


def test_an_empty_stretch_stays_empty():
    clean = clean_text("<p>ab</p>")
    assert clean.to_source(1, 1) == (4, 4)


def test_source_offsets_lead_back_to_the_readable_text():
    source = "<p>Uses <b>Py</b>thon &amp; R</p>"
    clean = clean_text(source)
    start, end = clean.to_clean(source.index("Py"), source.index(" &amp;"))
    assert clean.text[start:end] == "Python"
    assert clean.to_clean(0, len(source)) == (0, len(clean.text))


@given(html_texts)
@settings(max_examples=300, deadline=None)
def test_every_stretch_maps_inside_the_source_and_in_order(source):
    clean = clean_text(source)
    clean.text.encode("utf-8")
    spans = [clean.to_source(i, i + 1) for i in range(len(clean.text))]
    assert all(0 <= start < end <= len(source) for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for i, (start, end) in enumerate(spans):
        # A character came from itself, or from the tag, entity or unreadable character it stands for.
        came_from = source[start:end]
        assert came_from == clean.text[i] or came_from[0] in "<&\n\r\x00\ud800"
    if spans:
        assert clean.to_source(0, len(clean.text)) == (spans[0][0], spans[-1][1])


@given(html_texts)
@settings(max_examples=200, deadline=None)
def test_there_and_back_covers_the_same_characters(source):
    clean = clean_text(source)
    for i in range(len(clean.text)):
        start, end = clean.to_clean(*clean.to_source(i, i + 1))
        assert start <= i < end


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_text_without_angle_brackets_and_ampersands_keeps_every_offset(source):
    source = source.replace("<", "(").replace("&", "+")
    clean = clean_text(source)
    assert len(clean.text) == len(source)
    assert not clean.has_moved


def test_a_megabyte_of_broken_markup_is_read():
    rng = random.Random(7)
    for piece in ("<", "<!--", "<p ", "<script>", "&", '<p "', "&amp;", "<br>"):
        source = piece * (MAX_CHARACTERS // len(piece))
        clean = clean_text(source)
        for _ in range(20):
            i = rng.randrange(len(source))
            start, end = clean.to_source(min(i, len(clean.text)), min(i + 1, len(clean.text)))
            assert 0 <= start <= end <= len(source)
