"""The pipeline of a batch job: extract every row, bring the result to the store.

A killed worker goes on at the chunk in work: the batch's own parts lie in the run's folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from seamark.extraction.batch import BatchOptions, BatchReport, plan_batch, replace_file, run_batch
from seamark.pipelines.batch_jobs import OUTPUT, PARTLY, QUARANTINE, WHOLE, locate, naming
from seamark.pipelines.steps import Step, StepContext
from seamark.registry.bundles import open_version

Facts = Mapping[str, Any]

_REPORT = "report.json"


def extract(context: StepContext) -> Facts:
    """Every row extracted into the run's folder, from the chunk on where an earlier worker was killed."""
    folder, told = context.folder, context.payload
    report = folder / _REPORT
    if not report.exists():
        found = _extract_rows(context, _fetch_input(context))
        replace_file(report, [json.dumps(_summarise(found))])
    return {"report": json.loads(report.read_text(encoding="utf-8")), "version": told["version"]}


def publish(context: StepContext) -> Facts:
    """Bring the result to the store, and clear the run's folder of texts."""
    store, folder, report = context.workspace.store, context.folder, context.facts["report"]
    for name, file in ((QUARANTINE, _quarantine(folder)), (OUTPUT, folder / OUTPUT)):
        if file.exists():
            store.upload_file(file, locate(context.run_id, name), create=False)
    _clear(folder)
    aside = report["empty"] + report["quarantined"]
    told = f"{report['rows']:,} rows, {report['skills']:,} skills by {context.facts['version']}"
    if not aside:
        return {"outcome": WHOLE, "summary": told}
    return {"outcome": PARTLY, "summary": f"{told}; {aside:,} set aside"}


def _fetch_input(context: StepContext) -> Path:
    key = str(context.payload["input_key"])
    file = context.folder / PurePath(key).name
    if not file.exists():
        context.workspace.store.download_file(key, file)
    return file


def _extract_rows(context: StepContext, file: Path) -> BatchReport:
    told = context.payload
    options = BatchOptions(
        text_column=str(told["text_column"]),
        id_column=str(told["id_column"]),
        model=str(told["version"]),
        threshold=told["threshold"],
        top=told["top"],
        overwrite=True,  # an output without its report is an earlier worker's, killed between the two
    )
    with naming(file, str(told["filename"])):
        plan = plan_batch(file, context.folder / OUTPUT, options)
        context.progress("loading the version", 0, plan.overview.rows)
        extractor = open_version(
            context.workspace,
            str(told["version"]),
            manifest_digest=str(told["manifest_digest"]),
            threshold=told["threshold"],
            top=told["top"],
        )
        return run_batch(plan, extractor, on_progress=_report_progress(context))


def _report_progress(context: StepContext) -> Callable[[int, int], None]:
    def tell(done: int, rows: int) -> None:
        context.progress("extracting", done, rows)
        context.stop_if_asked()

    return tell


def _summarise(report: BatchReport) -> dict[str, int]:
    return {
        "rows": report.rows,
        "ok": report.ok,
        "empty": report.empty,
        "quarantined": report.quarantined,
        "skills": report.skills,
    }


def _quarantine(folder: Path) -> Path:
    return folder / f"{OUTPUT}.quarantine.jsonl"


def _clear(folder: Path) -> None:
    for file in (folder / OUTPUT, _quarantine(folder), *folder.glob("input.*")):
        with suppress(FileNotFoundError):
            file.unlink()
    shutil.rmtree(folder / f"{OUTPUT}.partial", ignore_errors=True)


BATCH_STEPS = (Step("extract", extract), Step("publish", publish))
