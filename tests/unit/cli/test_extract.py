"""`seamark extract` and `seamark extract-batch`: arguments in, streams and exit codes out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from seamark.cli import extract, extract_batch
from seamark.errors import InputError, SeamarkError, UsageError
from seamark.extraction import models
from seamark.extraction.result import ExtractedSkill, Prediction, Span, make_prediction


@dataclass
class OneSkill:
    """Finds the word "SQL"."""

    asked: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    model_version: str = "1.0.0"
    taxonomy: Any = field(default_factory=lambda: SimpleNamespace(digest="d", name="tiny"))

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        if self.interrupted:
            raise KeyboardInterrupt
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        at = text.find("SQL")
        phrase = " ".join(["SQL"] * 40) if "long" in text else "SQL"
        evidence = (Span(at, at + 3, "SQL", "knowledge", 0.7),)
        skill = ExtractedSkill("q", "Database [Querying]", "tsc", 0.876, phrase, evidence=evidence)
        return make_prediction(text, (skill,) * (at >= 0), model_version="1.0.0", nonce=os.urandom(8))


@pytest.fixture
def extractor(monkeypatch: pytest.MonkeyPatch) -> OneSkill:
    made = OneSkill()

    def make_extractor(taxonomy: str, **options: Any) -> OneSkill:
        made.asked = {"taxonomy": taxonomy} | options
        assert callable(made.asked.pop("progress"))
        return made

    monkeypatch.setattr(models, "make_extractor", make_extractor)
    return made


def invoke(*arguments: str, stdin: bytes = b"") -> Result:
    app = typer.Typer()
    extract.register(app)
    extract_batch.register(app)
    return CliRunner().invoke(app, list(arguments), input=stdin)


def get_error(result: Result) -> SeamarkError:
    assert isinstance(result.exception, SeamarkError), result.output
    return result.exception


# --- extract -------------------------------------------------------------------------------------


def test_a_text_gives_a_table_for_people(extractor: OneSkill) -> None:
    result = invoke("extract", "We need SQL")
    assert result.exit_code == 0
    for cell in ("skill", "confidence", "Database [Querying]", "tsc", "0.88", "SQL"):
        assert cell in result.stdout


def test_a_long_phrase_is_cut_short_in_the_table(extractor: OneSkill) -> None:
    result = invoke("extract", "a long text with SQL")
    assert "SQL…" in result.stdout.replace("\n", "") or "S…" in result.stdout
    assert "SQL " * 20 not in result.stdout


def test_a_text_without_skills_says_so(extractor: OneSkill) -> None:
    result = invoke("extract", "Free fruit every day")
    assert (result.exit_code, result.stdout) == (0, "no skills found\n")


def test_json_is_exactly_the_wire_format(extractor: OneSkill) -> None:
    found = json.loads(invoke("extract", "We need SQL", "--json").stdout)
    assert list(found) == ["modelVersion", "timestamp", "requestId", "original_input", "skillExtractOutput"]
    assert found["original_input"] == "We need SQL"
    assert found["skillExtractOutput"][0]["confidenceScore"] == 0.876


def test_a_text_without_skills_is_json_too(extractor: OneSkill) -> None:
    assert json.loads(invoke("extract", "Fruit", "--json").stdout)["skillExtractOutput"] == []


def test_stdin_is_read_where_a_hyphen_stands(extractor: OneSkill) -> None:
    found = json.loads(invoke("extract", "-", "--json", stdin="Café needs SQL".encode()).stdout)
    assert found["original_input"] == "Café needs SQL"


def test_a_list_of_documents_gives_a_list(extractor: OneSkill, tmp_path: Path) -> None:
    source = tmp_path / "docs.json"
    source.write_text('[{"text": "SQL", "id": "first"}, {"text": "fruit"}]')
    found = json.loads(invoke("extract", str(source), "--json").stdout)
    assert [len(one["skillExtractOutput"]) for one in found] == [1, 0]
    table = invoke("extract", str(source)).stdout
    assert "first" in table
    assert "document 2: no skills found" in table


def test_a_list_of_one_document_is_a_list_still(extractor: OneSkill, tmp_path: Path) -> None:
    source = tmp_path / "docs.jsonl"
    source.write_text('{"text": "SQL"}\n')
    assert len(json.loads(invoke("extract", str(source), "--json").stdout)) == 1


def test_options_reach_the_extractor(extractor: OneSkill) -> None:
    invoke("extract", "SQL", "--taxonomy", "esco", "--model", "m", "--top", "5", "--threshold", "0.5")
    assert extractor.asked == {"taxonomy": "esco", "model": "m", "top": 5, "threshold": 0.5}
    invoke("extract", "SQL")
    assert extractor.asked == {"taxonomy": None, "model": "default", "top": None, "threshold": None}


@pytest.mark.parametrize(
    "wrong", [("--top", "0"), ("--threshold", "1.01"), ("--threshold", "-0.1"), ("--top", "x")]
)
def test_options_out_of_bounds_are_misuse(extractor: OneSkill, wrong: tuple[str, str]) -> None:
    assert invoke("extract", "SQL", *wrong).exit_code == 2
    assert extractor.asked == {}


@pytest.mark.parametrize("right", [("--top", "1"), ("--threshold", "0"), ("--threshold", "1")])
def test_options_on_the_bounds_are_taken(extractor: OneSkill, right: tuple[str, str]) -> None:
    assert invoke("extract", "SQL", *right).exit_code == 0


def test_bad_input_is_refused_before_a_model_is_loaded(extractor: OneSkill, tmp_path: Path) -> None:
    assert isinstance(get_error(invoke("extract", "  ")), InputError)
    assert isinstance(get_error(invoke("extract", "no-such-file.txt")), UsageError)
    assert isinstance(get_error(invoke("extract", "-", stdin=b"%PDF-1.7")), InputError)
    assert isinstance(get_error(invoke("extract", "SQL", "--html", str(tmp_path))), UsageError)
    assert isinstance(
        get_error(invoke("extract", "SQL", "--html", str(tmp_path / "no" / "p.html"))), UsageError
    )
    assert extractor.asked == {}


def test_a_page_is_written_whole_beside_the_table(extractor: OneSkill, tmp_path: Path) -> None:
    result = invoke("extract", "We need SQL", "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert "tiny" in page
    assert page.rstrip().endswith("</html>")
    assert "Database" in result.stdout
    assert str(tmp_path / "page.html") in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_several_documents_share_a_page(extractor: OneSkill, tmp_path: Path) -> None:
    documents = b'[{"text": "SQL", "id": "first"}, {"text": "fruit"}]'
    invoke("extract", "-", "--html", str(tmp_path / "page.html"), stdin=documents)
    page = (tmp_path / "page.html").read_text()
    assert "first" in page
    assert "document 2" in page


def test_loading_tells_how_far_it_is(extractor: OneSkill, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_extractor(_taxonomy: str, *, progress: Any, **_options: Any) -> OneSkill:
        for done in (0, 2_000_000):
            progress("model.safetensors", done, 2_000_000)
        for done in (0, 5):
            progress("embedding the taxonomy", done, 5)
        return extractor

    monkeypatch.setattr(models, "make_extractor", make_extractor)
    result = invoke("extract", "SQL", "--json")
    assert json.loads(result.stdout)["modelVersion"] == "1.0.0"
    assert "fetching model.safetensors (2 MB)" in result.stderr


# --- extract-batch -------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts.csv").write_text("description\nWe need SQL\n  \n")
    return tmp_path / "posts.csv"


def test_the_summary_goes_to_stderr_and_the_table_to_its_file(extractor: OneSkill, table: Path) -> None:
    result = invoke("extract-batch", str(table), "--text-column", "description", "--output", "out.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "2 rows: 1 ok, 1 empty, 0 quarantined; 1 skills" in result.stderr
    assert "set aside: out.csv.quarantine.jsonl" in result.stderr
    assert Path("out.csv").exists()


def test_the_summary_is_json_where_asked(extractor: OneSkill, table: Path) -> None:
    result = invoke("extract-batch", str(table), "--text-column", "description", "--json")
    summary = json.loads(result.stdout)
    assert (summary["rows"], summary["ok"], summary["output"]) == (2, 1, "posts.skills.jsonl")
    assert "no --output given: writing posts.skills.jsonl" in result.stderr


def test_a_quarantined_row_is_told_by_the_exit_code(extractor: OneSkill, table: Path) -> None:
    table.write_text("id,description\n1,SQL\n2,SQL,extra\n")
    result = invoke("extract-batch", str(table), "--text-column", "description", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["quarantined"] == 1


def test_a_renamed_column_is_said(extractor: OneSkill, table: Path) -> None:
    table.write_text("timestamp,description\n1,SQL\n")
    result = invoke("extract-batch", str(table), "--text-column", "description")
    assert "the input has a column 'timestamp': ours is named 'seamark_timestamp'" in result.stderr


def test_ctrl_c_says_how_to_go_on(extractor: OneSkill, table: Path) -> None:
    extractor.interrupted = True
    result = invoke("extract-batch", str(table), "--text-column", "description")
    assert result.exit_code == 130
    assert result.stderr.rstrip().endswith("stopped; run the same command again to go on")


def test_a_wrong_column_is_refused_before_a_model_is_loaded(extractor: OneSkill, table: Path) -> None:
    error = get_error(invoke("extract-batch", str(table), "--text-column", "text"))
    assert "expected one of 'description'" in str(error)
    assert extractor.asked == {}


def test_batch_options_reach_the_extractor(extractor: OneSkill, table: Path) -> None:
    options = ("--taxonomy", "esco", "--model", "m", "--top", "5", "--threshold", "0.5", "--chunk-size", "1")
    invoke("extract-batch", str(table), "--text-column", "description", *options)
    assert extractor.asked == {"taxonomy": "esco", "model": "m", "top": 5, "threshold": 0.5}
