from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from seamark.building.data.reading import read_rows
from seamark.errors import InputError, UsageError

Write = Callable[..., Path]


def test_rows_are_read_with_their_spreadsheet_numbers(write: Write) -> None:
    path = write(("text", "skill", "relevant", "kind"), (" A ", "Python", "No", "Course"), ("B", "", "", ""))
    found = read_rows(path, columns={})
    assert [(row.number, row.text, row.relevant, row.kind) for row in found.rows] == [
        (2, "A", False, "course"),
        (3, "B", True, ""),
    ]
    assert (found.total, found.issues) == (2, ())


def test_columns_are_found_under_the_headings_that_the_file_uses(write: Write) -> None:
    path = write(("", "sentence", "labels"), (0, "A", "['Python', 'Nursing']"))
    (row,) = read_rows(path, columns={"text": "sentence", "skills": "labels"}).rows
    assert (row.text, row.labels) == ("A", ("['Python', 'Nursing']",))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("", "Python", "", ""), "neither a text nor a phrase"),
        (("A", "Python", "perhaps", ""), "not yes or no"),
        (("A", "Python", "", "novel"), "not one of posting, course, other"),
        (("A\0", "Python", "", ""), "characters that no database keeps"),
        (("A" * 1_000_001, "Python", "", ""), "longer than 1,000,000 characters"),
    ],
)
def test_a_malformed_row_is_refused_with_its_reason(
    tmp_path: Path, row: tuple[str, ...], reason: str
) -> None:
    path = tmp_path / "rows.jsonl"
    names = ("text", "skill", "relevant", "kind")
    lines = [dict(zip(names, cells, strict=True)) for cells in (("Good", "Python", "1", ""), row)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = read_rows(path, columns={})
    assert [kept.text for kept in found.rows] == ["Good"]
    assert [(issue.row, issue.reason) for issue in found.issues] == [(2, reason)]
    assert len(found.issues[0].value) <= 200


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "\\ud800", "skill": "Python"}\n{"text": ["A"], "skill": "Python"}\n')
    reasons = [issue.reason for issue in read_rows(path, columns={}).issues]
    assert reasons == ["characters that no database keeps", "a list where a text is expected"]


def test_lists_come_out_of_parquet_as_lists(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"text": ["A"], "skills": [["Python", "Nursing"]], "relevant": [True]}).write_parquet(path)
    (row,) = read_rows(path, columns={}).rows
    assert (row.labels, row.relevant, row.number) == ((["Python", "Nursing"],), True, 2)


@pytest.mark.parametrize(("headings", "missing"), [(("skill",), "--map text"), (("text",), "--map skills")])
def test_a_file_without_a_needed_column_is_refused_with_the_way_out(
    write: Write, headings: tuple[str, ...], missing: str
) -> None:
    with pytest.raises(InputError, match=missing):
        read_rows(write(headings, ("A",)), columns={})


def test_a_mapped_column_must_be_there(write: Write) -> None:
    with pytest.raises(InputError, match="'sentence'"):
        read_rows(write(("text", "skill"), ("A", "B")), columns={"text": "sentence"})


def test_an_unknown_name_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="no column 'txt'"):
        read_rows(write(("text", "skill"), ("A", "B")), columns={"txt": "text"})


def test_a_file_without_rows_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="has no row"):
        read_rows(write(("text", "skill")), columns={})
