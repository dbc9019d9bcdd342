"""What both pipelines do with a candidate: bring it to the store, check it there, register it or clear it away."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.building.checks.page import render_checks_page
from seamark.building.checks.result import CheckReport
from seamark.building.checks.running import run_checks
from seamark.errors import CandidateError
from seamark.extraction.bundle import MANIFEST, Bundle, check_bundle, open_bundle, read_bundle
from seamark.pipelines.steps import StepContext
from seamark.registry.bundles import (
    delete_prefix,
    fetch_bundle,
    fetch_prefix,
    locate_candidate,
    upload_bundle,
)
from seamark.registry.experiments import finish_experiment, record_experiment
from seamark.registry.registration import abandon_registration, register_version
from seamark.registry.releases import load_taxonomy
from seamark.registry.versions import get_champion, get_version
from seamark.storage.experiments import find_experiment_of_run
from seamark.storage.versions import find_version_of_run
from seamark.taxonomy import Taxonomy
from seamark.taxonomy.samples import read_samples

if TYPE_CHECKING:
    from seamark.building.data.documents import LabelledDocument
    from seamark.storage.workspace import Workspace

Facts = dict[str, Any]

BUNDLE = "bundle"
"""The candidate's folder within the run's."""

_PACKAGES = ("seamark", "numpy", "openvino", "polars", "tokenizers")
_TRAINING_PACKAGES = ("peft", "sentence-transformers", "torch", "transformers")


def get_samples() -> list[str]:
    """The texts whose predictions every bundle records."""
    return [sample.text for sample in read_samples()]


def load_release(workspace: Workspace, reference: str) -> Taxonomy:
    """The taxonomy that ``NAME@X.Y.Z`` means."""
    name, _, number = reference.partition("@")
    return load_taxonomy(workspace, name, number)


def describe_lineage(context: StepContext, *, trained: bool) -> Facts:
    """Where a candidate comes from, as its manifest holds it."""
    names = _PACKAGES + (_TRAINING_PACKAGES if trained else ())
    return {
        "parent": context.facts["champion"],
        "experiment": context.facts["experiment"],
        "run": context.run_id,
        "trigger": context.trigger,
        "code_commit": str(context.payload.get("commit", "")) or read_commit(),
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def read_commit(file: Path = Path(__file__)) -> str:
    """The commit of the code that runs; empty where it was not installed from a checkout.

    Args:
        file: one of the code's. A virtual environment often lies within another project's checkout, which does
            not know the files in it.
    """
    file = file.resolve()

    def ask(*words: str) -> str:
        command = ["git", "-C", str(file.parent), *words]
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - nothing in it comes from outside
        return found.stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", file.name)
        return ask("rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return ""


def open_champion(context: StepContext) -> Bundle | None:
    """The bundle of the run's champion, verified whole against what was registered; None where there is none.

    Raises:
        CandidateError: another version is the champion by now.
        WeightsError: it is damaged: nothing may be made from it, and nothing compared with it.
    """
    _check_champion(context)
    number = context.facts["champion"]
    if number is None:
        return None
    digest = get_version(context.workspace, number).manifest_digest
    folder = fetch_bundle(context.workspace, number, manifest_digest=digest)
    return check_bundle(folder, manifest_digest=digest)


def upload_candidate(context: StepContext) -> str:
    """Bring the run's bundle to the store; the candidate's place there.

    What an earlier attempt left there is another candidate, and is removed first.
    """
    store, prefix = context.workspace.store, locate_candidate(context.facts["experiment"])
    delete_prefix(store, prefix)
    upload_bundle(
        store,
        context.folder / BUNDLE,
        prefix,
        on_progress=lambda done, total: context.progress("uploading the candidate", done, total),
    )
    return prefix


def _bring_back(context: StepContext) -> None:
    """Upload the candidate again where the end of an earlier attempt removed it, unless it is a version by now."""
    with context.workspace.database.read() as connection:
        registered = find_version_of_run(connection, context.run_id)
    if registered is None and not context.workspace.store.exists(context.facts["candidate"] + MANIFEST):
        upload_candidate(context)


def check_candidate(
    context: StepContext,
    *,
    previous: Taxonomy | None,
    documents: tuple[LabelledDocument, ...] = (),
) -> Facts:
    """Run the functional and performance tests on the candidate as it lies in the store.

    Raises:
        CandidateError: it failed one; the evidence is in the store and with the experiment.
    """
    workspace, experiment = context.workspace, context.facts["experiment"]
    _bring_back(context)
    folder = fetch_prefix(workspace, context.facts["candidate"])
    report = run_checks(
        lambda: open_bundle(folder, settings=workspace.settings),
        settings=workspace.settings.checks,
        bundle=read_bundle(folder),
        release=load_release(workspace, context.facts["taxonomy"]),
        previous_taxonomy=previous,
        documents=documents,
        on_progress=lambda done, total: context.progress("checking", done, total),
    )
    keep_report(context, "checks", report.to_dict(), _render(report, context))
    if not report.passed:
        first = report.failed[0]
        raise CandidateError(
            f"the candidate does not pass its checks: {report.summary} ({first.name}: {first.found})",
            expected=first.expected,
            hint=f"{first.hint}; `seamark experiments show {experiment}` has the evidence",
        )
    return {"checks": report.summary}


def _render(report: CheckReport, context: StepContext) -> str:
    return render_checks_page(
        report, facts={name: context.facts[name] for name in ("taxonomy", "champion", "experiment")}
    )


def keep_report(context: StepContext, name: str, content: Mapping[str, Any], page: str) -> None:
    """Put a report beside its experiment in the store, as ``<name>.json`` and as the page ``<name>.html``."""
    workspace, experiment = context.workspace, context.facts["experiment"]
    keys = {f"{name}_{kind}": f"experiments/{experiment}/{name}.{kind}" for kind in ("json", "html")}
    workspace.store.put_json(keys[f"{name}_json"], content)
    workspace.store.put_text(keys[f"{name}_html"], page)
    record_experiment(workspace, experiment, object_keys=keys)


def register_candidate(context: StepContext) -> Facts:
    """Give the candidate its number; a candidate that is the same as the newest version registers nothing."""
    workspace, experiment = context.workspace, context.facts["experiment"]
    _check_champion(context)
    _bring_back(context)
    record = register_version(
        workspace,
        run_id=context.run_id,
        experiment_id=experiment,
        bundle=read_bundle(context.folder / BUNDLE),
        candidate_prefix=context.facts["candidate"],
    )
    if record.run_id != context.run_id:
        reason = f"nothing changed: {record.number} has this very content"
        record_experiment(workspace, experiment, decision={"won": False, "reasons": [reason]})
        drop_candidate(context)
        finish_experiment(workspace, experiment, status="lost")
        return {"outcome": "unchanged", "summary": reason}
    summary = f"registered {record.number} ({record.change}), on DEV"
    return {"outcome": "registered", "version": record.number, "summary": summary}


def _check_champion(context: StepContext) -> None:
    """Refuse a candidate that was made from, or judged by, a champion that is none any more.

    A run that failed late and is retried after another one has registered a version comes here.
    """
    workspace, number = context.workspace, context.facts["champion"]
    with workspace.database.read() as connection:
        registered = find_version_of_run(connection, context.run_id)
    champion = get_champion(workspace)
    if champion is None or champion.number == number:
        return
    if registered is None or registered.status != "registered":
        raise CandidateError(
            f"the champion is {champion.number} by now, and the candidate was not compared with it",
            expected=str(number or "no champion"),
            hint="seamark build makes a new candidate",
        )


def drop_candidate(context: StepContext) -> None:
    """Remove the candidate's files from the store; its experiment, log and report stay."""
    delete_prefix(context.workspace.store, locate_candidate(context.facts["experiment"]))


def close_experiment(context: StepContext, status: str, error: str) -> None:
    """What a run that failed or was cancelled leaves: its experiment says so, its number and objects are free."""
    workspace = context.workspace
    with workspace.database.read() as connection:  # a first step that failed left no fact that names it
        experiment = find_experiment_of_run(connection, context.run_id)
    if experiment is None:
        return
    # what needs the store comes last: it may be what failed
    finish_experiment(workspace, experiment.id, status=status, error=error)
    abandon_registration(workspace, context.run_id)
    delete_prefix(workspace.store, locate_candidate(experiment.id))


def tidy(context: StepContext) -> Facts:
    """Remove the run's models from its folder: a winner's is in the store, a loser's is not wanted; its log stays."""
    for path in context.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    return {}


def report_progress(context: StepContext) -> Any:
    """A listener for long work that passes on what it hears, and stops where the run should stop."""

    def told(message: str, done: int, total: int) -> None:
        context.progress(message, done, total)
        context.stop_if_asked()

    return told
