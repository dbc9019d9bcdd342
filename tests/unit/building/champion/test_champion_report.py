from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from champion_fakes import make_document, make_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.champion._plot import Scale, draw_axis, draw_interval
from seamark.building.champion.decision import Comparison
from seamark.building.champion.judging import judge
from seamark.building.champion.report import make_headline, make_report, render_report, render_text
from seamark.building.champion.resampling import Interval
from seamark.building.champion.scoring import Scores
from seamark.building.page_parts import escape, flatten, render_facts
from seamark.settings import ChampionSettings

RULE = ChampionSettings(resamples=100)
VOID = {"meta", "link", "line", "circle", "br"}


class Page(HTMLParser):
    """A page read back; fails on broken nesting."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.shown = ""
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not {"src", "onclick", "onload"} & {name for name, _ in attrs}
        assert all(not (value or "").startswith("http") for _, value in attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in {"style", "title"}:
            self.shown += data


def make_pair():
    before = [make_document(i, "ab", "ac", sector="Health", excerpt=f"Text {i}") for i in range(30)]
    after = [
        make_document(i, "ab", "ab" if i % 5 else "c", sector="Health", rejected="c", excerpt=f"Text {i}")
        for i in range(30)
    ]
    return make_scores(before, "1.2.0"), make_scores(after, "exp-7")


def render(champion, contender, **options) -> Page:
    decision = judge(champion, contender, RULE)
    return Page(render_report(decision, champion, contender, **options))


def test_the_page_says_who_won_why_and_which_documents_moved() -> None:
    shown = render(*make_pair(), facts={"recipe": {"rank": 48}, "data": {"rows": 12345}}).shown
    assert "exp-7 replaces 1.2.0" in shown
    assert "jaccard rose by" in shown
    assert "Of 30 documents, 24 got better, 6 worse, 0 stayed as they were." in shown
    assert "Gained most" in shown
    assert "Lost most" in shown
    assert "Text 5" in shown
    assert "Title b" in shown
    assert "recipe · rank48" in shown
    assert "12,345" in shown


def test_the_figures_that_decided_stand_before_the_reasons() -> None:
    shown = render(*make_pair()).shown
    assert shown.index("0.333 → ") < shown.index("95% interval +") < shown.index("Why")
    assert "guards hold" in shown


def test_what_is_asked_of_each_difference_is_shown() -> None:
    before, after = make_pair()
    decision = judge(
        before, after, ChampionSettings(resamples=100, min_gain=0.01, guards={"recall": 0.05, "ece": 0.02})
    )
    shown = Page(render_report(decision, before, after)).shown
    for asked in ("> +0.010", "≥ −0.050", "≤ +0.020", "≥ −0.100"):
        assert asked in shown


def test_a_lost_contest_and_one_without_a_champion_have_pages_too() -> None:
    before, after = make_pair()
    lost = render(after, before)
    assert "1.2.0 does not replace exp-7" in lost.shown
    assert "does not hold" in lost.shown
    first = render(None, before)
    assert "1.2.0 becomes the first champion" in first.shown
    assert "Went worst" in first.shown
    assert "svg" not in first.tags


def test_the_page_asks_nobody_for_anything() -> None:
    before, after = make_pair()
    source = render_report(judge(before, after, RULE), before, after)
    assert "default-src 'none'" in source
    assert not re.search(r"https?://|url\(|@import|<script", source)


NASTY = "<script>alert('x')</script> \"quoted\" & \x00\ud800"


def test_whatever_comes_from_outside_is_escaped() -> None:
    before, after = (
        make_scores([make_document(1, "ab", found, sector=NASTY, kind=NASTY, excerpt=NASTY)], NASTY)
        for found in ("a", "ab")
    )
    decision = judge(before, after, ChampionSettings(resamples=100, slice_min_documents=1))
    source = render_report(decision, before, after, facts={NASTY: {NASTY: NASTY}})
    page = Page(source)
    assert "script" not in page.tags
    assert "<script>alert('x')</script>" in page.shown
    source.encode()


@settings(max_examples=30)
@given(st.text())
def test_escaped_text_stays_text(text) -> None:
    assert not set(escape(text)) & set("<>\"'\x00")
    escape(text).encode()


def test_sections_of_others_stand_before_the_facts() -> None:
    before, after = make_pair()
    shown = render(before, after, sections=["<section>Other tests</section>"], facts={"a": 1}).shown
    assert shown.index("Lost most") < shown.index("Other tests") < shown.index("How it came about")


def test_facts_are_flattened_and_shown_as_a_person_reads_them() -> None:
    facts = {
        "data_version": 3,
        "none": None,
        "yes": True,
        "rate": 0.00030000001,
        "names": ["a", "b"],
        "inner": {"x": 1},
    }
    assert flatten(facts) == [
        ("data version", "3"),
        ("none", "–"),
        ("yes", "yes"),
        ("rate", "0.0003"),
        ("names", '["a", "b"]'),
        ("inner · x", "1"),
    ]
    assert render_facts("Facts", {}) == ""


def test_the_report_is_json_and_its_scores_can_be_read_back() -> None:
    before, after = make_pair()
    record = json.loads(json.dumps(make_report(judge(before, after, RULE), before, after, facts={"seed": 1})))
    assert Scores.from_dict(record["champion"]) == before
    assert Scores.from_dict(record["contender"]) == after
    assert record["decision"]["won"] is True
    assert record["facts"] == {"seed": 1}
    assert make_report(judge(None, after, RULE), None, after)["champion"] is None


def test_the_text_lists_reasons_and_measures_in_columns() -> None:
    before, after = make_pair()
    lines = render_text(judge(before, after, RULE)).splitlines()
    assert lines[0] == "exp-7 replaces 1.2.0"
    assert lines[2].startswith("  - jaccard rose by")
    header = next(line for line in lines if line.startswith("measure"))
    row = next(line for line in lines if line.startswith("jaccard "))
    assert header.index("champion") + len("champion") == row.index("0.333") + len("0.333")
    assert any(line.startswith("sector: Health (30)") for line in lines)
    assert "does not hold" in render_text(judge(after, before, RULE))


def test_a_contender_without_a_version_has_a_headline() -> None:
    before, _ = make_pair()
    assert (
        make_headline(judge(None, make_scores(before.documents, ""), RULE))
        == "The contender becomes the first champion"
    )
    assert make_headline(judge(None, make_scores(before.documents, "candidate"), RULE)).startswith(
        "The contender "
    )


@pytest.mark.parametrize(
    ("name", "low", "high", "tone"),
    [
        ("jaccard", 0.01, 0.1, "good"),
        ("jaccard", -0.1, -0.01, "bad"),
        ("jaccard", -0.1, 0.1, "calm"),
        ("ece", -0.1, -0.01, "good"),
    ],
)
def test_an_interval_is_drawn_in_the_tone_of_what_it_means(name, low, high, tone) -> None:
    made = Comparison(name, 0.5, 0.5 + (low + high) / 2, Interval(low, high, 0.9), tolerance=0.05)
    drawn = draw_interval(made, Scale([made]))
    assert f'class="span {tone}"' in drawn
    assert 'class="limit"' in drawn
    Page(drawn)


def test_better_is_right_of_zero_whatever_the_measure() -> None:
    scale = Scale([])
    assert scale.place(0) == 140
    assert scale.place(scale.limit) == 266
    assert scale.place(-scale.limit) == 14
    lower = Comparison("ece", 0.10, 0.09, Interval(-0.015, -0.005, 1.0))
    cx = re.search(r'cx="([\d.]+)"', draw_interval(lower, Scale([lower])))
    assert float(cx[1]) > 140


def test_times_are_not_drawn_beside_shares() -> None:
    slow = Comparison("latency_p95_ms", 100.0, 300.0, Interval(150, 250, 0.0))
    assert draw_interval(slow, Scale([slow])) == ""
    assert Scale([slow]).limit == Scale([]).limit


@given(st.floats(0.001, 1.0))
def test_everything_fits_into_the_plot(reach) -> None:
    made = Comparison("jaccard", 0.5, 0.5 + reach, Interval(-reach, reach, 0.5))
    scale = Scale([made])
    assert 14 <= scale.place(-reach) <= scale.place(reach) <= 266
    assert scale.limit <= max(2.5 * reach, 0.02)
    Page(draw_axis(scale))
