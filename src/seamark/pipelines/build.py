"""The build: from the data and the taxonomy of now to a registered version, or to the reason why there is none.

Each step leaves what it made in the run's folder, so that a step that runs again finds it or makes it anew.
A candidate is scored, checked and judged in this order: a contender that does not work must not win.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.building.bundles import finish_bundle, replace_ranker, write_bundle
from seamark.building.champion.judging import judge
from seamark.building.champion.report import make_report, render_report
from seamark.building.champion.scoring import Scores, score_documents
from seamark.building.data.snapshots import freeze, load_dataset, snapshot_data
from seamark.building.recipes import check_base, describe_recipe, find_base, get_ranker, get_spans
from seamark.errors import InputError, TrainingStoppedError, UsageError
from seamark.extraction.bundle import ENCODER, Bundle, open_bundle, read_bundle, read_ranker, read_taxonomy
from seamark.pipelines.candidates import (
    BUNDLE,
    check_candidate,
    close_experiment,
    describe_lineage,
    drop_candidate,
    get_samples,
    keep_report,
    load_release,
    open_champion,
    register_candidate,
    report_progress,
    tidy,
    upload_candidate,
)
from seamark.pipelines.steps import Step, StepContext
from seamark.registry.experiments import append_log, finish_experiment, record_experiment, start_experiment
from seamark.registry.model_card import render_model_card
from seamark.registry.releases import get_live_release
from seamark.registry.versions import get_champion

if TYPE_CHECKING:
    from seamark.building.data.documents import Dataset

Facts = Mapping[str, Any]

_START, _TRAINED, _DRAFT = "start", "embedding_model", "draft"
_SCORES = "scores.json"
_STARTS = ("champion", "base")


def plan(context: StepContext) -> Facts:
    """What is built: from which data, for which release, against which champion, from which weights."""
    workspace, payload = context.workspace, context.payload
    champion = get_champion(workspace)
    release = get_live_release(workspace)
    number = champion.number if champion else None
    experiment = start_experiment(
        workspace, run_id=context.run_id, kind="build", trigger_kind=context.trigger, champion=number
    )
    taxonomy = {"name": release.name, "number": release.number, "digest": release.digest}
    record_experiment(workspace, experiment.id, taxonomy=taxonomy)
    facts = {"experiment": experiment.id, "champion": number, "taxonomy": f"{release.name}@{release.number}"}
    data = _choose_data(context, first=champion is None)
    record_experiment(workspace, experiment.id, data_version=data["data_version"])
    base = find_base(str(payload.get("base") or workspace.settings.training.base))
    start = payload.get("start") or workspace.settings.training.start
    if start not in _STARTS:
        raise UsageError(f"training can't start from {start!r}", expected="one of " + ", ".join(_STARTS))
    if start == "champion" and champion is not None and champion.recipe["encoder"]["base_model"] != base.name:
        start = "base"  # another base model can't begin with these weights
    return {
        **facts,
        **data,
        "base": base.start,
        "start": start if champion else "base",
        "warm_start": bool(payload.get("warm_start")),
    }


def _choose_data(context: StepContext, *, first: bool) -> Facts:
    """The data version; a first model may do without one.

    Raises:
        InputError: too few examples, and there is a champion that nothing could be compared with.
    """
    note = ""
    try:
        data = snapshot_data(context.workspace)
    except InputError as error:
        if not first:
            raise
        data, note = None, f"; examples are left out: {error.found}"
    if data is None and not first:
        raise InputError(
            "there are no labelled examples to train on and to compare with the champion on",
            hint="seamark examples import FILE",
        )
    return {"data_version": data.number if data else None, "note": note}


def train(context: StepContext) -> Facts:
    """Fine-tune the embedding model; where there is nothing to train on, it stays as it starts."""
    from seamark.building.finetuning.starts import write_start

    facts, folder, settings = context.facts, context.folder, context.workspace.settings
    if not (folder / _START).exists():
        check_base(find_base(facts["base"]), settings)
        champion = open_champion(context) if facts["start"] == "champion" else None
        base = champion.folder / ENCODER if champion else facts["base"]
        write_start(
            folder / _START,
            base=base,
            settings=settings,
            max_tokens=settings.training.max_tokens,
            progress=report_progress(context),
        )
    if facts["data_version"] is None and not facts["warm_start"]:
        return {"encoder": _START, "training": None, "cosine": {}}
    return _fine_tune(context)


def _fine_tune(context: StepContext) -> Facts:
    from seamark.building.finetuning.retraining import retrain

    facts, workspace = context.facts, context.workspace
    try:
        outcome = retrain(
            context.folder / _TRAINED,
            start=context.folder / _START,
            taxonomy=load_release(workspace, facts["taxonomy"]),
            dataset=_load_data(context),
            training=workspace.settings.training,
            warm_start=facts["warm_start"],
            work=context.folder / "training",
            on_progress=context.progress,
            should_stop=context.should_stop,
        )
    except TrainingStoppedError:
        context.stop_if_asked()
        raise
    append_log(workspace, context.run_id, {"action": "trained", **outcome.to_log()})
    return {"encoder": _TRAINED, "training": outcome.to_dict(), "cosine": outcome.cosine}


def embed(context: StepContext) -> Facts:
    """Write the candidate's bundle with the ranker as it was: the taxonomy is embedded."""
    facts, workspace, folder = context.facts, context.workspace, context.folder
    if (folder / _DRAFT).exists():
        return {}
    champion = open_champion(context)
    ranker, threshold = (read_ranker(champion), champion.threshold) if champion else get_ranker()
    dataset = _load_data(context)
    write_bundle(
        folder / _DRAFT,
        encoder=folder / facts["encoder"],
        spans=champion or get_spans(),
        ranker=ranker,
        threshold=threshold,
        taxonomy=load_release(workspace, facts["taxonomy"]),
        recipe=describe_recipe(facts, workspace.settings.training),
        data=_describe_data(dataset),
        lineage=describe_lineage(context, trained=facts["training"] is not None),
        samples=get_samples(),
        settings=workspace.settings,
        on_progress=report_progress(context),
    )
    return {}


def rank(context: StepContext) -> Facts:
    """Re-fit the ranker, its calibration and the threshold to the new embedding model."""
    settings, folder = context.workspace.settings, context.folder
    shutil.rmtree(folder / BUNDLE, ignore_errors=True)  # of a step that was cut off
    draft, dataset = read_bundle(folder / _DRAFT), _load_data(context)
    if dataset is None:
        shutil.copytree(folder / _DRAFT, folder / BUNDLE)
        return {"ranker": None}
    from seamark.building.ranker.refit import refit_ranker

    outcome = refit_ranker(
        open_bundle(draft.folder, settings=settings),
        dataset,
        start=read_ranker(draft),
        on_progress=lambda done, total: report_progress(context)("fitting the ranker", done, total),
    )
    replace_ranker(
        folder / BUNDLE,
        draft,
        ranker=outcome.ranker,
        threshold=outcome.threshold,
        fitted=outcome.figures,
        samples=get_samples(),
        settings=settings,
    )
    return {"ranker": outcome.figures}


def evaluate(context: StepContext) -> Facts:
    """Score the candidate and the champion on the same frozen test split; bring the candidate to the store."""
    workspace, experiment = context.workspace, context.facts["experiment"]
    bundle, dataset = read_bundle(context.folder / BUNDLE), _load_data(context)
    metrics = {**context.facts["cosine"], "bundle_size_mb": round(bundle.size / 1e6, 1)}
    if dataset is not None:
        scores = {"contender": _score(context, bundle, dataset, "scoring the contender")}
        champion = open_champion(context)
        if champion:
            scores["champion"] = _score(context, champion, dataset, "scoring the champion")
        text = json.dumps({name: value.to_dict() for name, value in scores.items()})
        (context.folder / _SCORES).write_text(text, encoding="utf-8")
        metrics |= scores["contender"].metrics
    metrics |= _link(context, bundle)
    card = render_model_card({**bundle.manifest, "metrics": metrics})
    finish_bundle(bundle, metrics=metrics, model_card=card)
    record_experiment(workspace, experiment, recipe=bundle.manifest["recipe"], metrics=metrics)
    return {"candidate": upload_candidate(context), "metrics": metrics}


def _score(context: StepContext, bundle: Bundle, dataset: Dataset, message: str) -> Scores:
    return score_documents(
        open_bundle(bundle.folder, settings=context.workspace.settings),
        dataset.test,
        on_progress=lambda done, total: report_progress(context)(message, done, total),
    )


def _link(context: StepContext, bundle: Bundle) -> dict[str, float]:
    """The measures of the gold files that the settings name."""
    from seamark.building.evaluation.gold_files import measure_gold_files

    settings = context.workspace.settings
    if not settings.data.linking_gold:
        return {}
    extractor = open_bundle(bundle.folder, settings=settings)
    return measure_gold_files(extractor, settings.data.linking_gold, folder=context.workspace.folder)


def check(context: StepContext) -> Facts:
    """Run the functional and performance tests."""
    champion, dataset = open_champion(context), _load_data(context)
    return check_candidate(
        context,
        previous=read_taxonomy(champion) if champion else None,
        documents=dataset.validation if dataset else (),
    )


def compare(context: StepContext) -> Facts:
    """Judge the contender against the champion, and write the report; a loser ends here."""
    workspace, experiment, facts = context.workspace, context.facts["experiment"], context.facts
    dataset = _load_data(context)
    if dataset is None:
        reasons = ["there is no champion yet, and no labelled example to score on"]
        record_experiment(workspace, experiment, decision={"won": True, "reasons": reasons})
        return {"won": True}
    scores = _read_scores(context.folder / _SCORES)
    decision = judge(scores.get("champion"), scores["contender"], workspace.settings.champion)
    told = {name: facts[name] for name in ("taxonomy", "data_version", "training", "ranker", "checks")}
    rivals = decision, scores.get("champion"), scores["contender"]
    keep_report(context, "report", make_report(*rivals, facts=told), render_report(*rivals, facts=told))
    record_experiment(workspace, experiment, decision=decision.to_dict())
    freeze(workspace, dataset.generation)
    return _conclude(context, won=decision.won, reason=decision.reasons[0])


def _conclude(context: StepContext, *, won: bool, reason: str) -> Facts:
    if won:
        return {"won": True, "reason": reason}
    drop_candidate(context)
    finish_experiment(context.workspace, context.facts["experiment"], status="lost")
    summary = f"lost to {context.facts['champion']}: {reason}"
    return {"won": False, "outcome": "lost", "summary": summary}


def register(context: StepContext) -> Facts:
    """Register a winner."""
    if not context.facts["won"]:
        return {}
    found = register_candidate(context)
    return {**found, "summary": f"{found['summary']}{context.facts['note']}"}


def finish(context: StepContext, status: str, error: str) -> None:
    """Close the experiment of a run that failed or was cancelled."""
    close_experiment(context, status, error)


# ---- what several steps read


def _load_data(context: StepContext) -> Dataset | None:
    number = context.facts["data_version"]
    return None if number is None else load_dataset(context.workspace, number)


def _describe_data(dataset: Dataset | None) -> dict[str, Any] | None:
    if dataset is None:
        return None
    return {"data_version": dataset.data_version, "data_checksum": dataset.data_checksum}


def _read_scores(path: Path) -> dict[str, Scores]:
    records = json.loads(path.read_text(encoding="utf-8"))
    return {name: Scores.from_dict(record) for name, record in records.items()}


BUILD_STEPS = (
    Step("plan", plan),
    Step("train", train),
    Step("embed", embed),
    Step("rank", rank),
    Step("evaluate", evaluate),
    Step("check", check),
    Step("compare", compare),
    Step("register", register),
    Step("tidy", tidy),
)
