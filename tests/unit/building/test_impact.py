from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from seamark.building.impact import Impact, ImpactText, measure_impact
from seamark.building.impact_page import render_impact
from seamark.extraction.result import ExtractedSkill, Prediction
from seamark.taxonomy import Skill, Taxonomy, diff_taxonomies

OLD = Taxonomy("t", (Skill("a", "Apples"), Skill("b", "Bread"), Skill("c", "Cheese"), Skill("d", "Dates")))
NEW = Taxonomy("t", (Skill("a", "Apples"), Skill("b", "Breads"), Skill("d", "Dates"), Skill("e", "<Eggs>")))
TEXTS = [ImpactText("first", "one"), ImpactText("second", "two")]


class Fake:
    """Predicts what it is told to for each text."""

    def __init__(self, taxonomy: Taxonomy, answers: Mapping[str, Mapping[str, float]]) -> None:
        self.taxonomy = taxonomy
        self._answers = answers

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        found = [
            ExtractedSkill(skill_id, self.taxonomy[skill_id].title, "", confidence, text)
            for skill_id, confidence in self._answers.get(text, {}).items()
        ]
        return Prediction("1.0.0", datetime.now(UTC), "id", text, tuple(found))


def measure(before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]) -> Impact:
    return measure_impact(
        Fake(OLD, before),
        Fake(NEW, after),
        diff_taxonomies(OLD, NEW),
        TEXTS,
        names=("t@1.0.0", "t@2.0.0"),
        model="1.0.0",
    )


def test_gained_lost_and_moved_predictions_are_told_apart() -> None:
    impact = measure(
        {"one": {"a": 0.9, "b": 0.6, "c": 0.8}},
        {"one": {"a": 0.7, "b": 0.62, "e": 0.75}},
    )
    (text,) = impact.touched
    assert [(one.skill_id, one.before, one.after, one.cause) for one in text.changes] == [
        ("e", None, 0.75, "new skill"),
        ("c", 0.8, None, "skill gone"),
        ("a", 0.9, 0.7, "other skills changed"),
    ]
    assert impact.totals == {
        "texts": 2,
        "texts_touched": 1,
        "predictions_before": 3,
        "gained": 1,
        "lost": 1,
        "moved": 1,
    }


def test_a_changed_skill_is_named_as_the_cause() -> None:
    (text,) = measure({"one": {}}, {"one": {"b": 0.6}}).touched
    assert (text.changes[0].title, text.changes[0].cause) == ("Breads", "skill changed")


@pytest.mark.parametrize(("after", "moved"), [(0.55, 0), (0.551, 1), (0.449, 1), (0.46, 0)])
def test_a_small_move_is_none(after: float, moved: int) -> None:
    assert measure({"one": {"a": 0.5}}, {"one": {"a": after}}).totals["moved"] == moved


def test_a_retired_skill_is_gone() -> None:
    retired = Taxonomy("t", (Skill("a", "Apples", status="retired"), Skill("b", "Bread")))
    before = Fake(OLD, {"one": {"a": 0.9}})
    impact = measure_impact(before, Fake(retired, {}), diff_taxonomies(OLD, retired), TEXTS)
    assert impact.touched[0].changes[0].cause == "skill gone"


def test_progress_reaches_the_end() -> None:
    heard: list[tuple[int, int]] = []
    texts = [ImpactText(str(number), "one") for number in range(9)]
    diff = diff_taxonomies(OLD, NEW)
    measure_impact(
        Fake(OLD, {}), Fake(NEW, {}), diff, texts, on_progress=lambda done, total: heard.append((done, total))
    )
    assert heard == [(8, 9), (9, 9)]


def test_the_report_is_ready_for_json() -> None:
    import json

    report = measure({"one": {"c": 0.8}}, {})
    content = json.loads(json.dumps(report.to_dict()))
    assert content["skills"]["counts"]["added"] == 1
    assert content["texts"][0]["changes"][0]["before"] == 0.8
    assert (content["before"], content["after"], content["model"]) == ("t@1.0.0", "t@2.0.0", "1.0.0")


def test_a_long_text_is_shown_by_its_beginning() -> None:
    text = ImpactText("long", "word " * 500)
    before = Fake(OLD, {text.text: {"a": 0.9}})
    impact = measure_impact(before, Fake(NEW, {}), diff_taxonomies(OLD, NEW), [text])
    assert len(impact.touched[0].excerpt) <= 280


def test_the_page_escapes_what_it_shows_and_asks_nobody() -> None:
    page = render_impact(measure({"one": {"c": 0.8}}, {"one": {"e": 0.7}}))
    assert "&lt;Eggs&gt;" in page
    assert "<Eggs>" not in page
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    for word in ("Retitled", "Added <small>1<", "Removed <small>1<", "gained", "lost", "0.80", "skill gone"):
        assert word in page


def test_the_page_begins_with_what_matters() -> None:
    page = render_impact(measure({"one": {"c": 0.8}}, {"one": {"e": 0.7}}))
    assert "Skills: 1 new, 1 gone, 1 changed." in page
    assert "Predictions change in 1 of 2 texts: 1 gained, 1 lost (1 before)." in page
    assert "No prediction changes in the 2 texts looked at." in render_impact(measure({}, {}))


def test_two_releases_that_are_the_same_change_nothing() -> None:
    page = render_impact(Impact("t@1.0.0", "t@2.0.0", "", diff_taxonomies(OLD, OLD)))
    assert "No skill is new, gone or changed." in page
    assert "<details" not in page


def test_the_page_of_a_first_release_says_that_there_is_nothing_to_compare() -> None:
    page = render_impact(Impact("", "t@1.0.0", "", None))
    assert "no earlier release" in page
    assert "No model version" in page


def test_the_page_lists_many_skills_up_to_a_number() -> None:
    many = Taxonomy("t", tuple(Skill(str(number), f"Skill {number}") for number in range(500)))
    page = render_impact(Impact("t@1.0.0", "t@2.0.0", "", diff_taxonomies(OLD, many)))
    assert "and 300 more" in page
    assert page.count("Skill 4") < 500
