"""Doing a planned batch: chunk after chunk, then one table out of the parts."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from seamark.errors import InputError, UsageError
from seamark.extraction.batch._plan import BatchPlan, stamp_file
from seamark.extraction.batch._storage import ROWS_ARE_KEPT, move_into_place, translate_write_errors
from seamark.extraction.batch._tables import Row, name_json
from seamark.extraction.batch._values import dump_json, is_blank
from seamark.extraction.batch._work import (
    Record,
    WorkFolder,
    clear_folder,
    lock_folder,
    read_state,
    write_state,
)
from seamark.extraction.batch._writers import Pair, write_table
from seamark.extraction.result import Prediction, make_prediction

MAX_CHARACTERS = 1_000_000
_STATE_FORMAT = 1
_LABELS = {
    "inputDigest": "the input file's content",
    "textColumn": "--text-column",
    "idColumn": "--id-column",
    "threshold": "--threshold",
    "top": "--top",
    "taxonomyDigest": "the taxonomy's content",
    "model": "--model",
    "modelVersion": "the model version",
    "stateFormat": "the release of Seamark",
}


class TaxonomyLike(Protocol):
    """What a batch asks of a taxonomy."""

    @property
    def digest(self) -> str:
        """A hash of its content."""


class BatchExtractor(Protocol):
    """What a batch asks of an extractor."""

    @property
    def model_version(self) -> str:
        """The version that answers."""

    @property
    def taxonomy(self) -> TaxonomyLike:
        """The taxonomy whose skills are predicted."""

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What a batch did.

    Attributes:
        rows: rows of the input, and of the output.
        ok: rows with a prediction.
        empty: rows without text; they are in the quarantine file too.
        quarantined: rows that could not be processed for another reason.
        skills: skills predicted, over all rows.
        resumed_rows: rows that an earlier, interrupted run had done.
        seconds: time spent in this run.
        documents_per_second: rows predicted in this run over the time spent on predicting them.
        output: the finished table.
        quarantine: the quarantine file; None when no row is in it.
        renamed: added columns that have another name, as the input has a column of theirs.
        model_version: the version that answered.
        taxonomy_digest: the hash of its taxonomy.
    """

    rows: int
    ok: int
    empty: int
    quarantined: int
    skills: int
    resumed_rows: int
    seconds: float
    documents_per_second: float
    output: Path
    quarantine: Path | None
    renamed: dict[str, str]
    model_version: str
    taxonomy_digest: str

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON-ready dict (docs/reference/extract-batch.md)."""
        return {
            "rows": self.rows,
            "ok": self.ok,
            "empty": self.empty,
            "quarantined": self.quarantined,
            "skills": self.skills,
            "resumedRows": self.resumed_rows,
            "seconds": round(self.seconds, 3),
            "documentsPerSecond": round(self.documents_per_second, 2),
            "output": str(self.output),
            "quarantine": str(self.quarantine) if self.quarantine else None,
            "renamedColumns": self.renamed,
            "modelVersion": self.model_version,
            "taxonomyDigest": self.taxonomy_digest,
        }


@dataclass(slots=True)
class _Progress:
    """How far it is; tells whoever watches."""

    rows: int
    done: int
    predicted: int
    seconds: float
    tell: Callable[[int, int], None]

    def advance(self, rows: int) -> None:
        self.done += rows
        self.tell(self.done, self.rows)


def run_batch(
    plan: BatchPlan,
    extractor: BatchExtractor,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _rows: None,
    on_note: Callable[[str], None] = lambda _note: None,
) -> BatchReport:
    """A report, after the plan's output has been written.

    Work in hand is kept in ``OUT.partial/``; after an interruption the same call goes on, doing
    again at most the chunk in work. Rows that can't be processed are written to
    ``OUT.quarantine.jsonl`` and have an empty prediction in the output.

    Args:
        plan: from :func:`plan_batch`.
        extractor: what predicts.
        on_progress: called with rows done and rows in all, after each chunk.
        on_note: called with a line for people, when an earlier run is continued or dropped.

    Raises:
        UsageError: unfinished work of a run with other options, input or model is in the way.
        StorageError: something can't be written; what was done is kept.
        InputError: the input changed on the way.
    """
    began = time.perf_counter()
    with lock_folder(plan.work_folder):
        work = _open_work(plan, extractor, on_note)
        resumed = work.count_rows_done()
        if resumed:
            on_note(f"going on: {resumed:,} of {work.rows:,} rows are done already")
        progress = _Progress(work.rows, resumed, 0, 0.0, on_progress)
        _fill_parts(plan, extractor, work, progress)
        _check_unchanged(plan)
        tally = _join_parts(plan, work)
        clear_folder(plan.work_folder)
    seconds = progress.seconds
    return BatchReport(
        rows=work.rows,
        ok=tally["ok"],
        empty=tally["empty"],
        quarantined=tally["quarantined"],
        skills=tally["skills"],
        resumed_rows=resumed,
        seconds=time.perf_counter() - began,
        documents_per_second=progress.predicted / seconds if seconds else 0.0,
        output=plan.output,
        quarantine=plan.quarantine if tally["empty"] or tally["quarantined"] else None,
        renamed={field: name for field, name in plan.added.items() if field != name},
        model_version=extractor.model_version,
        taxonomy_digest=extractor.taxonomy.digest,
    )


def _make_state(plan: BatchPlan, extractor: BatchExtractor) -> dict[str, Any]:
    options = plan.options
    return {
        "stateFormat": _STATE_FORMAT,
        "inputDigest": plan.input_digest,
        "textColumn": options.text_column,
        "idColumn": options.id_column,
        "threshold": options.threshold,
        "top": options.top,
        "taxonomyDigest": extractor.taxonomy.digest,
        "model": options.model,
        "modelVersion": extractor.model_version,
        "chunkSize": options.chunk_size,
        "overwrite": options.overwrite,
    }


def _open_work(plan: BatchPlan, extractor: BatchExtractor, on_note: Callable[[str], None]) -> WorkFolder:
    """The work folder, with an earlier run's parts when they are of the same batch."""
    folder, state = plan.work_folder, _make_state(plan, extractor)
    earlier = _read_earlier_state(plan)
    if earlier is not None and (differences := _list_differences(earlier, state)):
        if not plan.options.overwrite:
            raise UsageError(
                f"{folder} holds unfinished work of another run: {'; '.join(differences)}",
                hint="what that run was given, or --overwrite to begin anew",
            )
        earlier = None
    if earlier is not None and plan.options.overwrite and not earlier.get("overwrite"):
        earlier = None
    if earlier is None:
        if (folder / "state.json").exists():
            on_note("beginning anew: the unfinished work of an earlier run is dropped")
        _clear_parts(folder)
        write_state(folder, state)
    # Parts keep the size they were begun with: it changes nothing in the output.
    chunk_size = plan.options.chunk_size if earlier is None else int(earlier["chunkSize"])
    return WorkFolder(folder, chunk_size, plan.overview.rows)


def _read_earlier_state(plan: BatchPlan) -> dict[str, Any] | None:
    try:
        return read_state(plan.work_folder)
    except UsageError:
        if plan.options.overwrite:
            return None
        raise


def _clear_parts(folder: Path) -> None:
    with translate_write_errors(folder):
        (folder / "state.json").unlink(missing_ok=True)
        for file in folder.glob("part-*"):
            file.unlink(missing_ok=True)


def _list_differences(earlier: dict[str, Any], state: dict[str, Any]) -> list[str]:
    differing = [key for key in _LABELS if earlier.get(key) != state[key]]
    return [
        f"{_LABELS[key]} differs"
        if key.endswith("Digest")
        else f"{_LABELS[key]} was {_show(earlier.get(key))}, is {_show(state[key])}"
        for key in differing
    ]


def _show(value: Any) -> str:
    return "not given" if value in (None, "") else str(value)


def _fill_parts(plan: BatchPlan, extractor: BatchExtractor, work: WorkFolder, progress: _Progress) -> None:
    """Predict every chunk that has no part yet."""
    progress.advance(0)
    rows = plan.table.read_rows()
    for number in range(work.part_count):
        chunk = list(islice(rows, work.chunk_size))
        if work.has_part(number):
            continue
        began = time.perf_counter()
        records = _predict_chunk(chunk, plan.options.text_column, extractor)
        progress.seconds += time.perf_counter() - began
        progress.predicted += sum(record["status"] == "ok" for record in records)
        work.write_part(number, records)
        progress.advance(len(chunk))


def _predict_chunk(rows: Sequence[Row], column: str, extractor: BatchExtractor) -> list[Record]:
    problems = [_find_problem(row, column) for row in rows]
    texts = [row.columns[column] for row, problem in zip(rows, problems, strict=True) if problem is None]
    outcomes = iter(_predict_texts(texts, extractor))
    return [_make_record(next(outcomes) if problem is None else problem, extractor) for problem in problems]


def _find_problem(row: Row, column: str) -> tuple[str, str] | None:
    """Status and reason of a row that has no text to predict from, or None."""
    if row.problem:
        return "quarantined", row.problem
    if column not in row.columns:
        return "quarantined", f"no {column!r} in this row"
    text = row.columns[column]
    if text is None:
        return "empty", "no text"
    if not isinstance(text, str):
        return "quarantined", f"{column!r} is {name_json(text)} where a text is expected"
    if is_blank(text):
        return "empty", "no text"
    if len(text) > MAX_CHARACTERS:
        return "quarantined", f"a text of {len(text):,} characters, more than {MAX_CHARACTERS:,}"
    return None


def _predict_texts(texts: list[str], extractor: BatchExtractor) -> list[Prediction | tuple[str, str]]:
    if not texts:
        return []
    try:
        return list(extractor.extract_many(texts))
    except InputError:
        # One text spoils the chunk: find out which, so that the others are predicted.
        return [_predict_text(text, extractor) for text in texts]


def _predict_text(text: str, extractor: BatchExtractor) -> Prediction | tuple[str, str]:
    try:
        return extractor.extract_many([text])[0]
    except InputError as error:
        return "quarantined", str(error)


def _make_record(outcome: Prediction | tuple[str, str], extractor: BatchExtractor) -> Record:
    if isinstance(outcome, Prediction):
        record = outcome.to_wire()
        del record["original_input"]
        return record | {"status": "ok"}
    status, reason = outcome
    empty = make_prediction("", (), model_version=extractor.model_version, nonce=os.urandom(16))
    return _make_record(empty, extractor) | {"status": status, "reason": reason}


def _check_unchanged(plan: BatchPlan) -> None:
    if stamp_file(plan.table.path) != plan.input_stamp:
        raise InputError(
            f"{plan.table.path} changed while it was being read", hint="--overwrite to begin anew"
        )


def _join_parts(plan: BatchPlan, work: WorkFolder) -> Counter[str]:
    """Write the finished table and the quarantine file; count what is in them."""
    tally: Counter[str] = Counter()
    joined, quarantine = work.path / "joined.tmp", work.path / "quarantine.tmp"
    with translate_write_errors(plan.output, hint=ROWS_ARE_KEPT):
        try:
            with quarantine.open("w", encoding="utf-8", newline="") as aside:
                write_table(plan, _watch_pairs(plan, work, aside, tally), joined)
            _sync(joined, quarantine)
            if tally["empty"] or tally["quarantined"]:
                move_into_place(quarantine, plan.quarantine)
            else:
                plan.quarantine.unlink(missing_ok=True)
            move_into_place(joined, plan.output)
        except BaseException:
            _drop_leftovers(work.path)
            raise
    return tally


def _drop_leftovers(folder: Path) -> None:
    """Give back the room that a failed join took; the parts stay."""
    for pattern in ("joined*", "quarantine*"):
        for file in folder.glob(pattern):
            with suppress(OSError):
                file.unlink()


def _sync(*paths: Path) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _watch_pairs(plan: BatchPlan, work: WorkFolder, aside: Any, tally: Counter[str]) -> Iterator[Pair]:
    """Each row with its record, counted, and written to ``aside`` where it has a reason."""
    for row, record in zip(plan.table.read_rows(), work.read_records(), strict=True):
        tally[record["status"]] += 1
        tally["skills"] += len(record["skillExtractOutput"])
        if reason := record.get("reason"):
            aside.write(dump_json(_describe_problem(plan, row, record["status"], reason)) + "\n")
        yield row, record


def _describe_problem(plan: BatchPlan, row: Row, status: str, reason: str) -> dict[str, Any]:
    found: dict[str, Any] = {"row": row.number, "line": row.line or None}
    if plan.options.id_column:
        found["id"] = row.columns.get(plan.options.id_column)
    return found | {"status": status, "reason": reason, "raw": row.columns if row.raw is None else row.raw}
