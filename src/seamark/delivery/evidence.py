"""What a promotion is decided on, gathered when it is asked for and kept with it.

In the object store: ``promotions/<id>/evidence.json`` with everything, and the same as a page, ``evidence.html``.
In the promotion's row: a summary of a few lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.building.checks.result import CheckReport
from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.building.impact import Impact, ImpactText, measure_impact
from seamark.delivery.evidence_page import render_evidence
from seamark.errors import ConflictError, InputError, SeamarkError, StorageError
from seamark.registry.bundles import open_version, verify_stored
from seamark.registry.comparing import drop_nan, line_up_figures
from seamark.registry.experiments import get_experiment
from seamark.registry.log import explain_outcome
from seamark.registry.model_card import render_model_card
from seamark.registry.versions import get_version, read_manifest
from seamark.storage.experiments import ExperimentRecord
from seamark.taxonomy.diff import diff_taxonomies
from seamark.taxonomy.samples import read_samples

if TYPE_CHECKING:
    from seamark.extraction.extractor import Extractor
    from seamark.storage.promotions import PromotionRecord
    from seamark.storage.versions import VersionRecord
    from seamark.storage.workspace import Workspace

_MOST_NAMED = 3  # damaged files in a message


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was gathered.

    Attributes:
        content: everything, ready for JSON.
        summary: what of it the promotion's row keeps.
        page: the same as a web page.
    """

    content: Mapping[str, Any]
    summary: dict[str, Any]
    page: str


def gather_evidence(
    workspace: Workspace,
    version: VersionRecord,
    *,
    stage: str,
    present: str | None,
    on_progress: ProgressListener = ignore_progress,
) -> Evidence:
    """What speaks for and against a version on a stage.

    Metrics beside those of the version that is there, the functional tests that it passed before it was
    registered, what changes for the sample texts, its digests read again, its model card.

    Args:
        workspace: whose.
        version: what should go there.
        stage: where.
        present: the version that is there; None: none.
        on_progress: hears how many sample texts were predicted.

    Raises:
        ConflictError: the version's bundle is damaged.
        StorageError: database or object store can't be used.
    """
    bundle = _verify(workspace, version)
    against = get_version(workspace, present) if present else None
    experiment = get_experiment(workspace, version.experiment_id)
    checks = _load_checks(workspace, experiment)
    impact = _measure(workspace, against, version, on_progress)
    content = drop_nan(
        {
            "format": 1,
            "stage": stage,
            "version": version.number,
            "against": present,
            "bundle": bundle,
            "metrics": _compare_metrics(against, version),
            "tests": checks if isinstance(checks, dict) else checks.to_dict(),
            "impact": impact if isinstance(impact, dict) else impact.to_dict(),
            "experiment": {
                "id": experiment.id,
                "outcome": explain_outcome(experiment),
                "report": experiment.object_keys.get("report_html"),
            },
            "making": _describe_making(version),
            "model_card": render_model_card(read_manifest(workspace, version)),
        }
    )
    page = render_evidence(
        content,
        checks=None if isinstance(checks, dict) else checks,
        impact=None if isinstance(impact, dict) else impact,
        primary=workspace.settings.champion.primary,
    )
    return Evidence(content, _summarise(content, checks, impact), page)


def store_evidence(workspace: Workspace, promotion_id: str, evidence: Evidence) -> dict[str, str]:
    """Name → key of the evidence's files, which are in the object store now.

    Raises:
        StorageError: the object store can't be written.
    """
    keys = {f"evidence_{kind}": f"promotions/{promotion_id}/evidence.{kind}" for kind in ("json", "html")}
    workspace.store.put_json(keys["evidence_json"], evidence.content)
    workspace.store.put_text(keys["evidence_html"], evidence.page)
    return keys


def remove_evidence(workspace: Workspace, keys: Mapping[str, str]) -> None:
    """Remove the files of a promotion that came to nothing; where the store is away they stay, unread."""
    with suppress(StorageError):
        for key in keys.values():
            workspace.store.delete(key)


def load_evidence(workspace: Workspace, promotion: PromotionRecord) -> Any:
    """The whole evidence of a promotion; None for one without, such as a rollback.

    Raises:
        StorageError: the object store is unreachable.
    """
    key = promotion.object_keys.get("evidence_json")
    return workspace.store.get_json(key) if key else None


# ---- the parts


def _verify(workspace: Workspace, version: VersionRecord) -> dict[str, Any]:
    """Every byte of the bundle, read once more: what can't be loaded should not be asked for."""
    damages = verify_stored(workspace.store, version.path, version.manifest_digest)
    if damages:
        named = ", ".join(damage.path for damage in damages[:_MOST_NAMED])
        raise ConflictError(
            f"version {version.number} is damaged: {named}",
            expected="a bundle with the digests that were registered",
            hint=f"`seamark versions verify {version.number}`, then restore a backup of the object store",
        )
    files = read_manifest(workspace, version)["files"]
    return {"files": len(files), "bytes": version.size, "manifest_digest": version.manifest_digest}


def _compare_metrics(against: VersionRecord | None, version: VersionRecord) -> list[dict[str, Any]]:
    figures = line_up_figures([against.metrics if against else {}, version.metrics])
    return [
        {
            "name": each.name,
            "before": each.values[0],
            "after": each.values[1],
            "better": _name_best(each.best),
        }
        for each in figures
    ]


def _name_best(best: int | None) -> str | None:
    return None if best is None else ("before", "after")[best]


def _load_checks(workspace: Workspace, experiment: ExperimentRecord) -> CheckReport | dict[str, Any]:
    """The tests that the version passed before it was registered; or why they are not here."""
    key = experiment.object_keys.get("checks_json")
    if key is None:
        return {"skipped": "its experiment recorded no tests"}
    try:
        return CheckReport.from_dict(workspace.store.get_json(key))
    except (StorageError, InputError) as error:
        return {"skipped": f"the report of its tests can't be read: {error.found}"}


def _measure(
    workspace: Workspace,
    against: VersionRecord | None,
    version: VersionRecord,
    on_progress: ProgressListener,
) -> Impact | dict[str, Any]:
    """What changes for the sample texts; or why that was not measured."""
    if against is None:
        return {"skipped": "the stage has no version to compare with"}
    try:
        before, after = (_open(workspace, each) for each in (against, version))
        return measure_impact(
            before,
            after,
            diff_taxonomies(before.taxonomy, after.taxonomy),
            [ImpactText(sample.title, sample.text) for sample in read_samples()],
            names=(_name_taxonomy(against), _name_taxonomy(version)),
            model=version.number,
            otherwise="other version",
            on_progress=on_progress,
        )
    except SeamarkError as error:
        return {"skipped": f"a bundle could not be opened: {error.found}"}


def _open(workspace: Workspace, version: VersionRecord) -> Extractor:
    return open_version(workspace, version.number, manifest_digest=version.manifest_digest)


def _name_taxonomy(version: VersionRecord) -> str:
    return f"{version.taxonomy_name}@{version.taxonomy_number}"


def _describe_making(version: VersionRecord) -> dict[str, Any]:
    return {
        "what changed": version.change,
        "made from": version.parent or "the base model",
        "taxonomy": _name_taxonomy(version),
        "data version": (version.lineage.get("data") or {}).get("data_version"),
        "started by": version.lineage.get("trigger"),
        "code": version.lineage.get("code_commit"),
        "registered": f"{version.registered_at:%Y-%m-%d %H:%M} UTC" if version.registered_at else None,
        "bundle": version.path,
    }


def _summarise(
    content: Mapping[str, Any], checks: CheckReport | dict[str, Any], impact: Impact | dict[str, Any]
) -> dict[str, Any]:
    """The few facts that lists and the audit's reader want; slices and the rest stay in the whole."""
    return {
        "against": content["against"],
        "metrics": {
            each["name"]: [each["before"], each["after"]]
            for each in content["metrics"]
            if "." not in each["name"]
        },
        "tests": checks if isinstance(checks, dict) else {"passed": checks.passed, "summary": checks.summary},
        "impact": impact if isinstance(impact, dict) else impact.totals,
        "bundle": content["bundle"],
    }
