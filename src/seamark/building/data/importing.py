"""Importing labelled examples: a file's judgements become rows of the workspace, all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.building.data.documents import KINDS
from seamark.building.data.judgements import Judgement, judge_rows, unite_texts
from seamark.building.data.reading import read_rows
from seamark.building.data.splitting import SPLITS, choose_split, make_split_key
from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.errors import UsageError
from seamark.governance.acting import act, require
from seamark.storage import examples as rows
from seamark.storage.examples import Example
from seamark.storage.ids import make_id
from seamark.taxonomy.report import RowIssue, RowReport
from seamark.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.settings import DataSettings
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """What an import of labelled examples did.

    Attributes:
        taxonomy: the release whose skills the labels named, as ``name@X.Y.Z``.
        generation: the split generation that took the rows.
        documents: documents of the file that were used.
        new_documents: split → documents that were not there before.
        added: verdicts that are new.
        duplicates: verdicts that were there already, word for word.
        replaced: verdicts that contradict an earlier one, which they replace.
        rows: the file's rows: how many, and why some were rejected or had to be guessed at.
    """

    taxonomy: str
    generation: int
    documents: int
    new_documents: dict[str, int]
    added: int
    duplicates: int
    replaced: int
    rows: RowReport

    def to_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON."""
        return {
            "taxonomy": self.taxonomy,
            "generation": self.generation,
            "documents": self.documents,
            "new_documents": self.new_documents,
            "added": self.added,
            "duplicates": self.duplicates,
            "replaced": self.replaced,
            "report": self.rows.to_dict(),
        }


def import_examples(
    workspace: Workspace,
    actor: Actor,
    path: Path,
    *,
    taxonomy: Taxonomy,
    columns: Mapping[str, str] | None = None,
    kind: str = "",
    on_progress: ProgressListener = ignore_progress,
) -> ExampleReport:
    """Import a file of labelled examples (docs/reference/labelled-examples.md), wholly or not at all.

    Args:
        workspace: where to.
        actor: who asks.
        path: a CSV, TSV, JSONL, Parquet or XLSX file.
        taxonomy: whose skills the labels name.
        columns: our column name → the file's heading; default: the same names.
        kind: ``posting``, ``course`` or ``other``, for rows that name none; default: ``other``, and the
            kind of a document that is known stays as it is.
        on_progress: hears how many rows were understood.

    Raises:
        NotAllowedError: the actor may not import examples.
        UsageError: ``columns`` or ``kind`` is wrong.
        InputError: the file can't be read, lacks a column, has no row, or none of its labels is known.
        StorageError: the database can't be written.
    """
    path = Path(path)
    require(workspace, actor, "examples.import", subject=path.name)
    if kind not in ("", *KINDS):
        raise UsageError(f"a document can't be of the kind {kind!r}", expected="one of " + ", ".join(KINDS))
    read = read_rows(path, columns=columns or {})
    judgements, issues = judge_rows(read.rows, taxonomy, file=path.name, on_progress=on_progress)
    if kind:
        judgements = [replace(judgement, kind=judgement.kind or kind) for judgement in judgements]
    release = f"{taxonomy.name}@{taxonomy.version}" if taxonomy.version else taxonomy.name
    with act(workspace, actor, "examples.import", subject=path.name) as deed:
        work = _Import(deed.connection, workspace.settings.data, path.name)
        work.store(judgements)
        deed.after = {"taxonomy": release, **work.count()}
        deed.nothing = not (work.added or work.replaced)
    all_issues = sorted((*read.issues, *issues, *work.issues), key=lambda issue: issue.row)
    skills = len({judgement.skill_id for judgement in judgements} - {""})
    report = RowReport("labelled examples", (path.name,), (), read.total, skills, tuple(all_issues))
    return ExampleReport(
        taxonomy=release,
        generation=work.generation,
        documents=work.documents,
        new_documents={split: work.new_documents[split] for split in SPLITS},
        added=work.added,
        duplicates=work.duplicates,
        replaced=work.replaced,
        rows=report,
    )


class _Import:
    """One import within its transaction, and what it counted."""

    def __init__(self, connection: Connection, settings: DataSettings, file: str) -> None:
        self._connection = connection
        self._file = file
        self._now = datetime.now(UTC)
        self._batch = make_id("example")
        self.generation = self._find_open_generation()
        self._shares = _fix_shares(connection, settings)
        self.issues: list[RowIssue] = []
        self.new_documents: Counter[str] = Counter()
        self.documents = self.added = self.duplicates = self.replaced = 0

    def _find_open_generation(self) -> int:
        """The generation that takes new rows; a data version's own generation takes no more."""
        newest = rows.lock_generations(self._connection, self._now)
        if rows.is_fixed(self._connection, newest):
            newest += 1
            rows.open_generation(self._connection, newest, self._now)
        return newest

    def store(self, judgements: Sequence[Judgement]) -> None:
        """Write what is new in ``judgements``."""
        ids = sorted({judgement.document_id for judgement in judgements})
        stored = rows.find_examples(self._connection, ids)
        stored.sort(key=lambda example: (example.generation, example.imported_at, example.row_hash))
        known = {example.document_id: example for example in stored}  # the newest row of each
        texts = {document_id: example.text for document_id, example in known.items()}
        judgements, self.issues = unite_texts(judgements, texts, file=self._file)
        judgements = _unite_facts(judgements, known)
        splits = self._choose_splits(judgements, known)
        newest = {example.row_hash: example for example in stored}
        changed: dict[str, Example] = {}
        for judgement in judgements:
            before = changed.get(judgement.row_hash) or newest.get(judgement.row_hash)
            after = self._make_row(judgement, before, splits[judgement.document_id], len(changed))
            self._count(before, after)
            if after is not before:
                changed[judgement.row_hash] = after
        self._write(changed, {example.id for example in stored})

    def count(self) -> dict[str, int]:
        """What was done, in numbers."""
        return {
            "generation": self.generation,
            "documents": self.documents,
            "added": self.added,
            "replaced": self.replaced,
        }

    def _choose_splits(self, judgements: Sequence[Judgement], known: Mapping[str, Example]) -> dict[str, str]:
        splits: dict[str, str] = {}
        for judgement in judgements:
            document_id = judgement.document_id
            if document_id in splits:
                continue
            if document_id in known:
                splits[document_id] = known[document_id].split
            else:
                key = make_split_key(document_id, judgement.text)
                splits[document_id] = choose_split(key, **self._shares)
                self.new_documents[splits[document_id]] += 1
        self.documents = len(splits)
        return splits

    def _make_row(self, judgement: Judgement, before: Example | None, split: str, place: int) -> Example:
        """The row as it should be: ``before`` itself where it says the same."""
        if before is None:
            return self._make_new(judgement, split, place)
        after = replace(before, relevant=judgement.relevant, kind=judgement.kind, sector=judgement.sector)
        if after == before:
            return before
        after = replace(after, source=self._file, imported_at=self._now)
        if before.generation == self.generation:
            return after
        return replace(after, id=f"{self._batch}-{place}", generation=self.generation)

    def _make_new(self, judgement: Judgement, split: str, place: int) -> Example:
        return Example(
            id=f"{self._batch}-{place}",
            row_hash=judgement.row_hash,
            document_id=judgement.document_id,
            text=judgement.text,
            phrase=judgement.phrase,
            skill_id=judgement.skill_id,
            relevant=judgement.relevant,
            kind=judgement.kind,
            sector=judgement.sector,
            source=self._file,
            split=split,
            generation=self.generation,
            imported_at=self._now,
        )

    def _count(self, before: Example | None, after: Example) -> None:
        self.added += before is None
        self.duplicates += after is before
        self.replaced += before is not None and after is not before

    def _write(self, changed: Mapping[str, Example], stored: set[str]) -> None:
        rows.replace_examples(self._connection, [row for row in changed.values() if row.id in stored])
        rows.add_examples(self._connection, [row for row in changed.values() if row.id not in stored])


def _unite_facts(judgements: Sequence[Judgement], known: Mapping[str, Example]) -> list[Judgement]:
    """The judgements with one kind and one sector for each document: the file's, else those known."""
    kinds = {document_id: example.kind for document_id, example in known.items()}
    sectors = {document_id: example.sector for document_id, example in known.items()}
    for judgement in reversed(judgements):  # so that the first of a document's rows decides
        document_id = judgement.document_id
        kinds[document_id] = judgement.kind or kinds.get(document_id, KINDS[-1])
        sectors[document_id] = judgement.sector or sectors.get(document_id, "")
    return [replace(one, kind=kinds[one.document_id], sector=sectors[one.document_id]) for one in judgements]


def _fix_shares(connection: Connection, settings: DataSettings) -> dict[str, float]:
    """The workspace's shares: those of its first import (see :mod:`seamark.building.data.splitting`)."""
    shares = rows.read_shares(connection)
    if shares is None:
        shares = {"test_share": settings.test_share, "validation_share": settings.validation_share}
        rows.write_shares(connection, shares)
    return shares
