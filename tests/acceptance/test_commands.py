"""The installed command, as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seamark import Taxonomy, __version__

pytestmark = pytest.mark.weights
CALLING = "You will write SQL queries, build dashboards and teach colleagues Python programming."
_COMMAND = Path(sys.executable).parent / "seamark"


@pytest.fixture
def seamark(home, tmp_path):
    """Runs a command in a folder of its own; gives the finished process."""

    def run(*arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        surroundings = os.environ | {"SEAMARK_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"} | env
        return subprocess.run(
            [_COMMAND, *arguments],
            cwd=tmp_path,
            env=surroundings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def check_failure(done: subprocess.CompletedProcess[str], code: int) -> str:
    """One readable line on stderr, nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_the_version_is_the_packages(seamark):
    assert seamark("--version").stdout.strip() == __version__


def test_a_text_gives_a_table(seamark):
    done = seamark("extract", CALLING)
    assert done.returncode == 0, done.stderr
    assert "confidence" in done.stdout
    assert "Python" in done.stdout


def test_text_file_and_stdin_give_the_same(seamark, tmp_path):
    (tmp_path / "posting.txt").write_text(CALLING, encoding="utf-8")
    runs = [
        seamark("extract", "--json", CALLING),
        seamark("extract", "--json", "posting.txt"),
        seamark("extract", "--json", "-", stdin=CALLING),
    ]
    skills = [json.loads(run.stdout)["skillExtractOutput"] for run in runs]
    assert skills[0] == skills[1] == skills[2] != []


def test_json_is_the_wire_format(seamark):
    wire = json.loads(seamark("extract", CALLING, "--json", "--top", "2", "--threshold", "0").stdout)
    assert list(wire) == ["modelVersion", "timestamp", "requestId", "original_input", "skillExtractOutput"]
    assert wire["original_input"] == CALLING
    assert len(wire["skillExtractOutput"]) == 2
    for skill in wire["skillExtractOutput"]:
        assert skill["skill_id"] in Taxonomy.starter()
        for span in skill["evidence"]:
            assert CALLING[span["start"] : span["end"]] == span["text"]


def test_a_page_is_written_beside_the_table(seamark, tmp_path):
    done = seamark("extract", CALLING, "--html", "page.html")
    assert done.returncode == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Python Programming" in page
    assert 'src="http' not in page


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_text_is_bad_input(seamark, text):
    check_failure(seamark("extract", text), 3)
    check_failure(seamark("extract", "-", stdin=text), 3)


def test_unknown_names_are_misuse_with_one_line(seamark):
    assert "no-such-one" in check_failure(seamark("extract", CALLING, "--taxonomy", "no-such-one"), 2)
    assert "default" in check_failure(seamark("extract", CALLING, "--model", "no-such-one"), 2)


def test_a_threshold_out_of_range_is_misuse(seamark):
    done = seamark("extract", CALLING, "--threshold", "1.5")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_verbose_shows_the_trace(seamark):
    done = seamark("--verbose", "extract", CALLING, "--model", "no-such-one")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_malformed_setting_is_named(seamark):
    line = check_failure(seamark("extract", CALLING, SEAMARK_THREADS="many"), 2)
    assert "SEAMARK_THREADS" in line


def test_offline_without_weights_says_what_to_do(seamark, tmp_path):
    done = seamark("extract", CALLING, SEAMARK_HOME=str(tmp_path / "bare"), SEAMARK_OFFLINE="1")
    assert "SEAMARK_OFFLINE" in check_failure(done, 1)


def test_a_small_table_is_read_whole(seamark, tmp_path):
    with (tmp_path / "posts.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "description"], ["a", CALLING], ["b", "Free fruit on Mondays."]])
    done = seamark("extract-batch", "posts.csv", "--text-column", "description", "--output", "skills.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "skills.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["a", "b"]


def test_the_starter_taxonomy_is_shown_compared_and_valid(seamark, tmp_path):
    assert seamark("taxonomy", "show", "starter").returncode == 0
    skills = list(Taxonomy.starter())
    for name, part in (("old.csv", skills[:20]), ("new.csv", skills[1:21])):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["skill_id", "title"], *((s.skill_id, s.title) for s in part)])
    done = seamark("taxonomy", "diff", "old.csv", "new.csv")
    assert done.returncode == 0, done.stderr
    assert skills[0].title in done.stdout
    assert skills[20].title in done.stdout
    assert seamark("taxonomy", "validate", "old.csv").returncode == 0


def test_base_models_are_listed(seamark):
    done = seamark("base-model", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert "all-MiniLM-L6-v2" in json.dumps(json.loads(done.stdout))


def test_the_doctor_finds_nothing_wrong(seamark):
    done = seamark("doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_writes_its_page(seamark, tmp_path):
    done = seamark("demo", "--no-service", "--output", "shown")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shown" / "index.html").stat().st_size > 10_000
    assert [path.name for path in (tmp_path / "shown").iterdir()] == ["index.html"]


def test_linking_is_measured_on_titles(seamark, tmp_path):
    skills = Taxonomy.starter().active[:12]
    with (tmp_path / "gold.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[f"You will need {skill.title} here.", skill.title] for skill in skills]
        csv.writer(file).writerows([["sentence", "label"], *rows])
    done = seamark("evaluate", "linking", "--gold", "gold.csv", "--taxonomy", "starter", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["mrr"] > 0.5


@pytest.mark.slow
def test_spans_are_trained_and_written(seamark, tmp_path):
    row = {"tokens": ["You", "will", "build", "data", "in", "Python"]}
    row |= {"tags_skill": list("OOBIOO"), "tags_knowledge": list("OOOOOB")}
    (tmp_path / "train.json").write_text("\n".join([json.dumps(row)] * 4), encoding="utf-8")
    done = seamark("spans", "train", "train.json", "--output", "made", "--epochs", "1", "--rank", "2")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"graph.onnx", "adapter.safetensors"}
    again = seamark("spans", "train", "train.json", "--output", "made", "--epochs", "1", "--rank", "2")
    assert again.returncode == 2
    assert "made is there already" in again.stderr
