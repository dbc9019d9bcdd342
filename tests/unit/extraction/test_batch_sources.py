"""What `seamark extract` is given, told apart and read."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from seamark.errors import InputError, UsageError
from seamark.extraction.batch import Source, read_source
from seamark.extraction.document import Document


def read(argument: str, stdin: bytes = b"") -> Source:
    return read_source(argument, read_stdin=lambda size: stdin[:size])


@pytest.mark.parametrize(
    "text",
    [
        "We need Python",
        "python",
        "CI/CD",
        "Node.js",
        "see notes.txt for more",
        "either/or and more",
        "x" * 5000,
        "line\nline/with.txt",
        "~nobody-of-that-name",
        '{"text": "not parsed"}',
    ],
)
def test_a_text_is_a_text(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(text) == Source("text", (Document(text),))


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "no/such.md",
        "page.HTML",
        "./notes",
        "../notes",
        "/no/such",
        "~/no-such-notes",
        "here/notes",
    ],
)
def test_what_looks_like_a_path_must_exist(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        read(path)


def test_an_existing_file_is_read_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.txt", "python", "a name with spaces"):
        Path(name).write_bytes("\ufeffCafé".encode())
        assert read(name) == Source(name, (Document("Café", doc_id=name),))


def test_a_folder_is_refused_unless_its_name_is_a_plain_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read("python").name == "text"
    with pytest.raises(UsageError, match="is a folder"):
        read("./python")


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u200b"])
def test_a_blank_text_is_refused(blank: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the text is empty"):
        read(blank)
    with pytest.raises(InputError, match="stdin is empty"):
        read("-", blank.encode())
    (tmp_path / "a.txt").write_text(blank, encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.txt is empty"):
        read(str(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.4", "is a PDF; expected text in UTF-8; try: convert it to text first"),
        (b"\x7fELF\x00\x00", "is a binary file"),
        (b"caf\xe9", "0xe9 at offset 3"),
        ("text".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(str(tmp_path / "a.txt"))
    with pytest.raises(InputError, match=said):
        read("-", content)


def test_a_table_is_sent_to_the_batch_command(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nsql\n")
    with pytest.raises(InputError, match="seamark extract-batch"):
        read(str(tmp_path / "a.csv"))


def test_a_file_of_more_bytes_than_a_text_can_have_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 4_000_004)
    with pytest.raises(InputError, match="4,000,004 bytes"):
        read(str(tmp_path / "a.txt"))


def test_stdin_is_a_text_or_documents_in_json() -> None:
    assert read("-", b"We need SQL\n").documents == (Document("We need SQL\n"),)
    assert read("-", b'{"text": "a"}') == Source("stdin", (Document("a"),))
    assert read("-", b'[{"text": "a"}]').is_list
    assert read("-", b"[sic] a text").documents == (Document("[sic] a text"),)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"We need SQL",))
    writer.start()
    assert read(str(tmp_path / "pipe")).documents == (Document("We need SQL"),)
    writer.join()


def test_documents_in_json_have_ids_and_kinds(tmp_path: Path) -> None:
    documents = [{"text": "a", "id": "x", "kind": "course", "more": 1}, {"text": "b", "id": 7}]
    (tmp_path / "a.json").write_text(json.dumps(documents))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in documents))
    expected = (Document("a", "x", "course"), Document("b", "7", "other"))
    for name in ("a.json", "a.jsonl"):
        assert read(str(tmp_path / name)) == Source(
            str(tmp_path / name) if name == "a.json" else name, expected, is_list=True
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"data": {"text": "a"}}', "has no 'text' but 'data'"),
        ('{"text": {"en": "a"}}', "'text' of .* is an object; expected a text"),
        ('[{"text": "a"}, ["b"]]', "item 2 of .* is a list; expected an object"),
        ('[{"text": "a"}, {"text": " "}]', "'text' of item 2 of .* is empty"),
        (
            '[{"text": "a", "kind": "poem"}]',
            "'kind' of item 1 .* is 'poem'; expected one of posting, course, other",
        ),
        ('[{"text": "a", "id": []}]', "'id' of item 1"),
        ('{"text": "\\ud83d"}', "not UTF-8"),
        ("[]", "an empty list"),
        ("7", "holds a number"),
        ('{"text": "a"', "is not JSON: .* at line 1, column 13"),
    ],
)
def test_wrong_documents_are_named_by_their_place(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read(str(tmp_path / "a.json"))


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n\noops\n')
    with pytest.raises(InputError, match=r"line 3 of .*: not JSON"):
        read(str(tmp_path / "a.jsonl"))
    (tmp_path / "a.jsonl").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        read(str(tmp_path / "a.jsonl"))
