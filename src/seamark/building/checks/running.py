"""Running all checks of a candidate, and reporting each on its own."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace

from seamark.building.checks.answers import (
    DOCUMENTS,
    SAMPLES,
    SENTENCES,
    check_documents,
    check_samples,
    check_sentences,
)
from seamark.building.checks.budget import (
    LATENCY,
    MEMORY,
    check_latency,
    check_memory,
    start_measuring_memory,
)
from seamark.building.checks.invariance import (
    BATCH,
    CASE,
    ORDER,
    SPACE,
    check_batch,
    check_case,
    check_order,
    check_space,
)
from seamark.building.checks.membership import KNOWN_IDS, check_known_ids
from seamark.building.checks.recorded import RECORDED, check_recorded
from seamark.building.checks.result import CheckReport, CheckResult
from seamark.building.checks.subject import Subject
from seamark.building.checks.titles import OWN_TITLE, check_own_titles
from seamark.building.data.documents import LabelledDocument
from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.extraction.bundle import Bundle, RecordedPrediction, read_recorded
from seamark.extraction.extractor import Extractor
from seamark.settings import ChecksSettings
from seamark.taxonomy import Taxonomy
from seamark.taxonomy.samples import read_samples

Check = Callable[[Subject], CheckResult]

OPENS = "opens"

CHECKS: dict[str, Check] = {
    LATENCY: check_latency,
    RECORDED: check_recorded,
    OWN_TITLE: check_own_titles,
    KNOWN_IDS: check_known_ids,
    CASE: check_case,
    SPACE: check_space,
    ORDER: check_order,
    BATCH: check_batch,
    SENTENCES: check_sentences,
    SAMPLES: check_samples,
    DOCUMENTS: check_documents,
    MEMORY: check_memory,
}
"""Every check in the order in which they run: time before anything is remembered, memory at the end."""

_SHOWN_FIRST = (OPENS, RECORDED)
_SHOWN_LAST = (LATENCY, MEMORY)


def run_checks(
    open_candidate: Callable[[], Extractor] | Extractor,
    *,
    settings: ChecksSettings,
    bundle: Bundle | None = None,
    release: Taxonomy | None = None,
    previous_taxonomy: Taxonomy | None = None,
    samples: Sequence[str] | None = None,
    documents: Sequence[LabelledDocument] = (),
    recorded: Sequence[RecordedPrediction] | None = None,
    on_progress: ProgressListener = ignore_progress,
) -> CheckReport:
    """How a candidate does in every check. A check that fails, or breaks, never raises: its result says so.

    Args:
        open_candidate: opens the candidate as a service would, from the store; or the candidate, open already.
        settings: shares and budgets.
        bundle: the candidate's bundle, for its recorded predictions.
        release: the taxonomy release that it must keep to; default: the candidate's own taxonomy.
        previous_taxonomy: the release before; None: every skill counts as new.
        samples: texts to try it on, ``settings.sample_texts`` at most; default: the package's sample texts.
        documents: labelled documents of the workspace that it was not trained on.
        recorded: what it predicted when it was written; default: what the bundle holds.
        on_progress: hears how many checks are done.
    """
    before = start_measuring_memory() if callable(open_candidate) else 0.0
    started = time.perf_counter()
    try:
        extractor = open_candidate() if callable(open_candidate) else open_candidate
        if recorded is None:
            recorded = read_recorded(bundle) if bundle else ()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a candidate is a finding about it
        return CheckReport(bundle.version if bundle else "", (_report_break(OPENS, error, started),))
    written = [text for text in samples or () if text.strip()]
    texts = written or [sample.text for sample in read_samples()]
    subject = Subject(
        extractor=extractor,
        release=extractor.taxonomy if release is None else release,
        previous=previous_taxonomy,
        samples=tuple(texts[: settings.sample_texts]),
        documents=tuple(documents),
        recorded=tuple(recorded),
        settings=settings,
        opened_mb=before,
    )
    seconds = time.perf_counter() - started
    opened = CheckResult(OPENS, True, f"opened in {seconds:.1f} s", "a candidate that opens", seconds=seconds)
    return CheckReport(extractor.model_version, (opened, *_run_all(subject, on_progress)))


def _run_all(subject: Subject, on_progress: ProgressListener) -> list[CheckResult]:
    results = {}
    for done, (name, check) in enumerate(CHECKS.items(), start=1):
        results[name] = _run(name, check, subject)
        on_progress(done, len(CHECKS))
    middle = [name for name in results if name not in (*_SHOWN_FIRST, *_SHOWN_LAST)]
    order = (*_SHOWN_FIRST, *middle, *_SHOWN_LAST)
    return [results[name] for name in order if name in results]


def _run(name: str, check: Check, subject: Subject) -> CheckResult:
    started = time.perf_counter()
    try:
        result = check(subject)
    except Exception as error:  # noqa: BLE001 - a check that breaks has found something too
        return _report_break(name, error, started)
    return replace(result, seconds=time.perf_counter() - started)


def _report_break(name: str, error: Exception, started: float) -> CheckResult:
    opening = name == OPENS
    return CheckResult(
        name,
        False,
        f"{type(error).__name__}: {str(error).strip() or 'no message'}",
        expected="a candidate that opens" if opening else "a check that runs to its end",
        hint="verify its files in the store, or build it again"
        if opening
        else "read the message; the examples say where it came from",
        examples=tuple(traceback.format_exception(error)[-3:-1]),
        seconds=time.perf_counter() - started,
    )
