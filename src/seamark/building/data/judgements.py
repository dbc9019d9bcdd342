"""From rows of a file to judgements: one skill of the taxonomy each, on one document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from seamark.building.data.reading import ExampleRow
from seamark.building.evaluation.labels import LabelResolver, is_no_label, normalise_sentence
from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.errors import InputError
from seamark.taxonomy.report import Action, RowIssue, make_issue
from seamark.taxonomy.taxonomy import Taxonomy

_STEP = 500  # rows between two reports of progress


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict on one skill of one document.

    Attributes:
        row: the row it comes from.
        document_id: never empty.
        text: the document's; empty where only phrases are known.
        phrase: empty for the document as a whole.
        skill_id: one of the taxonomy's; empty: the document calls for no skill.
        relevant: false where ``skill_id`` is empty.
        kind: as the row has it; may be empty.
        sector: as the row has it; may be empty.
    """

    row: int
    document_id: str
    text: str
    phrase: str
    skill_id: str
    relevant: bool
    kind: str
    sector: str

    @property
    def row_hash(self) -> str:
        """SHA-256 in hex of what is judged: document, text, phrase and skill, not the verdict."""
        parts = (
            self.document_id,
            normalise_sentence(self.text),
            normalise_sentence(self.phrase),
            self.skill_id,
        )
        return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def judge_rows(
    rows: Sequence[ExampleRow],
    taxonomy: Taxonomy,
    *,
    file: str,
    on_progress: ProgressListener = ignore_progress,
) -> tuple[list[Judgement], list[RowIssue]]:
    """What the rows say about the skills of ``taxonomy``, and what could not be used or had to be guessed.

    A label that the taxonomy does not know is left out; a title that several skills share stands for the
    first of them by id. A row without a label says that its document calls for nothing.

    Raises:
        InputError: there are labels, and the taxonomy knows none of them.
    """
    judge = _Judge(taxonomy, file)
    judgements: list[Judgement] = []
    for done, row in enumerate(rows, start=1):
        judgements += judge.judge(row)
        if done % _STEP == 0 or done == len(rows):
            on_progress(done, len(rows))
    if judge.unknown and not judge.known:
        label = next(issue.value for issue in judge.issues)
        raise InputError(
            f"{file}: none of the {judge.unknown:,} labels is a skill of {_name(taxonomy)} (the first: {label!r})",
            expected="titles or ids of its skills",
            hint="another --taxonomy, or --map skill=COLUMN for the column that names skills",
        )
    return judgements, judge.issues


class _Judge:
    """Resolves labels and keeps count of them."""

    def __init__(self, taxonomy: Taxonomy, file: str) -> None:
        self._resolver = LabelResolver(taxonomy)
        self._file = file
        self._name = _name(taxonomy)
        self.issues: list[RowIssue] = []
        self.known = 0
        self.unknown = 0

    def judge(self, row: ExampleRow) -> list[Judgement]:
        """The judgements of one row."""
        labels = [label for cell in row.labels for label in self._split(cell, row) if not is_no_label(label)]
        found = [skill for label in dict.fromkeys(labels) if (skill := self._resolve(label, row))]
        if labels and not found:
            return []
        ids = list(dict.fromkeys(found)) or [""]
        document_id = row.document_id or _make_document_id(row.text or row.phrase)
        return [
            Judgement(
                row.number,
                document_id,
                row.text,
                row.phrase,
                skill_id,
                row.relevant and bool(skill_id),
                row.kind,
                row.sector,
            )
            for skill_id in ids
        ]

    def _split(self, cell: str | list[object], row: ExampleRow) -> list[str]:
        if isinstance(cell, str) and self._resolver.resolve(cell):
            return [cell]
        try:
            return self._resolver.split(cell, where=f"row {row.number}")
        except InputError as error:
            self._note(row, "rejected", error.found.partition(": ")[2])
            return []

    def _resolve(self, label: str, row: ExampleRow) -> str:
        found = self._resolver.resolve(label)
        self.known += bool(found)
        self.unknown += not found
        if not found:
            self._note(row, "rejected", f"no active skill of {self._name} is called so", label)
            return ""
        if len(found) > 1:
            self._note(
                row, "repaired", f"{len(found)} skills are called so: the first by id was taken", label
            )
        return min(found)

    def _note(self, row: ExampleRow, action: Action, reason: str, value: str = "") -> None:
        self.issues.append(make_issue(self._file, row.number, "", action, reason, value))


def _name(taxonomy: Taxonomy) -> str:
    return f"{taxonomy.name}@{taxonomy.version}" if taxonomy.version else taxonomy.name


def _make_document_id(text: str) -> str:
    return "text-" + hashlib.sha256(normalise_sentence(text).encode("utf-8")).hexdigest()[:32]


def unite_texts(
    judgements: Iterable[Judgement], known: dict[str, str], *, file: str
) -> tuple[list[Judgement], list[RowIssue]]:
    """The judgements with their documents' texts; those that give a document a second text are refused.

    A document's side follows from its text. A document with two texts could be on two sides, and so could
    one that gets its text after it was put on a side without.

    Args:
        judgements: of one file.
        known: document_id → text of the documents that were imported before; empty: without a text.
        file: the file's name, for the issues.
    """
    judgements = list(judgements)
    texts = dict(known)
    for judgement in judgements:
        if judgement.text and judgement.document_id not in known:
            texts.setdefault(judgement.document_id, judgement.text)
    kept, issues = [], []
    for judgement in judgements:
        text = texts.get(judgement.document_id, "")
        if judgement.text and normalise_sentence(judgement.text) != normalise_sentence(text):
            reason = (
                "another text has this document_id" if text else "this document was imported without a text"
            )
            issues.append(
                make_issue(file, judgement.row, "document_id", "rejected", reason, judgement.document_id)
            )
        else:
            kept.append(replace(judgement, text=text))
    return kept, list(dict.fromkeys(issues))
