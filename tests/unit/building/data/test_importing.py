from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from people import ADMIN, list_audit
from seamark.building.data.importing import ExampleReport, import_examples
from seamark.errors import InputError, UsageError
from seamark.storage import examples as rows
from seamark.storage.workspace import Workspace, open_workspace
from seamark.taxonomy import Taxonomy

Import = Callable[..., ExampleReport]
Write = Callable[..., Path]


def list_stored(workspace: Workspace, generation: int = 1) -> list[rows.Example]:
    with workspace.database.read() as connection:
        return rows.list_examples(connection, generation)


def read_verdicts(workspace: Workspace) -> dict[tuple[str, str], bool]:
    return {(row.document_id, row.skill_id): row.relevant for row in list_stored(workspace)}


def test_verdicts_are_stored_by_skill_id(workspace: Workspace, load: Import) -> None:
    report = load(
        ("d1", "A", "python", ""), ("d1", "A", "s2", "no"), ("d2", "B", "Python programming", "yes")
    )
    assert read_verdicts(workspace) == {("d1", "s1"): True, ("d1", "s2"): False, ("d2", "s1"): True}
    assert (report.added, report.documents, sum(report.new_documents.values())) == (3, 2, 2)
    assert (report.taxonomy, report.rows.rows_read, report.rows.skills) == ("tiny@1.0.0", 3, 2)


def test_importing_again_adds_nothing(workspace: Workspace, load: Import) -> None:
    load(("d1", "A", "Python", ""))
    before = list_stored(workspace)
    report = load(("d1", " a ", "PYTHON", "yes"))
    assert (report.added, report.duplicates, report.replaced) == (0, 1, 0)
    assert list_stored(workspace) == before


def test_a_later_verdict_replaces_an_earlier_one(workspace: Workspace, load: Import) -> None:
    load(("d1", "A", "Python", "yes"))
    report = load(("d1", "A", "Python", "no"))
    assert (report.added, report.duplicates, report.replaced) == (0, 0, 1)
    assert read_verdicts(workspace) == {("d1", "s1"): False}


def test_of_two_verdicts_in_one_file_the_later_wins(workspace: Workspace, load: Import) -> None:
    report = load(("d1", "A", "Python", "yes"), ("d1", "A", "Python", "no"))
    assert (report.added, report.replaced) == (1, 1)
    assert read_verdicts(workspace) == {("d1", "s1"): False}


@pytest.mark.parametrize("label", ["", "UNK", "label not present", "[]"])
def test_a_document_that_calls_for_nothing_is_kept(workspace: Workspace, load: Import, label: str) -> None:
    load(("d1", "A", label, "yes"))
    assert read_verdicts(workspace) == {("d1", ""): False}


def test_several_labels_in_one_cell_are_told_apart(
    workspace: Workspace, write: Write, taxonomy: Taxonomy
) -> None:
    path = write(("text", "skills"), ("A", "Python; Negotiate, with care"), ("B", "['Nursing', 'UNK']"))
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
    assert sorted(row.skill_id for row in list_stored(workspace)) == ["s1", "s2", "s3"]


def test_labels_outside_the_taxonomy_are_rejected_one_by_one(workspace: Workspace, load: Import) -> None:
    report = load(("d1", "A", "['Python', 'Juggling']", ""), ("d2", "B", "Old craft", ""))
    assert [(issue.row, issue.value) for issue in report.rows.rejected] == [(2, "Juggling"), (3, "Old craft")]
    assert read_verdicts(workspace) == {("d1", "s1"): True}


def test_a_shared_title_stands_for_the_first_skill_and_is_reported(
    workspace: Workspace, load: Import
) -> None:
    report = load(("d1", "A", "Twin", ""))
    assert read_verdicts(workspace) == {("d1", "s4"): True}
    assert [issue.value for issue in report.rows.repaired] == ["Twin"]


def test_a_file_of_another_taxonomy_is_refused_and_leaves_nothing(workspace: Workspace, load: Import) -> None:
    with pytest.raises(InputError, match=r"none of the 2 labels is a skill of tiny@1\.0\.0") as caught:
        load(("d1", "A", "Juggling", ""), ("d2", "B", "Whistling", ""), ("d3", "C", "", ""))
    assert "--taxonomy" in caught.value.hint
    assert list_stored(workspace) == []


def test_a_document_without_an_id_gets_one_from_its_text(
    workspace: Workspace, write: Write, taxonomy: Taxonomy
) -> None:
    path = write(("text", "skill"), ("Write SQL", "Python"), ("write  sql", "Nursing"), ("Other", "Python"))
    assert import_examples(workspace, ADMIN, path, taxonomy=taxonomy).documents == 2
    assert all(row.document_id.startswith("text-") for row in list_stored(workspace))


def test_phrases_alone_are_enough(workspace: Workspace, write: Write, taxonomy: Taxonomy) -> None:
    path = write(("phrase", "skill"), ("coding in Python", "Python"))
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
    (row,) = list_stored(workspace)
    assert (row.text, row.phrase, row.skill_id) == ("", "coding in Python", "s1")


def test_a_phrase_is_on_the_side_of_its_document(
    workspace: Workspace, write: Write, taxonomy: Taxonomy
) -> None:
    headings = ("document_id", "text", "phrase", "skill")
    path = write(headings, ("d1", "", "coding", "Python"), ("d1", "You code.", "", "Python"))
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
    assert {(row.text, row.split) for row in list_stored(workspace)} == {
        ("You code.", list_stored(workspace)[0].split)
    }
    import_examples(workspace, ADMIN, write(headings, ("d1", "", "nursing", "Nursing")), taxonomy=taxonomy)
    assert {row.text for row in list_stored(workspace)} == {"You code."}


def test_a_second_text_for_a_document_is_rejected(workspace: Workspace, load: Import) -> None:
    load(("d1", "A", "Python", ""))
    report = load(("d1", "B", "Nursing", ""), ("d2", "C", "Python", ""), ("d2", "D", "Nursing", ""))
    assert [(issue.row, issue.reason) for issue in report.rows.rejected] == [
        (2, "another text has this document_id"),
        (4, "another text has this document_id"),
    ]
    assert read_verdicts(workspace) == {("d1", "s1"): True, ("d2", "s1"): True}


def test_a_text_that_comes_after_its_document_is_rejected(
    workspace: Workspace, write: Write, taxonomy: Taxonomy, load: Import
) -> None:
    path = write(("document_id", "phrase", "skill"), ("d1", "coding", "Python"))
    import_examples(workspace, ADMIN, path, taxonomy=taxonomy)
    report = load(("d1", "A", "Nursing", ""))
    assert report.rows.rejected[0].reason == "this document was imported without a text"
    assert report.added == 0


def test_the_kind_of_a_document_is_corrected_by_a_later_import(workspace: Workspace, load: Import) -> None:
    load(("d1", "A", "Python", ""))
    assert load(("d1", "A", "Python", ""), kind="course").replaced == 1
    assert [row.kind for row in list_stored(workspace)] == ["course"]
    assert load(("d1", "A", "Python", ""), ("d1", "A", "Nursing", "")).duplicates == 1
    assert {row.kind for row in list_stored(workspace)} == {"course"}


def test_an_unknown_kind_is_refused(load: Import) -> None:
    with pytest.raises(UsageError, match="novel"):
        load(("d1", "A", "Python", ""), kind="novel")


def test_the_shares_of_the_first_import_hold_for_good(
    workspace: Workspace, load: Import, tmp_path: Path, taxonomy: Taxonomy, write: Write
) -> None:
    load(("d1", "A", "Python", ""))
    environ = {"SEAMARK_HOME": str(tmp_path), "SEAMARK_DATA_TEST_SHARE": "0.8"}
    with open_workspace(workspace.folder, environ=environ) as later:
        path = write(("text", "skill"), *((f"text {number}", "Python") for number in range(300)))
        assert later.settings.data.test_share == 0.8
        report = import_examples(later, ADMIN, path, taxonomy=taxonomy)
    assert report.new_documents["test"] < 100


def test_a_crash_in_the_middle_leaves_nothing(
    workspace: Workspace, load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = rows.add_examples

    def die(connection: Any, added: Any) -> None:
        insert(connection, added[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(rows, "add_examples", die)
    with pytest.raises(KeyboardInterrupt):
        load(("d1", "A", "Python", ""), ("d2", "B", "Python", ""))
    assert list_stored(workspace) == []
    monkeypatch.undo()
    assert load(("d1", "A", "Python", ""), ("d2", "B", "Python", "")).added == 2


def test_progress_reaches_the_end(load: Import) -> None:
    heard: list[tuple[int, int]] = []
    many = [(f"d{number}", f"text {number}", "Python", "") for number in range(501)]
    load(*many, on_progress=lambda done, total: heard.append((done, total)))
    assert heard == [(500, 501), (501, 501)]


def test_rows_of_one_import_have_ids_of_their_own(workspace: Workspace, load: Import) -> None:
    load(*((f"d{number}", f"text {number}", "Python", "") for number in range(300)))
    assert len({row.id for row in list_stored(workspace)}) == 300
    with sqlite3.connect(workspace.folder / "seamark.db") as connection:
        assert connection.execute("select count(*) from examples").fetchone() == (300,)


def test_an_import_is_in_the_audit_trail_in_numbers_alone(workspace: Workspace, load: Import) -> None:
    load(("d1", "Some text", "Python", "yes"), ("d2", "Another", "Python", ""))
    load(("d1", "Some text", "Python", "no"))
    first, second = list_audit(workspace)
    assert (first.actor, first.action, first.outcome) == ("ada", "examples.import", "done")
    told = {"taxonomy": "tiny@1.0.0", "generation": 1}
    assert first.after == {**told, "documents": 2, "added": 2, "replaced": 0}
    assert second.after == {**told, "documents": 1, "added": 0, "replaced": 1}


def test_an_import_that_adds_nothing_is_no_event(workspace: Workspace, load: Import) -> None:
    load(("d1", "A", "Python", ""))
    load(("d1", "A", "Python", ""))
    assert len(list_audit(workspace)) == 1


def test_a_file_that_is_refused_is_no_event(workspace: Workspace, load: Import) -> None:
    with pytest.raises(InputError):
        load(("d1", "A", "Juggling", ""))
    assert list_audit(workspace) == []
