from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.extraction.page import render_page, render_pages
from seamark.extraction.result import ExtractedSkill, Prediction, Span
from seamark.extraction.text import clean_text

TEXT = "Build data pipelines in Python.\nLead a team of analysts."
VOID = {"meta", "link", "br", "hr", "img"}


class Page(HTMLParser):
    """A page read back: its anchors, links, the text with what is marked in it, and broken nesting."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.shown = ""
        self.marks: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(source)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            assert all(name != "a" for name, _ in self._open), "a link inside a link"
            self.links.append(found["href"])
        if tag not in VOID:
            self._open.append((tag, found.get("class", "") or ""))

    def handle_endtag(self, tag):
        name, _ = self._open.pop()
        assert name == tag

    def handle_data(self, data):
        classes = [names for _, names in self._open]
        if not {"style", "script", "title"} & {name for name, _ in self._open}:
            self.shown += data
        if "words" in classes and "tip" not in classes:
            self.words += data
            if "mark" in classes:
                self.marks.append((data, classes[-1]))


def span(phrase: str, label: str = "skill", score: float = 0.9, text: str = TEXT) -> Span:
    start = text.index(phrase)
    return Span(start, start + len(phrase), phrase, label, score)


def skill(title: str, *evidence: Span, **fields) -> ExtractedSkill:
    given_fields = {
        "type": "tsc",
        "confidence": 0.87,
        "phrase": evidence[0].text if evidence else "full text",
    }
    return ExtractedSkill(skill_id=f"id-{title}", title=title, evidence=evidence, **(given_fields | fields))


def predict(*skills: ExtractedSkill, text: str = TEXT) -> Prediction:
    return Prediction("0.1.0", datetime(2026, 11, 20, 9, 5, tzinfo=UTC), "ab" * 32, text, skills)


def read(prediction: Prediction, **options) -> Page:
    return Page(render_page(prediction, **options))


def test_the_page_shows_title_taxonomy_version_and_time():
    page = read(predict(skill("Python", span("Python"))), title="A posting", taxonomy_name="Starter 1.0.0")
    for words in (
        "A posting",
        "1 skill",
        "1 span",
        "Starter 1.0.0",
        "model 0.1.0",
        "20 November 2026, 09:05 UTC",
    ):
        assert words in page.shown


def test_a_page_without_title_has_a_heading_all_the_same():
    assert "Skills in this text" in read(predict()).shown


def test_spans_are_marked_with_their_label_and_linked_to_the_skill():
    page = read(predict(skill("Python", span("Python", "knowledge")), skill("Lead", span("Lead a team"))))
    assert page.marks == [("Python", "knowledge"), ("Lead a team", "skill")]
    assert page.words == TEXT
    assert {"#t1s1", "#t1s2", "#t1m1", "#t1m2"} <= set(page.links)


def test_a_skill_shows_what_is_known_of_it():
    found = skill(
        "Python", span("Python"), tags=("Emerging TSC",), occurrence=3, proficiency_level="4", type="ccs"
    )
    shown = read(predict(found)).shown
    for words in ("0.87", "ccs", "level 4", "Emerging TSC", "3×", "Python"):
        assert words in shown


def test_the_bar_is_as_long_as_the_confidence():
    assert 'style="width:87.0%"' in render_page(predict(skill("Python", span("Python"))))


def test_a_skill_of_the_whole_text_says_so():
    assert "the text as a whole" in read(predict(skill("Data", phrase="full text"))).shown


def test_without_a_skill_the_page_says_so_in_words():
    page = read(predict(), taxonomy_name="Starter 1.0.0")
    assert "No skill found." in page.shown
    assert "a skill of Starter 1.0.0" in page.shown
    assert page.words == TEXT


def test_a_span_in_a_span_keeps_both():
    page = read(predict(skill("A", span("Build data pipelines")), skill("B", span("data", "knowledge"))))
    assert page.marks == [("Build ", "skill"), ("data", "knowledge skill deep"), (" pipelines", "skill")]


def test_spans_that_overlap_keep_both():
    page = read(predict(skill("A", span("Build data")), skill("B", span("data pipelines"))))
    assert [words for words, _ in page.marks] == ["Build ", "data", " pipelines"]


def test_a_span_of_two_skills_is_marked_once_and_links_to_both():
    source = render_page(
        predict(skill("A", span("Python", score=0.5)), skill("B", span("Python", score=0.8)))
    )
    page = Page(source)
    assert [words for words, _ in page.marks] == ["Python"]
    assert 'data-k="1 2"' in source
    assert page.links.count("#t1m1") == 2
    assert "0.80" in page.shown


def test_much_evidence_is_folded_away():
    text = "SQL " * 20
    spans = tuple(Span(4 * i, 4 * i + 3, "SQL", "knowledge", 0.9) for i in range(20))
    page = read(predict(skill("SQL", *spans), text=text))
    assert "14 more" in page.shown
    assert page.links.count("#t1m20") == 1


ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_nothing_of_text_titles_or_tags_is_taken_for_html():
    # The text is pasted prose about a tag, not a page: it has no closing tag, so it is shown as it is.
    found = skill(
        ATTACK, span("Python"), tags=(ATTACK,), type=ATTACK, proficiency_level=ATTACK, phrase=ATTACK
    )
    source = render_page(predict(found), title=ATTACK, taxonomy_name=ATTACK)
    page = Page(source)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", source)


def test_a_script_in_the_text_is_neither_run_nor_shown():
    page = read(predict(text="Knows <script>alert(1)</script> SQL <b>well</b>"))
    assert page.tags.count("script") == 1
    assert page.words == "Knows  SQL well"


def test_angle_brackets_that_are_no_html_are_shown():
    assert read(predict(text="5 < 6 & <ORGANIZATION> C<T>")).words == "5 < 6 & <ORGANIZATION> C<T>"


def test_pasted_html_is_shown_as_text_with_its_spans_moved_along():
    text = "<p>Knows <b>Py</b>thon &amp; SQL</p>"
    start = text.index("Py")
    found = skill("Python", Span(start, start + 10, "Python", "knowledge", 0.9))
    page = read(predict(found, text=text))
    assert page.words == "Knows Python & SQL\n"
    assert page.marks == [("Python", "knowledge")]


def test_a_phrase_with_markup_inside_is_shown_once():
    text = "<p>Knows <b>Py</b>thon</p>"
    found = skill("A", Span(12, 22, text[12:22], "knowledge", 0.9), phrase="Python")
    assert read(predict(found, text=text)).shown.count("Python") == 2  # in the text and as evidence


@pytest.mark.parametrize("text", ["", " ", "x", "\ud800", "\x00\x1b[31m", "\u202eabc", "👩‍🔬", "a\r\nb"])
def test_any_text_gives_a_page_that_can_be_written(text):
    render_page(predict(skill(text, phrase=text), text=text), title=text).encode("utf-8")


def test_a_span_outside_the_text_does_no_harm():
    assert (
        read(
            predict(skill("A", Span(500, 600, "gone", "skill", 0.5), Span(-5, 3, "Bui", "skill", 0.5)))
        ).words
        == TEXT
    )


def test_the_page_asks_nobody_for_anything():
    source = render_pages([("One", predict(skill("Python", span("Python"))))], title="T")
    assert not re.search(r"(?:src|href)=\"(?!#|data:,\")", source)
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in source


def test_several_texts_are_sections_with_an_index():
    found = predict(skill("Python", span("Python")))
    page = Page(render_pages([("First", found), ("Second <b>", found), ("Third", predict())]))
    assert "Skills in 3 texts" in page.shown
    assert "Second <b>" in page.shown
    assert page.words == TEXT * 3
    assert {"#t1", "#t2", "#t3"} <= set(page.links)


def test_no_text_at_all_gives_an_empty_page():
    assert "Skills in 0 texts" in Page(render_pages([])).shown


@st.composite
def predictions(draw):
    pieces = ["data ", "SQL", "\n", "<p>", "</p>", "&amp;", "<x>", "é", "👩‍🔬", "\x00", "\ud800", "\r\n", '"']
    text = "".join(draw(st.lists(st.sampled_from(pieces), max_size=20)))
    offsets = st.integers(0, len(text))

    def make(cut):
        start, end = sorted(cut[:2])
        return Span(start, end, text[start:end], cut[2], 0.5)

    spans = st.tuples(offsets, offsets, st.sampled_from(["skill", "knowledge"])).map(make)
    evidences = draw(st.lists(st.lists(spans, max_size=4), max_size=4))
    return predict(*(skill(f"S{i}", *evidence) for i, evidence in enumerate(evidences)), text=text)


@given(predictions(), predictions())
@settings(max_examples=150, deadline=None)
def test_every_page_is_well_formed_loses_no_text_and_has_no_dead_link(first, second):
    page = Page(render_pages([("a", first), ("b", second)]))
    readable = "".join(clean_text(prediction.original_input).text for prediction in (first, second))
    assert "".join(page.words.split()) == "".join(readable.replace("\x00", " ").split())
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
