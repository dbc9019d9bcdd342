"""What a reader met: every rejected or repaired row, with its place and the reason."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seamark.errors import TaxonomyError, UsageError
from seamark.taxonomy._files import write_file

if TYPE_CHECKING:
    from seamark.taxonomy.taxonomy import Taxonomy

Action = Literal["rejected", "repaired"]

_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One thing wrong with one row.

    Attributes:
        file: the file's name, with ``[sheet]`` after it for a workbook.
        row: the row's number as a spreadsheet shows it: the headings are row 1, and a cell of
            several lines is still one row (a text editor counts more). 0 is the file as a whole;
            in a JSON file it is the position in the list, from 1.
        column: the heading of the column concerned; empty for the row as a whole.
        action: ``rejected`` (the row is left out) or ``repaired`` (the row is used).
        reason: what was wrong, or what was done.
        value: what stood there, cut after 200 characters.
    """

    file: str
    row: int
    column: str
    action: Action
    reason: str
    value: str = ""


def make_issue(file: str, row: int, column: str, action: Action, reason: str, value: str = "") -> RowIssue:
    """An issue whose value is short enough to show."""
    shown = value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
    return RowIssue(file, row, column, action, reason, shown)


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of the rows of one source.

    Attributes:
        format: the format it was read as, e.g. ``esco``.
        files: the files read, the one that holds the skills first.
        ignored: files of the folder that were not used.
        rows_read: rows of data in the file that holds the skills.
        skills: skills that came out.
        issues: sorted by file (in the order of ``files``) and row.
    """

    format: str
    files: tuple[str, ...]
    ignored: tuple[str, ...]
    rows_read: int
    skills: int
    issues: tuple[RowIssue, ...]

    @property
    def rejected(self) -> tuple[RowIssue, ...]:
        """The issues whose rows are left out."""
        return tuple(issue for issue in self.issues if issue.action == "rejected")

    @property
    def repaired(self) -> tuple[RowIssue, ...]:
        """The issues whose rows are used."""
        return tuple(issue for issue in self.issues if issue.action == "repaired")

    def count_reasons(self) -> list[tuple[Action, str, int]]:
        """How often each reason occurs, rejections first, the most frequent first."""
        counts = Counter((issue.action, issue.reason) for issue in self.issues)
        ordered = sorted(counts.items(), key=lambda item: (item[0][0] != "rejected", -item[1], item[0][1]))
        return [(action, reason, count) for (action, reason), count in ordered]

    def to_table(self) -> list[dict[str, Any]]:
        """The issues as records: file, row, column, action, reason, value."""
        return [asdict(issue) for issue in self.issues]

    def to_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON."""
        return {
            "format": self.format,
            "files": list(self.files),
            "ignored": list(self.ignored),
            "rows_read": self.rows_read,
            "skills": self.skills,
            "rejected": len(self.rejected),
            "repaired": len(self.repaired),
            "issues": self.to_table(),
        }


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A taxonomy and the report of how it was read."""

    taxonomy: Taxonomy
    report: RowReport


class NoUsableRowError(TaxonomyError):
    """Every row of a source was rejected, or it has none.

    Attributes:
        report: why, row by row.
    """

    def __init__(self, found: str, *, report: RowReport, expected: str = "", hint: str = "") -> None:
        super().__init__(found, expected=expected, hint=hint)
        self.report = report


def sort_issues(issues: Sequence[RowIssue], files: Sequence[str]) -> tuple[RowIssue, ...]:
    """The issues in the order of ``files``, then of rows."""
    place = {name: position for position, name in enumerate(files)}
    return tuple(sorted(issues, key=lambda issue: (place.get(issue.file, len(place)), issue.row)))


def write_report(report: RowReport, path: Path) -> None:
    """Write the report to ``path``: its rows as ``.csv``, the whole of it as ``.json``.

    Raises:
        UsageError: another ending.
        StorageError: the file can't be written.
    """
    if path.suffix.lower() == ".json":
        text = json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"
    elif path.suffix.lower() == ".csv":
        text = _make_csv(report)
    else:
        raise UsageError(f"a report can't be written to {path.name}", expected="a .csv or .json file")
    write_file(path, text)


def _make_csv(report: RowReport) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(RowIssue.__dataclass_fields__)
    writer.writerows(record.values() for record in report.to_table())
    return buffer.getvalue()
