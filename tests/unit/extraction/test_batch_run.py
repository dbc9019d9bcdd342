"""Running a batch: every row answered, in order, once."""

from __future__ import annotations

import csv
import errno
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import batch_fakes
import polars as pl
import pytest
from batch_fakes import FakeExtractor, FakeTaxonomy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seamark.errors import InputError, StorageError, UsageError
from seamark.extraction.batch import BatchOptions, BatchReport, _run, _storage, plan_batch, run_batch
from seamark.extraction.batch._writers import make_skills_dtype
from seamark.extraction.result import ExtractedSkill, Span


def run(source: Path, output: Path, extractor: FakeExtractor | None = None, **options: Any) -> BatchReport:
    options.setdefault("text_column", "text")
    plan = plan_batch(source, output, BatchOptions(**options))
    return run_batch(plan, extractor or FakeExtractor())


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "posts.jsonl", [{"text": f"Python {number}", "n": number} for number in range(10)]
    )


def get_titles(value: Any) -> list[str]:
    return [skill["skillTitle"] for skill in value]


# --- what comes out ----------------------------------------------------------------------------


def test_every_row_is_answered_in_order_with_its_own_columns(posts: Path, tmp_path: Path) -> None:
    report = run(posts, tmp_path / "out.jsonl", chunk_size=3)
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["n"] for row in rows] == list(range(10))
    assert all(row["text"] == f"Python {row['n']}" for row in rows)
    assert all(get_titles(row["skillExtractOutput"]) == ["Python Programming"] for row in rows)
    assert (report.rows, report.ok, report.skills, report.quarantine) == (10, 10, 10, None)


def test_a_row_carries_the_wire_format_fields(posts: Path, tmp_path: Path) -> None:
    run(posts, tmp_path / "out.jsonl")
    row = read_lines(tmp_path / "out.jsonl")[0]
    added = ["modelVersion", "timestamp", "requestId", "skillExtractOutput", "extractStatus"]
    assert list(row) == ["text", "n", *added]
    assert row["modelVersion"] == "1.0.0"
    assert row["extractStatus"] == "ok"
    assert datetime.fromisoformat(row["timestamp"]).tzinfo == UTC
    assert row["skillExtractOutput"][0]["evidence"] == [
        {"start": 0, "end": 6, "text": "Python", "label": "skill", "score": 0.8}
    ]


def test_request_ids_are_unlike_each_other_even_for_empty_rows(tmp_path: Path) -> None:
    source = write_lines(
        tmp_path / "in.jsonl", [{"text": ""}, {"text": ""}, {"text": "sql"}, {"text": "sql"}]
    )
    run(source, tmp_path / "out.jsonl")
    assert len({row["requestId"] for row in read_lines(tmp_path / "out.jsonl")}) == 4


def test_nothing_but_the_output_is_left_when_all_rows_are_good(posts: Path, tmp_path: Path) -> None:
    run(posts, tmp_path / "out.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"posts.jsonl", "out.jsonl"}


@pytest.mark.parametrize("chunk_size", [1, 3, 10, 64])
def test_the_chunk_size_changes_nothing_in_the_output(posts: Path, tmp_path: Path, chunk_size: int) -> None:
    extractor = FakeExtractor()
    run(posts, tmp_path / "out.jsonl", extractor, chunk_size=chunk_size)
    assert [row["n"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(10))
    assert extractor.seen == [f"Python {number}" for number in range(10)]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("source_suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_every_format_goes_into_every_format(tmp_path: Path, source_suffix: str, suffix: str) -> None:
    texts = ['Python, and\n"SQL"', "nothing\tto find", "Café 🍰"]
    source = tmp_path / f"in{source_suffix}"
    if source_suffix in (".csv", ".tsv"):
        with source.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter="\t" if source_suffix == ".tsv" else ",")
            writer.writerows([["id", "text"], *([str(n), text] for n, text in enumerate(texts))])
    elif source_suffix == ".json":
        source.write_text(json.dumps([{"id": n, "text": text} for n, text in enumerate(texts)]))
    elif source_suffix == ".jsonl":
        write_lines(source, [{"id": n, "text": text} for n, text in enumerate(texts)])
    else:
        pl.DataFrame({"id": range(3), "text": texts}).write_parquet(source)
    output = tmp_path / f"out{suffix}"
    report = run(source, output)
    rows = read_output(output)
    assert report.ok == 3
    assert [row["text"] for row in rows] == texts
    assert [str(row["id"]) for row in rows] == ["0", "1", "2"]
    assert [get_titles(row["skillExtractOutput"]) for row in rows] == [
        ["Python Programming", "Database Querying"],
        [],
        ["Café Service"],
    ]


def read_output(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    if path.suffix == ".jsonl":
        return read_lines(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    return [row | {"skillExtractOutput": json.loads(row["skillExtractOutput"])} for row in rows]


def test_parquet_keeps_the_input_s_types_and_nests_the_skills(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "text": ["sql", None],
            "when": [datetime(2026, 1, 2, 3, 4, 5, 6), None],
            "day": [date(2026, 1, 2), None],
            "pay": [Decimal("12.50"), None],
            "tags": [["a"], []],
            "kind": pl.Series(["x", "y"], dtype=pl.Categorical),
            "fine": pl.Series([1, 2], dtype=pl.Datetime("ns")),
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out.select(frame.columns).equals(frame)
    assert out.select(frame.columns).schema == frame.schema
    assert out.schema["skillExtractOutput"] == make_skills_dtype()


def test_the_parquet_type_of_the_skills_has_the_wire_format_s_fields() -> None:
    skill = ExtractedSkill("1", "t", "tsc", 0.5, "p", evidence=(Span(0, 1, "t", "skill", 1.0),)).to_wire()
    dtype: Any = make_skills_dtype()
    assert [field.name for field in dtype.inner.fields] == list(skill)
    assert [field.name for field in dtype.inner.fields[-1].dtype.inner.fields] == list(skill["evidence"][0])


def test_parquet_types_without_a_json_form_are_written_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "text": ["sql"],
            "day": [date(2026, 1, 2)],
            "pay": [Decimal("1.50")],
            "raw": [b"\x00\x01"],
            "x": [float("nan")],
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    run(tmp_path / "in.parquet", tmp_path / "out.csv")
    row = read_lines(tmp_path / "out.jsonl")[0]
    assert (row["day"], row["pay"], row["raw"], row["x"]) == ("2026-01-02", "1.50", "AAE=", None)
    cells = read_output(tmp_path / "out.csv")[0]
    assert (cells["day"], cells["pay"], cells["raw"], cells["x"]) == ("2026-01-02", "1.50", "AAE=", "")


def test_json_columns_of_one_kind_keep_it_in_parquet_and_mixed_ones_become_text(tmp_path: Path) -> None:
    rows = [
        {"text": "sql", "a": 1, "b": 1, "c": True, "d": "x", "e": {"k": [1]}, "f": 2**70},
        {"text": "sql", "a": 2, "b": 0.5, "c": None, "d": 3, "e": None, "g": "late"},
    ]
    run(write_lines(tmp_path / "in.jsonl", rows), tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert [out.schema[name] for name in "abcdefg"] == [
        pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.String, pl.String, pl.String,
    ]  # fmt: skip
    assert out["d"].to_list() == ["x", "3"]
    assert out["e"].to_list() == ['{"k": [1]}', None]
    assert out["g"].to_list() == [None, "late"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_without_rows_gives_a_table_without_rows(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.csv").write_text("id,text\n")
    report = run(tmp_path / "in.csv", tmp_path / f"out{suffix}")
    assert report.rows == 0
    assert read_output(tmp_path / f"out{suffix}") == []


def test_a_parquet_file_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    pl.DataFrame({"text": [], "n": []}, schema={"text": pl.String, "n": pl.Int8}).write_parquet(
        tmp_path / "in.parquet"
    )
    run(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").schema["n"] == pl.Int8


def test_more_rows_than_a_frame_holds_stay_in_order_in_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": [f"sql {n}" for n in range(9001)]})
    frame.write_parquet(tmp_path / "in.parquet", row_group_size=2500)
    run(tmp_path / "in.parquet", tmp_path / "out.parquet", chunk_size=1000)
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out["text"].to_list() == frame["text"].to_list()
    phrases = out["skillExtractOutput"].list.first().struct.field("phrase")
    assert set(phrases) == {"sql"}


def test_columns_of_the_input_keep_their_names_and_ours_give_way(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": "sql", "timestamp": "yesterday"}])
    report = run(source, tmp_path / "out.jsonl")
    row = read_lines(tmp_path / "out.jsonl")[0]
    assert row["timestamp"] == "yesterday"
    assert datetime.fromisoformat(row["seamark_timestamp"])
    assert report.renamed == {"timestamp": "seamark_timestamp"}


def test_an_output_can_be_the_input_of_a_second_batch_but_not_of_a_third(posts: Path, tmp_path: Path) -> None:
    run(posts, tmp_path / "one.jsonl")
    run(tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    with pytest.raises(UsageError, match="seamark_modelVersion"):
        run(tmp_path / "two.jsonl", tmp_path / "three.jsonl")


def test_progress_counts_every_row_once(posts: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    plan = plan_batch(posts, tmp_path / "o.jsonl", BatchOptions(text_column="text", chunk_size=4))
    run_batch(plan, FakeExtractor(), on_progress=lambda done, rows: told.append((done, rows)))
    assert told == [(0, 10), (4, 10), (8, 10), (10, 10)]


def test_the_report_is_ready_for_json(posts: Path, tmp_path: Path) -> None:
    report = json.loads(json.dumps(run(posts, tmp_path / "out.jsonl").to_json()))
    assert report["output"] == str(tmp_path / "out.jsonl")
    assert report["quarantine"] is None
    assert (report["rows"], report["taxonomyDigest"], report["modelVersion"]) == (10, "d1", "1.0.0")


# --- rows that can't be processed ---------------------------------------------------------------


def test_bad_rows_are_set_aside_with_their_reason_and_still_have_a_row(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(
        b'{"id": 1, "text": "Python"}\n'
        b'{"id": 2, "text": "  "}\n'
        b'{"id": 3, "text": 7}\n'
        b'{"id": 4, "text": null}\n'
        b"{oops\n"
        b"[1, 2]\n"
        b'{"id": 7}\n'
        b'{"id": 8, "text": "caf\xe9"}\n'
        b'{"id": 9, "text": "\\ud83d"}\n'
        b"\n"
        b'{"id": 10, "text": "SQL"}\n'
    )
    report = run(source, tmp_path / "out.jsonl", id_column="id")
    rows = read_lines(tmp_path / "out.jsonl")
    statuses = [row["extractStatus"] for row in rows]
    assert statuses == ["ok", "empty", "quarantined", "empty", *["quarantined"] * 5, "ok"]
    assert all(row["skillExtractOutput"] == [] for row in rows if row["extractStatus"] != "ok")
    assert (report.ok, report.empty, report.quarantined) == (2, 2, 6)
    aside = read_lines(tmp_path / "out.jsonl.quarantine.jsonl")
    assert [(entry["row"], entry["line"], entry["id"]) for entry in aside] == [
        (2, 2, 2), (3, 3, 3), (4, 4, 4), (5, 5, None), (6, 6, None), (7, 7, 7), (8, 8, None), (9, 9, 9),
    ]  # fmt: skip
    assert [entry["reason"].split(":")[0] for entry in aside] == [
        "no text",
        "'text' is a number where a text is expected",
        "no text",
        "not JSON",
        "a list where an object is expected",
        "no 'text' in this row",
        "characters that are not UTF-8",
        "characters that are not UTF-8",
    ]
    assert aside[3]["raw"] == "{oops"
    assert aside[1]["raw"] == {"id": 3, "text": 7}
    assert aside[6]["raw"] == '{"id": 8, "text": "caf\\xe9"}'
    assert report.quarantine == tmp_path / "out.jsonl.quarantine.jsonl"


def test_bad_csv_rows_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b'id,text\n1,Python\n2,sql,extra\n3\n4,caf\xe9\n5,SQL\n6,"open sql\n')
    run(source, tmp_path / "out.csv")
    rows = read_output(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row["extractStatus"] for row in rows] == ["ok", *["quarantined"] * 3, "ok", "quarantined"]
    assert rows[3]["text"] == "caf\N{REPLACEMENT CHARACTER}"
    aside = read_lines(tmp_path / "out.csv.quarantine.jsonl")
    assert [entry["reason"] for entry in aside] == [
        "3 cells where the header has 2",
        "1 cells where the header has 2",
        "characters that are not UTF-8",
        "a quoted cell that begins on line 7 or later never ends",
    ]
    assert aside[0]["raw"] == ["2", "sql", "extra"]
    assert aside[2]["raw"] == {"id": "4", "text": "caf\\xe9"}


def test_a_text_of_a_million_characters_is_taken_and_one_more_is_set_aside(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": "x" * 1_000_000}, {"text": "x" * 1_000_001}])
    report = run(source, tmp_path / "out.jsonl")
    assert (report.ok, report.quarantined) == (1, 1)
    aside = read_lines(tmp_path / "out.jsonl.quarantine.jsonl")
    assert aside[0]["reason"] == "a text of 1,000,001 characters, more than 1,000,000"


def test_a_text_that_the_extractor_refuses_spoils_no_other_of_its_chunk(posts: Path, tmp_path: Path) -> None:
    report = run(posts, tmp_path / "out.jsonl", FakeExtractor(refuse="Python 4"))
    statuses = [row["extractStatus"] for row in read_lines(tmp_path / "out.jsonl")]
    assert statuses.index("quarantined") == 4
    assert (report.ok, report.quarantined) == (9, 1)


def test_invisible_characters_alone_are_no_text(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": "\ufeff\u200b \u00a0"}, {"text": "a"}])
    assert run(source, tmp_path / "out.jsonl").empty == 1


def test_an_old_quarantine_file_goes_when_no_row_is_set_aside_any_more(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": ""}, {"text": "sql"}])
    run(source, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl.quarantine.jsonl").exists()
    write_lines(source, [{"text": "python"}, {"text": "sql"}])
    run(source, tmp_path / "out.jsonl", overwrite=True)
    assert not (tmp_path / "out.jsonl.quarantine.jsonl").exists()


def test_unicode_line_separators_inside_a_text_break_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batch_fakes.WORDS, "data\u2028design\u0085", "Data Design")
    texts = ["data\u2028design\u0085", "sql"]
    source = tmp_path / "in.jsonl"
    lines = [json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts]
    source.write_text("".join(lines), encoding="utf-8")
    run(source, tmp_path / "out.jsonl", chunk_size=2)
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["skillExtractOutput"][0]["phrase"] for row in rows] == texts


def test_a_damaged_first_line_is_one_bad_row(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "cut\n{"text": "sql"}\n')
    report = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (report.ok, report.quarantined) == (1, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=12), chunk_size=st.integers(1, 5))
def test_any_texts_come_back_row_by_row_whatever_the_chunk(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], chunk_size: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    source = write_lines(folder / "in.jsonl", [{"text": text} for text in texts])
    report = run(source, folder / "out.jsonl", chunk_size=chunk_size)
    rows = read_lines(folder / "out.jsonl")
    assert [row["text"] for row in rows] == texts
    assert report.ok + report.empty + report.quarantined == len(texts)


# --- going on after an interruption --------------------------------------------------------------


def interrupt(posts: Path, output: Path, **options: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(posts, output, FakeExtractor(stop_after=7), chunk_size=3, **options)


def test_an_interrupted_run_leaves_no_output_under_its_final_name(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"posts.jsonl", "out.jsonl.partial"}


def test_the_same_call_goes_on_without_doing_finished_rows_again(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    extractor = FakeExtractor()
    report = run(posts, tmp_path / "out.jsonl", extractor, chunk_size=3)
    assert extractor.seen == [f"Python {number}" for number in range(6, 10)]
    assert report.resumed_rows == 6
    assert [row["n"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(10))
    assert not (tmp_path / "out.jsonl.partial").exists()


def test_another_chunk_size_does_not_keep_a_run_from_going_on(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    extractor = FakeExtractor()
    run(posts, tmp_path / "out.jsonl", extractor, chunk_size=64)
    assert len(extractor.seen) == 4
    assert [row["n"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(10))


def test_a_part_lost_in_the_middle_is_made_again_alone(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    (tmp_path / "out.jsonl.partial" / "part-0000000.jsonl").unlink()
    extractor = FakeExtractor()
    run(posts, tmp_path / "out.jsonl", extractor, chunk_size=3)
    assert extractor.seen == [f"Python {number}" for number in (0, 1, 2, 6, 7, 8, 9)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": 0.7}, "--threshold was not given, is 0.7"),
        ({"top": 3}, "--top was not given, is 3"),
        ({"model": "other"}, "--model was not given, is other"),
        ({"id_column": "n"}, "--id-column was not given, is n"),
    ],
)
def test_a_changed_option_is_refused_by_name(
    posts: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    with pytest.raises(UsageError, match=said) as caught:
        run(posts, tmp_path / "out.jsonl", chunk_size=3, **change)
    assert "--overwrite" in caught.value.hint


@pytest.mark.parametrize(
    ("extractor", "said"),
    [
        (FakeExtractor(model_version="2.0.0"), "the model version was 1.0.0, is 2.0.0"),
        (FakeExtractor(taxonomy=FakeTaxonomy("d2")), "the taxonomy's content differs"),
    ],
)
def test_a_changed_model_or_taxonomy_is_refused(
    posts: Path, tmp_path: Path, extractor: FakeExtractor, said: str
) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    with pytest.raises(UsageError, match=said):
        run(posts, tmp_path / "out.jsonl", extractor, chunk_size=3)


def test_a_changed_input_is_refused(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    posts.write_text(posts.read_text() + '{"text": "one more"}\n')
    with pytest.raises(UsageError, match="the input file's content differs"):
        run(posts, tmp_path / "out.jsonl", chunk_size=3)


def test_a_moved_input_of_the_same_content_goes_on(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    moved = posts.rename(tmp_path / "moved.jsonl")
    assert run(moved, tmp_path / "out.jsonl", chunk_size=3).resumed_rows == 6


def test_overwrite_begins_anew_where_another_run_was_left(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    extractor = FakeExtractor()
    report = run(posts, tmp_path / "out.jsonl", extractor, chunk_size=3, top=2, overwrite=True)
    assert (report.resumed_rows, len(extractor.seen)) == (0, 10)


def test_an_interrupted_overwrite_goes_on_and_keeps_the_old_output_till_the_end(
    posts: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    run(posts, output)
    before = output.read_bytes()
    interrupt(posts, output, overwrite=True)
    assert output.read_bytes() == before
    extractor = FakeExtractor()
    run(posts, output, extractor, chunk_size=3, overwrite=True)
    assert len(extractor.seen) == 4
    assert output.read_bytes() != before


def test_a_damaged_state_is_refused_and_overwrite_helps(posts: Path, tmp_path: Path) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    (tmp_path / "out.jsonl.partial" / "state.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        run(posts, tmp_path / "out.jsonl")
    assert run(posts, tmp_path / "out.jsonl", overwrite=True).ok == 10


@pytest.mark.parametrize("content", ["", "{oops\n", '{"status": "ok"}\n', "1\n2\n3\n"])
def test_a_damaged_part_is_removed_and_made_again_by_the_next_run(
    posts: Path, tmp_path: Path, content: str
) -> None:
    interrupt(posts, tmp_path / "out.jsonl")
    (tmp_path / "out.jsonl.partial" / "part-0000001.jsonl").write_text(content)
    with pytest.raises(StorageError, match=r"part-0000001\.jsonl was damaged"):
        run(posts, tmp_path / "out.jsonl", chunk_size=3)
    assert not (tmp_path / "out.jsonl").exists()
    extractor = FakeExtractor()
    run(posts, tmp_path / "out.jsonl", extractor, chunk_size=3)
    assert extractor.seen == ["Python 3", "Python 4", "Python 5"]


def test_files_of_others_in_the_work_folder_are_left_alone(posts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out.jsonl.partial"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    run(posts, tmp_path / "out.jsonl")
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_two_runs_for_the_same_output_do_not_mix(posts: Path, tmp_path: Path) -> None:
    class Nosy(FakeExtractor):
        def extract_many(self, texts: Any) -> Any:
            with pytest.raises(UsageError, match="another run is at work"):
                run(posts, tmp_path / "out.jsonl")
            return super().extract_many(texts)

    assert run(posts, tmp_path / "out.jsonl", Nosy()).ok == 10


def test_an_input_that_changes_on_the_way_is_noticed(posts: Path, tmp_path: Path) -> None:
    plan = plan_batch(posts, tmp_path / "out.jsonl", BatchOptions(text_column="text"))
    changed = replace(plan, input_stamp=(plan.input_stamp[0], plan.input_stamp[1] - 1))
    with pytest.raises(InputError, match="changed while it was being read"):
        run_batch(changed, FakeExtractor())
    assert not (tmp_path / "out.jsonl").exists()


# --- a full disk ---------------------------------------------------------------------------------


def fill_disk(*_args: Any, **_kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_full_while_a_part_is_written_keeps_the_parts_before(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(100))
    real = _storage.os.fsync
    monkeypatch.setattr(_storage.os, "fsync", lambda file: fill_disk() if next(calls) == 6 else real(file))
    with pytest.raises(StorageError, match="the disk is full") as caught:
        run(posts, tmp_path / "out.jsonl", chunk_size=3)
    assert "the same command again" in caught.value.hint
    assert not (tmp_path / "out.jsonl").exists()
    assert not list((tmp_path / "out.jsonl.partial").glob("*.tmp"))
    monkeypatch.undo()
    assert run(posts, tmp_path / "out.jsonl", chunk_size=3).resumed_rows == 6


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_disk_full_while_the_table_is_written_keeps_every_part(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    output = tmp_path / f"out{suffix}"
    monkeypatch.setattr(_run, "_sync", fill_disk)
    with pytest.raises(StorageError, match="the disk is full"):
        run(posts, output, chunk_size=3)
    left = {path.name for path in (tmp_path / f"{output.name}.partial").iterdir()}
    assert left == {"lock", "state.json", *(f"part-000000{number}.jsonl" for number in range(4))}
    assert not output.exists()
    monkeypatch.undo()
    extractor = FakeExtractor()
    assert run(posts, output, extractor, chunk_size=3).resumed_rows == 10
    assert extractor.seen == []


def test_a_folder_that_may_not_be_written_to_is_named(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(self: Path, *_args: Any, **_kwargs: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", forbid)
    with pytest.raises(StorageError, match="may not be written to"):
        run(posts, tmp_path / "out.jsonl")
