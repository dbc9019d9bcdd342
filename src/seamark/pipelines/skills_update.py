"""The skills update: the champion's weights with the vectors of another taxonomy release.

Nothing is trained, so there is nothing to compare: a candidate that passes its checks is registered.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from seamark.building.bundles import finish_bundle, update_bundle
from seamark.errors import UsageError
from seamark.extraction.bundle import read_taxonomy
from seamark.pipelines.candidates import (
    BUNDLE,
    check_candidate,
    close_experiment,
    describe_lineage,
    get_samples,
    load_release,
    open_champion,
    register_candidate,
    report_progress,
    tidy,
    upload_candidate,
)
from seamark.pipelines.steps import Step, StepContext
from seamark.registry.experiments import record_experiment, start_experiment
from seamark.registry.model_card import render_model_card
from seamark.registry.release_checks import check_removed
from seamark.registry.releases import find_release, get_live_release
from seamark.registry.versions import get_champion

Facts = Mapping[str, Any]


def plan(context: StepContext) -> Facts:
    """Which release, for which version."""
    workspace = context.workspace
    champion = get_champion(workspace)
    if champion is None:
        raise UsageError("there is no model version to update", hint="seamark build")
    wanted = context.payload.get("taxonomy")
    release = find_release(workspace, str(wanted)) if wanted else get_live_release(workspace)
    reference = f"{release.name}@{release.number}"
    experiment = start_experiment(
        workspace,
        run_id=context.run_id,
        kind="skills-update",
        trigger_kind=context.trigger,
        champion=champion.number,
    )
    record_experiment(
        workspace,
        experiment.id,
        taxonomy={"name": release.name, "number": release.number, "digest": release.digest},
    )
    facts = {"experiment": experiment.id, "champion": champion.number, "taxonomy": reference}
    if not context.payload.get("force"):
        _check_size(replace(context, facts=facts))
    return facts


def _check_size(context: StepContext) -> None:
    """Refuse a release that lacks too many of the skills that the champion knows."""
    champion = open_champion(context)
    assert champion is not None
    check_removed(
        load_release(context.workspace, context.facts["taxonomy"]),
        read_taxonomy(champion),
        name=f"version {champion.version}",
        allowed=context.workspace.settings.taxonomy.max_removed_share,
        hint="`seamark trigger skills-update --force`, if it is meant so",
    )


def embed(context: StepContext) -> Facts:
    """Embed the skills whose names changed, and bring the candidate to the store."""
    workspace, folder = context.workspace, context.folder / BUNDLE
    shutil.rmtree(folder, ignore_errors=True)  # of a step that was cut off
    parent = open_champion(context)
    assert parent is not None
    bundle, figures = update_bundle(
        folder,
        parent,
        load_release(workspace, context.facts["taxonomy"]),
        lineage=describe_lineage(context, trained=False),
        samples=get_samples(),
        settings=workspace.settings,
        on_progress=report_progress(context),
    )
    metrics = {"update": asdict(figures), "bundle_size_mb": round(bundle.size / 1e6, 1)}
    card = render_model_card({**bundle.manifest, "metrics": metrics})
    finish_bundle(bundle, metrics=metrics, model_card=card)
    record_experiment(
        workspace, context.facts["experiment"], recipe=bundle.manifest["recipe"], metrics=metrics
    )
    return {"candidate": upload_candidate(context), "update": asdict(figures)}


def check(context: StepContext) -> Facts:
    """Run the functional and performance tests."""
    champion = open_champion(context)
    assert champion is not None
    return check_candidate(context, previous=read_taxonomy(champion))


def register(context: StepContext) -> Facts:
    """Register the candidate; say what was embedded."""
    found = register_candidate(context)
    figures = context.facts["update"]
    told = f"{figures['embedded']} skills embedded, {figures['kept']} kept, {figures['removed']} gone"
    return {**found, "summary": f"{found['summary']}: {told}"}


def finish(context: StepContext, status: str, error: str) -> None:
    """Close the experiment of a run that failed or was cancelled."""
    close_experiment(context, status, error)


UPDATE_STEPS = (
    Step("plan", plan),
    Step("embed", embed),
    Step("check", check),
    Step("register", register),
    Step("tidy", tidy),
)
