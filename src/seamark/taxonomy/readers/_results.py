"""From skills and tables to a result."""

from __future__ import annotations

from collections.abc import Sequence

from seamark.taxonomy.readers._tables import Table
from seamark.taxonomy.report import NoUsableRowError, ReadResult, RowReport, sort_issues
from seamark.taxonomy.skill import Skill
from seamark.taxonomy.taxonomy import Taxonomy


def make_result(
    format_name: str,
    name: str,
    skills: Sequence[Skill],
    tables: Sequence[Table],
    *,
    rows_read: int | None = None,
) -> ReadResult:
    """The taxonomy and its report; the first of ``tables`` is the one that holds the skills.

    Raises:
        NoUsableRowError: there is no skill; the error carries the report.
    """
    files = tuple(dict.fromkeys(table.label for table in tables))
    issues = sort_issues([issue for table in tables for issue in table.issues], files)
    first = tables[0]
    cut = sum(issue.action == "rejected" for issue in first.issues) - len(first.rejected)
    read = len(first) + cut if rows_read is None else rows_read
    report = RowReport(format_name, files, (), read, len(skills), issues)
    if not skills:
        raise _explain_nothing(report)
    return ReadResult(Taxonomy(name, tuple(skills)), report)


def _explain_nothing(report: RowReport) -> NoUsableRowError:
    first = report.rejected[0] if report.rejected else None
    why = f", e.g. row {first.row}: {first.reason}" if first else ""
    return NoUsableRowError(
        f"{report.files[0]} has no usable row "
        f"({report.rows_read} read, {len(report.rejected)} rejected{why})",
        expected="at least one skill with a title",
        hint="seamark taxonomy validate SOURCE lists every row",
        report=report,
    )
