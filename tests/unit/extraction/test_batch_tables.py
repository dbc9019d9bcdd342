"""Tables as streams of rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import InputError
from seamark.extraction.batch import _tables
from seamark.extraction.batch._tables import CsvTable, JsonLinesTable, JsonTable, name_columns, open_table

_CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_csv_rows_know_their_line_through_quoted_new_lines(tmp_path: Path) -> None:
    source = put(tmp_path / "in.csv", b'\xef\xbb\xbfid,text\r\n1,"a\r\nb"\r\n\r\n2,c\r\n')
    rows = list(CsvTable(source).read_rows())
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 5)]
    assert rows[0].columns == {"id": "1", "text": "a\r\nb"}


def test_a_csv_row_without_a_final_new_line_is_whole(tmp_path: Path) -> None:
    rows = list(CsvTable(put(tmp_path / "in.csv", b"text\nlast")).read_rows())
    assert [(row.columns["text"], row.problem) for row in rows] == [("last", "")]


def test_a_cell_longer_than_python_s_default_limit_is_read(tmp_path: Path) -> None:
    source = put(tmp_path / "in.csv", b'text\n"' + b"x" * 900_000 + b'"\n')
    assert len(next(CsvTable(source).read_rows()).columns["text"]) == 900_000


def test_a_cell_beyond_every_measure_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "_MAX_CELL", 100)
    before = csv.field_size_limit(100)
    try:
        source = put(tmp_path / "in.csv", b'text\nok\n"' + b"x" * 200)
        with pytest.raises(InputError, match="damaged from line 3 on"):
            list(CsvTable(source).read_rows())
    finally:
        csv.field_size_limit(before)


def test_a_line_beyond_every_measure_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "_MAX_LINE", 32)
    source = put(tmp_path / "in.jsonl", b'{"a": 1}\n' + b'{"a": "' + b"x" * 200 + b'"}\n{"a": 2}\n')
    rows = list(JsonLinesTable(source).read_rows())
    assert [row.columns for row in rows] == [{"a": 1}, {}, {"a": 2}]
    assert [row.line for row in rows] == [1, 2, 3]
    assert rows[1].problem == "a line of more than 32 bytes"


def test_a_line_nested_too_deeply_is_one_bad_row(tmp_path: Path) -> None:
    source = put(tmp_path / "in.jsonl", b"[" * 100_000 + b'\n{"a": 1}\n')
    rows = list(JsonLinesTable(source).read_rows())
    assert rows[0].problem == "not JSON: nested too deeply"
    assert rows[1].problem == ""


def test_a_list_with_a_stray_item_keeps_the_others(tmp_path: Path) -> None:
    rows = list(JsonTable(put(tmp_path / "in.json", b'[{"a": 1}, "b", null]')).read_rows())
    assert [row.problem for row in rows] == [
        "",
        "a text where an object is expected",
        "null where an object is expected",
    ]


def test_columns_that_only_later_rows_have_are_found(tmp_path: Path) -> None:
    source = put(tmp_path / "in.jsonl", b'{"a": 1}\n{"b": null}\n{"a": "x", "b": true}\n')
    overview = JsonLinesTable(source).survey()
    assert overview.columns == ("a", "b")
    assert overview.kinds == {"a": {"int", "text"}, "b": {"bool"}}


@settings(max_examples=60, deadline=None)
@given(table=st.lists(st.lists(_CELLS, min_size=2, max_size=2), max_size=6))
def test_any_csv_that_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b"], *table])
    rows = list(open_table(path, "csv").read_rows())
    assert [list(row.columns.values()) for row in rows] == table
    assert not any(row.problem for row in rows)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.dictionaries(_CELLS, st.none() | st.booleans() | st.integers() | _CELLS), max_size=6)
)
def test_any_json_lines_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "in.jsonl"
    path.write_bytes(b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values))
    rows = list(open_table(path, "jsonl").read_rows())
    assert [row.columns for row in rows] == values


@given(header=st.lists(st.sampled_from(["", " ", "a", "a_2", "b", "column_1"]), max_size=8))
def test_column_names_are_never_blank_and_never_repeated(header: list[str]) -> None:
    names = name_columns(header)
    assert len(set(names)) == len(header)
    assert all(names)
