from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.evaluation.gold import (
    find_spans,
    read_extraction_gold,
    read_known_sentences,
    read_linking_gold,
    read_span_gold,
)
from seamark.building.tables import read_table
from seamark.errors import InputError, UsageError

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_workbook(path: Path, sheets: dict[str, list[list[str]]]) -> Path:
    """A real XLSX, by hand: the packages that write one are not among ours."""
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as file:
        sheet_type = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/s{i}.xml" ContentType="{sheet_type}.worksheet+xml"/>'
            for i, _ in enumerate(names)
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
            f'"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{sheet_type}.sheet.main+xml"/>'
            f"{overrides}</Types>",
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{i + 1}" r:id="r{i}"/>' for i, name in enumerate(names)
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{listed}</sheets></workbook>',
        )
        linked = "".join(
            f'<Relationship Id="r{i}" Type="{_REL}/worksheet" Target="worksheets/s{i}.xml"/>'
            for i, _ in enumerate(names)
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{linked}</Relationships>',
        )
        for i, rows in enumerate(sheets.values()):
            file.writestr(f"xl/worksheets/s{i}.xml", _make_sheet(rows))
    return path


def _make_sheet(rows: list[list[str]]) -> str:
    cells = [
        "".join(
            f'<c r="{chr(65 + c)}{r}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
            for c, cell in enumerate(row)
        )
        for r, row in enumerate(rows, start=1)
    ]
    body = "".join(f'<row r="{r}">{cell}</row>' for r, cell in enumerate(cells, start=1))
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'


# Tables


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    rows = [{"text": "Zoë, uses\nSQL", "labels": "01"}, {"text": "x", "labels": ""}]
    files = [
        write(tmp_path / "a.csv", '\ufefftext,labels\n"Zoë, uses\nSQL",01\nx,\n'),
        write(tmp_path / "a.tsv", 'text\tlabels\n"Zoë, uses\nSQL"\t01\nx\t\n'),
        write(tmp_path / "a.jsonl", "\ufeff" + "\n\n".join(json.dumps(row) for row in rows)),
        write_workbook(
            tmp_path / "a.xlsx", {"One": [["text", "labels"], ["Zoë, uses\nSQL", "01"], ["x", ""]]}
        ),
        tmp_path / "a.parquet",
    ]
    pl.DataFrame(rows).write_parquet(files[-1])
    for file in files:
        table = read_table(file, wanted=("text", "labels"))
        assert table.columns == ("text", "labels"), file.name
        assert list(table.rows) == rows, file.name


def test_of_a_workbook_the_sheet_with_the_wanted_columns_is_read(tmp_path: Path) -> None:
    sheets = {"Legend": [["about", "x"], ["1", "2"]], "Data": [["text", "labels"], ["a", "b"]]}
    file = write_workbook(tmp_path / "a.xlsx", sheets)
    assert read_table(file, wanted=("labels",)).rows == ({"text": "a", "labels": "b"},)


def test_lists_stay_lists_and_numbers_become_texts(tmp_path: Path) -> None:
    jsonl = write(tmp_path / "a.jsonl", '{"labels": ["a", "b"], "id": 7}\n{"labels": null}\n')
    assert read_table(jsonl).rows == ({"labels": ["a", "b"], "id": "7"}, {"labels": "", "id": ""})
    parquet = tmp_path / "a.parquet"
    pl.DataFrame({"labels": [["a"], None], "id": [1, 2]}).write_parquet(parquet)
    assert read_table(parquet).rows == ({"labels": ["a"], "id": "1"}, {"labels": "", "id": "2"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"PK\x03\x04rest", "a.csv holds XLSX"),
        ("a.csv", b"PAR1rest", "a.csv holds Parquet"),
        ("a.csv", b"text\n\xff\xfe\n", r"not UTF-8 text \(byte 5\)"),
        ("a.csv", b"text\nx\x00y\n", "null characters"),
        ("a.csv", b"text\na,b,c\n", "can't be read"),
        ("a.xlsx", b"text\nx\n", "a.xlsx holds no XLSX"),
        ("a.xlsx", b"", "a.xlsx holds no XLSX"),
        ("a.xlsx", b"PK\x03\x04truncated", "can't be read"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0old", "Excel 97"),
        ("a.parquet", b"PAR1broken", "can't be read"),
        ("a.parquet", b"text", "holds no Parquet"),
        ("a.jsonl", b'{"text": "x"}\n{"text": \n', "line 2: not JSON"),
        ("a.jsonl", b'[{"text": "x"}]', "line 1: a JSON list"),
        ("a.jsonl", b'{"text": {"a": 1}}', "line 1, 'text': a nested object"),
        ("a.jsonl", b"[" * 200_000, "line 1: not JSON"),
        ("a.doc", b"text", r"ends in '\.doc'"),
        ("a.csv", b"Text;labels\nx;y\n", r"no column 'text'.*Text;labels"),
        ("a.jsonl", b"", r"no column 'text'.*\(none\)"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(write(tmp_path / name, content), wanted=("text",))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


# Linking


def test_the_sub_span_goes_before_the_span(tmp_path: Path) -> None:
    content = "sentence,span,sub_span,label\nuses SQL,SQL and C,SQL,SQL\nuses SQL,SQL and C, ,C\nx,,,UNK\n"
    rows = read_linking_gold(write(tmp_path / "g.csv", content), level="span")
    assert [(row.phrase, row.label) for row in rows] == [("SQL", "SQL"), ("SQL and C", "C"), ("", "UNK")]


def test_sentences_with_labels_alone_are_for_the_sentence_level(tmp_path: Path) -> None:
    file = write(tmp_path / "g.csv", "sentence,label\nuses SQL,SQL\n")
    assert read_linking_gold(file)[0].phrase == ""
    with pytest.raises(UsageError, match="--level sentence"):
        read_linking_gold(file, level="span")


def test_a_linking_file_without_rows_or_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row"):
        read_linking_gold(write(tmp_path / "g.csv", "sentence,label\n"))
    with pytest.raises(InputError, match=r"no column 'label'.*sentence, skills"):
        read_linking_gold(write(tmp_path / "h.csv", "sentence,skills\na,b\n"))
    with pytest.raises(InputError, match="row 1: a list in the column 'label'"):
        read_linking_gold(write(tmp_path / "i.jsonl", '{"sentence": "a", "label": ["b"]}'))


# Spans


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("OOO", []),
        ("BII", [(0, 8)]),
        ("BBO", [(0, 2), (3, 6)]),
        ("OBI", [(3, 8)]),
        ("OIO", [(3, 6)]),
        ("IOI", [(0, 2), (7, 8)]),
        ("IBI", [(0, 2), (3, 8)]),
    ],
)
def test_tags_become_offsets_in_the_joined_text(tags: str, spans: list[tuple[int, int]]) -> None:
    assert find_spans(["ab", "cde", "f"], list(tags)) == spans


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.text("aé ", max_size=3), st.sampled_from("BIO")), max_size=12))
def test_spans_hold_whole_tokens_in_order(pairs: list[tuple[str, str]]) -> None:
    tokens, tags = [token for token, _ in pairs], [tag for _, tag in pairs]
    text = " ".join(tokens)
    spans = find_spans(tokens, tags)
    assert len(spans) >= tags.count("B")
    assert sum(text[start:end].count(" ") + 1 for start, end in spans) >= len(tags) - tags.count("O")
    for start, end in spans:
        assert 0 <= start <= end <= len(text)
    assert all(one[1] < two[0] for one, two in pairwise(spans))


def make_line(**fields: object) -> str:
    return json.dumps(
        {"tokens": ["uses", "SQL"], "tags_skill": ["B", "I"], "tags_knowledge": ["O", "B"], **fields}
    )


def test_a_file_with_both_heads_is_read(tmp_path: Path) -> None:
    gold = read_span_gold(write(tmp_path / "g.json", make_line() + "\n\n" + make_line(idx=1) + "\n"))
    assert gold.heads == ("skill", "knowledge")
    assert len(gold.sentences) == 2
    assert gold.sentences[0].text == "uses SQL"
    assert gold.sentences[0].spans == {"skill": {(0, 8)}, "knowledge": {(5, 8)}}


def test_a_file_with_one_head_is_scored_on_that_alone(tmp_path: Path) -> None:
    line = json.dumps({"tokens": ["a"], "tags_skill": ["B"]})
    gold = read_span_gold(write(tmp_path / "g.json", line))
    assert gold.heads == ("skill",)
    assert gold.sentences[0].spans == {"skill": {(0, 1)}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("7", "a JSON int"),
        ('{"tokens": ["a"]}', "no tags_skill, unlike"),
        ('{"tokens": ["a"], "tags_skill": ["O"]}', "no tags_knowledge, unlike"),
        (make_line(tokens="uses SQL"), "no list of texts under 'tokens'"),
        (make_line(tokens=["uses", 7]), "no list of texts under 'tokens'"),
        (make_line(tags_skill=["B"]), "1 tags_skill for 2 tokens"),
        (make_line(tags_knowledge=["O", "B-KNOW"]), "the tag 'B-KNOW' in tags_knowledge"),
        (make_line(tags_knowledge=["O", ["B"]]), r"the tag \['B'\]"),
        (make_line(tags_skill="BI"), "tags_skill is a str"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = write(tmp_path / "g.json", make_line() + "\n\n" + line + "\n")
    with pytest.raises(InputError, match=f"g.json, line 3: .*{message}"):
        read_span_gold(file)


def test_a_file_without_lines_or_tags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row"):
        read_span_gold(write(tmp_path / "g.json", "\n"))
    with pytest.raises(InputError, match="line 1: no tags"):
        read_span_gold(write(tmp_path / "h.json", '{"tokens": ["a"]}'))


def test_a_head_that_the_first_line_lacks_is_refused(tmp_path: Path) -> None:
    first = json.dumps({"tokens": ["a"], "tags_skill": ["B"]})
    with pytest.raises(InputError, match="line 2: tags_knowledge, unlike"):
        read_span_gold(write(tmp_path / "g.json", first + "\n" + make_line()))


def test_known_sentences_compare_without_case_and_spaces(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a.json", make_line(tokens=["Uses", " SQL "])),
        write(tmp_path / "b.json", make_line(tokens=["Zoë"])),
    ]
    assert read_known_sentences(files) == {"uses sql", "zoë"}
    assert read_known_sentences([]) == frozenset()


# Extraction


def test_text_columns_are_joined_by_blank_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "g.csv", "title,body,skills\nCook,Fries,a;b\n, ,\n,Bakes,c\n")
    docs = read_extraction_gold(file, text_columns=["title", "body"], labels_column="skills")
    assert [doc.text for doc in docs] == ["Cook\n\nFries", "", "Bakes"]
    assert [doc.labels for doc in docs] == ["a;b", "", "c"]
    assert docs[2].where.endswith("row 3")


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "g.csv", "t,l\n1,a\n2,b\n3,c\n")
    docs = read_extraction_gold(file, text_columns=["t"], labels_column="l", limit=2)
    assert [doc.text for doc in docs] == ["1", "2"]
    assert len(read_extraction_gold(file, text_columns=["t"], labels_column="l", limit=9)) == 3


def test_wrong_options_of_extraction_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "g.csv", "t,l\n1,a\n")
    with pytest.raises(UsageError, match="no text column"):
        read_extraction_gold(file, text_columns=[], labels_column="l")
    with pytest.raises(UsageError, match="limit of 0"):
        read_extraction_gold(file, text_columns=["t"], labels_column="l", limit=0)
    with pytest.raises(InputError, match=r"no column 'labels'.*t, l"):
        read_extraction_gold(file, text_columns=["t"], labels_column="labels")
