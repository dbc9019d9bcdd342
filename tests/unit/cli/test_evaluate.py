from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from seamark.cli import evaluate
from seamark.errors import InputError, UsageError
from seamark.extraction.result import ExtractedSkill, Prediction, Span, make_prediction
from seamark.taxonomy.skill import Skill

SKILLS = (Skill("s1", "SQL"), Skill("s2", "Cooking"), Skill("s3", "Welding [hot]"))


class WordExtractor:
    """Takes the words of a text that are titles, in the taxonomy's order."""

    taxonomy = SKILLS

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        return [
            sorted(((s.skill_id, float(s.title in text)) for s in SKILLS), key=lambda p: -p[1])
            for text in texts
        ]

    def rank_phrases(
        self, phrases: Sequence[str], *, contexts: Sequence[str] | None = None, depth: int = 100
    ) -> list[list[tuple[str, float]]]:
        return self.rank_many(phrases, depth=depth)

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._extract(text) for text in texts]

    def _extract(self, text: str) -> Prediction:
        skills = tuple(ExtractedSkill(s.skill_id, s.title, "", 0.9, "x") for s in SKILLS if s.title in text)
        return make_prediction(text, skills, model_version="0.0.0", nonce=b"")

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        return [[Span(0, 3, text[:3], "skill", 1.0)] for text in sentences]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the commands asked to be made."""
    calls: list[tuple[Any, ...]] = []

    def make_extractor(taxonomy: str, **options: Any) -> WordExtractor:
        calls.append((taxonomy, options))
        return WordExtractor()

    def make_span_extractor(model: str) -> WordExtractor:
        calls.append((model,))
        return WordExtractor()

    module = ModuleType("seamark.extraction.models")
    module.__dict__.update(make_extractor=make_extractor, make_span_extractor=make_span_extractor)
    monkeypatch.setitem(sys.modules, "seamark.extraction.models", module)
    return calls


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    evaluate.register(app)
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def linking_gold(tmp_path: Path) -> Path:
    rows = (
        "Uses SQL daily,SQL,,SQL\nLikes Cooking,Cooking,,cooking\nLikes Cooking,Likes,,Knitting\nx,x,,UNK\n"
    )
    return write(tmp_path / "gold.csv", "sentence,span,sub_span,label\n" + rows)


@pytest.fixture
def spans_gold(tmp_path: Path) -> Path:
    line = {"tokens": ["SQL", "daily"], "tags_skill": ["B", "O"], "tags_knowledge": ["B", "O"]}
    return write(tmp_path / "gold.json", json.dumps(line))


@pytest.fixture
def extraction_gold(tmp_path: Path) -> Path:
    return write(
        tmp_path / "gold.csv", "t,b,skills\nSQL,Cooking,SQL;Cooking\nidle,,\nSQL,,Cooking;Knitting\n"
    )


@pytest.mark.parametrize(("level", "n"), [("sentence", 2), ("span", 2)])
def test_linking_prints_the_contracts_json(made: list, linking_gold: Path, level: str, n: int) -> None:
    result = run("linking", "--gold", linking_gold, "--taxonomy", "esco", "--level", level, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == {
        "level": level,
        "n": n,
        "mrr": 1.0,
        "rp@1": 1.0,
        "rp@5": 1.0,
        "rp@10": 1.0,
        "dropped": {"UNK": 1},
        "unresolved": {"Knitting": 1},
        "excluded": 0,
    }
    assert made == [("esco", {"model": "default"})]


def test_linking_leaves_out_what_training_saw(made: list, linking_gold: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"tokens": tokens}) for tokens in (["uses", "sql", "DAILY"], ["x"])]
    files = [write(tmp_path / f"{i}.json", line) for i, line in enumerate(lines)]
    options = ("--exclude", files[0], "--exclude", files[1], "--json", "--model", "m")
    result = run("linking", "--gold", linking_gold, "--taxonomy", "t", *options)
    report = json.loads(result.stdout)
    assert (report["n"], report["excluded"], report["dropped"]) == (1, 2, {})
    assert made == [("t", {"model": "m"})]


def test_linking_prints_a_table_for_people(made: list, linking_gold: Path) -> None:
    result = run("linking", "--gold", linking_gold, "--taxonomy", "esco")
    assert result.exit_code == 0
    assert "rp@5" in result.stdout
    assert "1.0000" in result.stdout
    assert "Knitting" in result.stdout


def test_wrong_use_is_told_before_a_model_is_loaded(made: list, tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.csv", "sentence,label\nUses SQL,SQL\n")
    result = run("linking", "--gold", gold, "--taxonomy", "esco", "--level", "span")
    assert isinstance(result.exception, UsageError)
    missing = run("linking", "--gold", tmp_path / "none.csv", "--taxonomy", "esco")
    assert isinstance(missing.exception, InputError)
    assert run("linking", "--gold", gold, "--taxonomy", "esco", "--level", "word").exit_code == 2
    assert run("linking", "--gold", gold).exit_code == 2
    assert made == []


def test_spans_prints_the_contracts_json(made: list, spans_gold: Path) -> None:
    result = run("spans", "--gold", spans_gold, "--json")
    assert json.loads(result.stdout) == {
        "n": 1,
        "skill": {"precision": 1, "recall": 1, "f1": 1, "support": 1},
        "knowledge": {"precision": 0, "recall": 0, "f1": 0, "support": 1},
    }
    assert made == [("default",)]


def test_spans_prints_a_table_for_people(made: list, spans_gold: Path) -> None:
    result = run("spans", "--gold", spans_gold, "--model", "m")
    assert "knowledge" in result.stdout
    assert "1.0000" in result.stdout
    assert made == [("m",)]


def test_spans_names_the_line_that_is_wrong(made: list, tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.json", '{"tokens": ["a"], "tags_skill": ["B", "O"]}')
    result = run("spans", "--gold", gold, "--json")
    assert isinstance(result.exception, InputError)
    assert "line 1" in str(result.exception)
    assert made == []


def test_extraction_prints_the_contracts_json(made: list, extraction_gold: Path) -> None:
    columns = ("--text-column", "t", "--text-column", "b", "--labels-column", "skills")
    result = run("extraction", "--gold", extraction_gold, *columns, "--taxonomy", "esco", "--json")
    report = json.loads(result.stdout)
    assert report["n"] == 3
    assert report["jaccard"] == pytest.approx(2 / 3)
    assert report["micro_f1"] == pytest.approx(2 / 3)
    assert report["ece"] == pytest.approx(0.9 - 2 / 3)
    assert report["unresolved"] == {"Knitting": 1}
    assert made == [("esco", {"model": "default"})]


def test_extraction_passes_threshold_model_and_limit(made: list, extraction_gold: Path) -> None:
    columns = ("--text-column", "t", "--labels-column", "skills", "--taxonomy", "esco")
    options = ("--threshold", "0.4", "--model", "m", "--limit", "1", "--json")
    result = run("extraction", "--gold", extraction_gold, *columns, *options)
    assert json.loads(result.stdout)["n"] == 1
    assert made == [("esco", {"model": "m", "threshold": 0.4})]


def test_extraction_prints_a_table_for_people(made: list, tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.csv", "t,skills\nidle,SQL;[red]\n")
    columns = ("--text-column", "t", "--labels-column", "skills", "--taxonomy", "esco")
    result = run("extraction", "--gold", gold, *columns)
    assert result.exit_code == 0
    assert "[red]" in result.stdout
    assert "jaccard" in result.stdout


@pytest.mark.parametrize("extra", [("--threshold", "1.5"), ("--limit", "0")])
def test_extraction_refuses_numbers_out_of_range(made: list, extraction_gold: Path, extra: tuple) -> None:
    columns = ("--text-column", "t", "--labels-column", "skills", "--taxonomy", "esco")
    assert run("extraction", "--gold", extraction_gold, *columns, *extra).exit_code == 2
    assert made == []


def test_extraction_lists_the_columns_when_one_is_missing(made: list, extraction_gold: Path) -> None:
    columns = ("--text-column", "text", "--labels-column", "skills", "--taxonomy", "esco")
    result = run("extraction", "--gold", extraction_gold, *columns)
    assert isinstance(result.exception, InputError)
    assert "t, b, skills" in str(result.exception)
