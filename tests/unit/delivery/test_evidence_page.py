from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.building.page_parts import escape
from seamark.delivery.card_page import render_card
from seamark.delivery.evidence_page import render_evidence
from seamark.registry.model_card import render_model_card

_CONTENT: dict[str, Any] = {
    "stage": "prod",
    "version": "1.1.0",
    "against": "1.0.0",
    "bundle": {"files": 4, "bytes": 2_500_000, "manifest_digest": "d1"},
    "metrics": [
        {"name": "documents", "before": 400, "after": 412, "better": None},
        {"name": "slices.sector.Health & Care.jaccard", "before": 0.5, "after": 0.4, "better": "before"},
        {"name": "jaccard", "before": 0.41, "after": 0.434, "better": "after"},
        {"name": "latency_ms", "before": 15.24, "after": None, "better": None},
        {"name": "ece", "before": 0.05, "after": 0.05, "better": None},
    ],
    "tests": {"skipped": "its experiment recorded no tests"},
    "impact": {"skipped": "the stage has no version to compare with"},
    "experiment": {"id": "experiment-1", "outcome": "jaccard rose by 0.024", "report": None},
    "making": {"what changed": "retrained", "taxonomy": "esco@1.0.0", "made from": "1.0.0"},
    "model_card": "# A card\n\nWith `code`.",
}


def _render(**changes: Any) -> str:
    return render_evidence(_CONTENT | changes, checks=None, impact=None, primary="jaccard")


def _read_rows(page: str) -> list[str]:
    """The rows of the metrics' table, their cells parted by blanks."""
    table = page.partition('<table class="metrics">')[2].partition("</table>")[0]
    rows = table.split("<tr")[1:]
    return [
        " ".join(part.partition(">")[2].strip() for part in row.split("<") if part.partition(">")[2].strip())
        for row in rows
    ]


def test_the_metric_that_matters_most_is_first_and_slices_come_last() -> None:
    assert _read_rows(_render()) == [
        "measure 1.0.0 1.1.0 change",
        "jaccard 0.410 0.434 +0.024",
        "documents 400 412 +12",
        "latency ms 15.2 – –",
        "ece 0.050 0.050 0",
        "sector · Health &amp; Care",
        "jaccard 0.500 0.400 −0.100",
    ]


def test_better_and_worse_are_told_apart_by_more_than_colour() -> None:
    page = _render()
    assert '<td class="n up">+0.024</td>' in page
    assert '<td class="n down">\u22120.100</td>' in page


def test_without_a_version_to_compare_with_there_is_one_column() -> None:
    metrics = [{"name": "jaccard", "before": None, "after": 0.4, "better": None}]
    page = _render(against=None, metrics=metrics)
    assert _read_rows(page) == ["measure 1.1.0", "jaccard 0.400"]
    assert "PROD has no version yet" in page


def test_what_is_missing_says_why() -> None:
    page = _render(metrics=[])
    for why in ("its experiment recorded no tests", "no version to compare with", "no labelled test data"):
        assert why in page


def test_the_outcome_of_the_experiment_is_the_first_sentence() -> None:
    assert "Jaccard rose by 0.024." in _render()
    assert '<p class="gist"></p>' in _render(experiment=_CONTENT["experiment"] | {"outcome": ""})


def test_whatever_others_wrote_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    page = _render(
        making={"what changed": bad, "taxonomy": bad},
        experiment={"id": bad, "outcome": bad, "report": bad},
        metrics=[{"name": f"slices.{bad}.jaccard", "before": 1, "after": 2, "better": None}],
        model_card=f"## {bad}\n\n| {bad} | b |\n| --- | --- |\n| `{bad}` | x |\n\n- {bad}\n\n{bad}",
        tests={"skipped": bad},
    )
    assert "<script" not in page.lower()


# ---- model cards


def test_a_card_keeps_its_headings_tables_and_lists_and_loses_its_front_matter() -> None:
    card = (
        "---\nlicense: apache-2.0\n---\n\n# Model\n\nOne\ntwo.\n\n## Data\n\n"
        "| a | b |\n| --- | --- |\n| x \\| y | - |\n\n- first\n  goes on\n- `second`\n"
    )
    assert render_card(card) == (
        "<p>One two.</p><h3>Data</h3><table><thead><tr><th>a</th><th>b</th></tr></thead>"
        "<tbody><tr><td>x | y</td><td>-</td></tr></tbody></table>"
        "<ul><li>first goes on</li><li><code>second</code></li></ul>"
    )


def test_the_card_of_a_version_has_each_of_its_sections() -> None:
    card = render_model_card({"version": "1.0.0", "metrics": {"jaccard": 0.4}})
    html = render_card(card)
    for title in ("Intended use", "Metrics", "Limitations", "Environment"):
        assert f"<h3>{title}</h3>" in html
    assert "license:" not in html


@pytest.mark.parametrize("card", ["", "\n\n", "---\n", "|", "- ", "## ", "| a |", "---\nx: y\n---\n"])
def test_a_card_of_almost_nothing_is_almost_nothing(card: str) -> None:
    assert isinstance(render_card(card), str)


@given(st.text("ab |-#`<>&\n\\", max_size=60))
def test_no_card_makes_markup_of_its_text(text: str) -> None:
    known = ["h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code"]
    html = render_card(text)
    for name in known:
        html = html.replace(f"<{name}>", "").replace(f"</{name}>", "")
    assert "<" not in html
    assert ">" not in html
    assert escape("<") == "&lt;"
