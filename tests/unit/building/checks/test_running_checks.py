from __future__ import annotations

import json
from dataclasses import replace

import pytest
from checks_fakes import SAMPLES, TAXONOMY, TitleFinder

from seamark.building.checks import CheckReport, CheckResult, run_checks
from seamark.building.checks.page import render_checks, render_checks_page, render_checks_text
from seamark.building.checks.running import CHECKS, OPENS
from seamark.errors import InputError, WeightsError
from seamark.extraction.bundle import RecordedPrediction
from seamark.settings import ChecksSettings

ROOMY = ChecksSettings(memory_mb=100_000)


def run(candidate, **options) -> CheckReport:
    return run_checks(candidate, settings=ROOMY, **({"samples": SAMPLES} | options))


def test_every_check_is_reported_once_in_the_order_of_the_page() -> None:
    heard = []
    report = run(TitleFinder, on_progress=lambda done, total: heard.append((done, total)))
    names = [result.name for result in report.results]
    assert sorted(names) == sorted([OPENS, *CHECKS])
    assert names[:2] == ["opens", "recorded predictions"]
    assert names[-2:] == ["latency", "memory"]
    assert report.passed
    assert report.version == "1.2.3"
    assert report.summary == "10 of 10 checks passed"
    assert heard == [(i, len(CHECKS)) for i in range(1, len(CHECKS) + 1)]


def test_an_extractor_that_is_open_already_is_taken_as_it_is() -> None:
    assert run(TitleFinder()).passed


def test_a_candidate_that_does_not_open_is_one_failed_check() -> None:
    def fail():
        raise WeightsError("a file is damaged", hint="restore it")

    report = run(fail)
    (result,) = report.results
    assert (result.name, result.passed) == ("opens", False)
    assert result.found == "WeightsError: a file is damaged; try: restore it"
    assert result.hint


def test_a_check_that_breaks_has_failed_and_the_others_still_run() -> None:
    class Broken(TitleFinder):
        def rank_phrases(self, phrases, *, depth=100):
            raise ZeroDivisionError

    report = run(Broken())
    assert [result.name for result in report.failed] == ["own title"]
    assert report.failed[0].found == "ZeroDivisionError: no message"
    assert "rank_phrases" in "".join(report.failed[0].examples)
    assert len(report.results) == len(CHECKS) + 1
    assert report.summary.endswith("failed: own title")


def test_as_many_samples_are_used_as_the_settings_say_and_ours_where_there_is_none() -> None:
    few = run_checks(
        TitleFinder(), settings=ChecksSettings(sample_texts=2, memory_mb=100_000), samples=["", *SAMPLES]
    )
    assert any("for 2 texts" in result.found for result in few.results)
    ours = run(TitleFinder(), samples=[" "])
    assert any("for 20 texts" in result.found for result in ours.results)


def test_recorded_predictions_may_be_given() -> None:
    report = run(TitleFinder(), recorded=[RecordedPrediction(SAMPLES[0], {})], release=TAXONOMY)
    assert [result.name for result in report.failed] == ["recorded predictions"]


FAILED = CheckReport(
    "exp-<1>",
    (
        CheckResult("opens", True, "opened in 0.1 s", "a candidate that opens", seconds=0.1),
        CheckResult("case", False, "mean 0.1 <b>", "0.9", "look & see", ("“x” <i>",), seconds=1.25),
        CheckResult("own documents", True, "there is none", asked=False),
    ),
)


def test_the_report_is_read_back_as_it_was_written() -> None:
    record = json.loads(json.dumps(FAILED.to_dict()))
    assert record["passed"] is False
    assert [result["status"] for result in record["results"]] == ["passed", "failed", "not asked"]
    assert CheckReport.from_dict(record) == FAILED


@pytest.mark.parametrize("record", [{}, {"version": "1", "results": [{}]}, {"version": "1", "results": [3]}])
def test_something_else_is_not_read_as_a_report(record) -> None:
    with pytest.raises(InputError, match="can't be read"):
        CheckReport.from_dict(record)


def test_the_page_shows_every_check_and_what_to_do() -> None:
    source = render_checks_page(FAILED, facts={"trigger": "manual"})
    assert "exp-&lt;1&gt; failed its tests" in source
    assert "look &amp; see" in source
    assert "“x” &lt;i&gt;" in source
    assert "1 of 2 checks passed; failed: case" in source
    assert "manual" in source
    assert source.index(">case<") < source.index(">opens<"), "what failed comes first"


def test_the_checks_are_a_section_of_another_page() -> None:
    section = render_checks(FAILED)
    assert "1 of 2 checks passed; failed: case." in section
    assert "there is none" in section


def test_a_candidate_without_a_number_is_called_the_candidate() -> None:
    assert "<h1>The candidate failed its tests</h1>" in render_checks_page(
        replace(FAILED, version="candidate")
    )


def test_the_text_has_a_line_for_each_check_and_the_hint_of_a_failure() -> None:
    lines = render_checks_text(FAILED).splitlines()
    assert lines[0] == "passed     opens          opened in 0.1 s"
    assert lines[2].strip() == "expected 0.9; try: look & see"
    assert lines[-1] == FAILED.summary
    assert FAILED.to_rows()[1] == ("failed", "case", "mean 0.1 <b>", "0.9")
