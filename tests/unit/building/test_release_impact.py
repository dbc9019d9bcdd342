from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from people import ADMIN
from seamark.building.data.importing import import_examples
from seamark.building.release_impact import load_impact, make_impact
from seamark.errors import WeightsError
from seamark.extraction.bundle import Bundle
from seamark.registry.bundles import locate_candidate, upload_bundle
from seamark.registry.experiments import start_experiment
from seamark.registry.registration import register_version
from seamark.registry.releases import get_live_release, import_taxonomy
from seamark.storage.releases import StoredRelease
from seamark.storage.runs import add_triggered_run
from seamark.storage.workspace import Workspace, create_workspace
from seamark.taxonomy import Skill, Taxonomy, write_taxonomy
from tiny_models import TAXONOMY, TEXTS


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    environ = {"SEAMARK_HOME": str(tmp_path / "home"), "SEAMARK_OFFLINE": "1", "SEAMARK_THREADS": "1"}
    with create_workspace(tmp_path / "ws", environ=environ) as made:
        yield made


def put_release(workspace: Workspace, taxonomy: Taxonomy) -> StoredRelease:
    path = workspace.folder.parent / "taxonomy.json"
    write_taxonomy(taxonomy, path)
    import_taxonomy(workspace, ADMIN, path, name=taxonomy.name)
    return get_live_release(workspace)


def register_bundle(workspace: Workspace, bundle: Bundle) -> None:
    with workspace.database.begin() as connection:
        run, _ = add_triggered_run(connection, kind="manual", key="k", payload={}, pipeline="build")
    experiment = start_experiment(workspace, run_id=run.id, kind="build", trigger_kind="manual")
    prefix = locate_candidate(experiment.id)
    upload_bundle(workspace.store, bundle.folder, prefix)
    register_version(
        workspace, run_id=run.id, experiment_id=experiment.id, bundle=bundle, candidate_prefix=prefix
    )


def label(workspace: Workspace) -> None:
    path = workspace.folder.parent / "examples.jsonl"
    rows = [{"document_id": f"d{n}", "text": text, "skill": "teach"} for n, text in enumerate(TEXTS) if text]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    import_examples(workspace, ADMIN, path, taxonomy=TAXONOMY)


CHANGED = Taxonomy(
    "tiny",
    (
        *(replace(skill, title="design sql") if skill.skill_id == "s2" else skill for skill in TAXONOMY),
        Skill("s6", "care for data", type="skill"),
    ),
)


def test_without_a_model_the_skills_alone_are_compared(workspace: Workspace) -> None:
    first = put_release(workspace, TAXONOMY)
    assert make_impact(workspace, first).diff is None
    impact = make_impact(workspace, put_release(workspace, CHANGED))
    assert impact.diff is not None
    assert (impact.before, impact.after, impact.model) == ("tiny@1.0.0", "tiny@1.1.0", "")
    assert (impact.diff.counts["added"], impact.diff.counts["retitled"], impact.texts) == (1, 1, 0)


def test_a_report_is_kept_beside_its_release(workspace: Workspace) -> None:
    release = put_release(workspace, TAXONOMY)
    assert load_impact(workspace, release) is None
    impact = make_impact(workspace, release)
    stored = load_impact(workspace, release)
    assert stored is not None
    assert stored.content == json.loads(json.dumps(impact.to_dict()))
    assert "tiny@1.0.0" in stored.page
    assert workspace.store.list("taxonomies/tiny") == [
        "taxonomies/tiny/1.0.0.impact.html",
        "taxonomies/tiny/1.0.0.impact.json",
        "taxonomies/tiny/1.0.0.json",
    ]


def test_a_model_predicts_the_labelled_texts_with_both_releases(
    workspace: Workspace, tiny_bundle: Bundle
) -> None:
    put_release(workspace, TAXONOMY)
    register_bundle(workspace, tiny_bundle)
    label(workspace)
    heard: list[tuple[int, int]] = []
    release = put_release(workspace, CHANGED)
    impact = make_impact(workspace, release, on_progress=lambda done, total: heard.append((done, total)))
    assert (impact.before, impact.after, impact.model) == ("tiny@1.0.0", "tiny@1.1.0", "1.0.0")
    assert impact.texts == 2
    assert heard == [(2, 2)]
    known = {skill.skill_id for skill in (*TAXONOMY, *CHANGED)}
    assert {one.skill_id for text in impact.touched for one in text.changes} <= known


def test_the_same_skills_change_no_prediction(workspace: Workspace, tiny_bundle: Bundle) -> None:
    release = put_release(workspace, TAXONOMY)
    register_bundle(workspace, tiny_bundle)
    impact = make_impact(workspace, release)
    assert (impact.texts, impact.touched) == (20, ())  # the package's own samples


def test_a_model_of_another_taxonomy_is_not_asked(workspace: Workspace, tiny_bundle: Bundle) -> None:
    put_release(workspace, TAXONOMY)
    register_bundle(workspace, tiny_bundle)
    import_taxonomy(workspace, ADMIN, None)
    from seamark.registry.releases import find_release

    assert make_impact(workspace, find_release(workspace, "starter")).model == ""


def test_a_damaged_bundle_is_noticed(workspace: Workspace, tiny_bundle: Bundle) -> None:
    release = put_release(workspace, TAXONOMY)
    register_bundle(workspace, tiny_bundle)
    key = "finetuned_models/mlops/versions/1.0.0/embedding_model/model.safetensors"
    workspace.store.put(key, workspace.store.get(key)[:-1] + b"!")
    with pytest.raises(WeightsError):
        make_impact(workspace, release)
    assert load_impact(workspace, release) is None
