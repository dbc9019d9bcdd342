"""What is checked before anything is done."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seamark.errors import InputError, UsageError
from seamark.extraction.batch import BatchOptions, BatchPlan, plan_batch


def plan(source: Path, output: Path | None = None, **options: Any) -> BatchPlan:
    options.setdefault("text_column", "text")
    return plan_batch(source, output or source.parent / "out.jsonl", BatchOptions(**options))


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_without_an_output_it_goes_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path / "posts.csv", "text\nsql\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = plan_batch(source, None, BatchOptions(text_column="text"))
    assert made.output == Path("posts.skills.jsonl")


def test_nothing_is_written_by_planning(tmp_path: Path) -> None:
    source = put(tmp_path / "posts.csv", "text\nsql\n")
    plan(source)
    assert list(tmp_path.iterdir()) == [source]


def test_a_missing_column_lists_those_there_are(tmp_path: Path) -> None:
    source = put(tmp_path / "posts.csv", "id,description\n1,sql\n")
    with pytest.raises(UsageError, match="'id', 'description'"):
        plan(source)
    with pytest.raises(UsageError, match="no column 'key'"):
        plan(source, text_column="description", id_column="key")


def test_a_long_list_of_columns_is_cut_short(tmp_path: Path) -> None:
    source = put(tmp_path / "in.csv", ",".join(f"c{n}" for n in range(50)) + "\n")
    with pytest.raises(UsageError, match="and 20 more"):
        plan(source)


def test_a_column_of_numbers_is_refused_and_the_text_columns_named(tmp_path: Path) -> None:
    pl.DataFrame({"text": [1, 2], "body": ["a", "b"]}).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="holds Int64; expected text; try: one of 'body'"):
        plan(tmp_path / "in.parquet")
    source = put(tmp_path / "in.jsonl", '{"text": 1}\n{"text": null}\n')
    with pytest.raises(InputError, match="holds int"):
        plan(source)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.csv", b"", "in.csv is empty"),
        ("in.csv", b"\xef\xbb\xbf\n \n", "in.csv is empty"),
        ("in.csv", b"PAR1xxxxPAR1", "looks like Parquet; expected CSV; try: rename it to in.parquet"),
        ("in.csv", b"%PDF-1.7", "is a PDF; expected CSV; try: convert it to text first"),
        ("in.csv", b'{"text": "a"}\n', "looks like JSON Lines.*; expected CSV; try: rename it to in.jsonl"),
        ("in.csv", b'[{"text": "a"}]', "looks like a JSON list"),
        ("in.csv", b"<!DOCTYPE html><html>", "looks like an HTML page"),
        ("in.csv", "text\nsql\n".encode("utf-16"), "is text in UTF-16"),
        ("in.csv", b"text\n\x00\x00\n", "is a binary file"),
        ("in.csv", gzip.compress(b"text\nsql\n"), "is compressed with gzip"),
        ("in.parquet", b"text\nsql\n", "looks like plain text; expected Parquet"),
        ("in.parquet", b"PAR1 and no more", "can't be read as Parquet"),
        ("in.jsonl", b'[{"text": "a"}]', "looks like a JSON list.*; try: rename it to in.json"),
        ("in.jsonl", b"text\nsql\n", "has no row that is an object"),
        ("in.json", b"text\nsql\n", "looks like plain text; expected a JSON list"),
        ("in.json", b'{"text": "a"}\n{"text": "b"}\n', "not JSON: Extra data.*rename it to .jsonl"),
        ("in.json", b'[{"text": "a"},', "in.json is not JSON: .* at line 1, column 16"),
        (
            "in.json",
            b'{"data": [{"text": "a"}]}',
            "an object with a list under 'data'; expected a list of objects",
        ),
        ("in.json", b'[["a"], ["b"]]', "a list of which item 1 is a list; expected a list of objects"),
        ("in.json", b"[]", "an empty list"),
        ("in.json", b"[" * 100_000, "nested too deeply"),
        ("in.json", b'[{"text": "caf\xe9"}]', "not UTF-8 at offset 14"),
        ("in.xyz", b"%PDF-1.7", "is a PDF; expected CSV, JSON Lines, JSON or Parquet"),
        ("in.xyz", b"<html>", "looks like an HTML page; expected a table"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        plan(put(tmp_path / name, content))


@pytest.mark.parametrize(
    ("inner", "said"), [("xl/workbook.xml", "XLSX"), ("word/document.xml", "DOCX"), ("a", "ZIP")]
)
def test_office_files_are_named(tmp_path: Path, inner: str, said: str) -> None:
    with zipfile.ZipFile(tmp_path / "in.csv", "w") as archive:
        archive.writestr(inner, "x")
    with pytest.raises(InputError, match=said):
        plan(tmp_path / "in.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in", "id,text\n1,sql\n"),
        ("in.txt", '{"text": "sql"}\n'),
        ("in.data", '[{"text": "sql"}]'),
        ("in.CSV", "text\nsql\n"),
        ("in.ndjson", '{"text": "sql"}\n'),
        ("in.csv", "id;text\n1;sql, and more\n"),
        ("in.csv", "id\ttext\n1\tsql\n"),
        ("in.csv", '"id, of the row";"text"\n1;sql\n'),
        ("in.jsonl", '\ufeff{"text": "sql"}\n'),
        ("in.jsonl", 'broken\n{"text": "sql"}\n'),
        ("in.json", json.dumps([{"text": "sql"}], indent=2)),
    ],
)
def test_a_format_is_recognised_by_name_and_content(tmp_path: Path, name: str, content: str) -> None:
    assert "text" in plan(put(tmp_path / name, content)).overview.columns


def test_blank_and_repeated_column_names_are_told_apart(tmp_path: Path) -> None:
    source = put(tmp_path / "in.csv", "text, text ,,\nsql,b,c,d\n")
    assert plan(source).overview.columns == ("text", "text_2", "column_3", "column_4")


def test_wrong_places_are_refused(tmp_path: Path) -> None:
    source = put(tmp_path / "in.csv", "text\nsql\n")
    put(tmp_path / "done.jsonl", "{}\n")
    for output, said in [
        (tmp_path / "out.xlsx", "named out.xlsx; expected a name in .csv"),
        (tmp_path / "no" / "out.csv", "mkdir -p"),
        (tmp_path / "done.jsonl", "is there already; try: --overwrite"),
        (source, "would be written over"),
    ]:
        with pytest.raises(UsageError, match=said):
            plan(source, output)
    assert plan(source, tmp_path / "done.jsonl", overwrite=True).output == tmp_path / "done.jsonl"


def test_a_quarantine_file_is_not_written_over_while_it_is_the_input(tmp_path: Path) -> None:
    source = put(tmp_path / "out.csv.quarantine.jsonl", '{"text": "sql"}\n')
    with pytest.raises(UsageError, match="would be written over"):
        plan(source, tmp_path / "out.csv", overwrite=True)


def test_an_input_that_can_t_be_read_twice_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for source, said in [
        (Path("-"), "stdin"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.csv", "no regular file"),
        (tmp_path / "none.csv", "no such file"),
    ]:
        with pytest.raises(UsageError, match=said):
            plan(source, tmp_path / "out.csv")


@pytest.mark.parametrize("wrong", [{"chunk_size": 0}, {"top": 0}, {"threshold": -0.1}, {"threshold": 1.1}])
def test_options_out_of_bounds_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    source = put(tmp_path / "in.csv", "text\nsql\n")
    with pytest.raises(UsageError):
        plan(source, **wrong)


@pytest.mark.parametrize("right", [{"chunk_size": 1}, {"top": 1}, {"threshold": 0.0}, {"threshold": 1.0}])
def test_options_on_the_bounds_are_taken(tmp_path: Path, right: dict[str, Any]) -> None:
    assert plan(put(tmp_path / "in.csv", "text\nsql\n"), **right).overview.rows == 1
