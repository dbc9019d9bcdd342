from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from delivery_fakes import DANA, PAT, ask, place, register_bundle
from seamark.building.checks.result import CheckReport, conclude
from seamark.delivery.evidence import gather_evidence, load_evidence
from seamark.delivery.promotions import request_promotion
from seamark.delivery.rollback import roll_back
from seamark.extraction.bundle import Bundle
from seamark.registry.experiments import record_experiment
from seamark.registry.versions import get_version
from seamark.settings import Settings
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from seamark.taxonomy import Skill, Taxonomy
from seamark.taxonomy.samples import read_samples
from tiny_models import TAXONOMY, make_bundle

_WIDER = Taxonomy("tiny", (*TAXONOMY.skills[1:], Skill("s6", "design <b>data</b>", type="skill")), "1.1.0")


@pytest.fixture(scope="module")
def predicting_template(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Bundle, tiny_settings: Settings
) -> Path:
    """A workspace with two versions that really predict, of two taxonomy releases; the first one is on UAT."""
    root = tmp_path_factory.mktemp("predicting")
    second = make_bundle(
        root / "second", root, tiny_settings, taxonomy=_WIDER, metrics={"jaccard": 0.44, "ece": 0.05}
    )
    with create_workspace(root / "ws", environ=_name_home(tiny_settings)) as workspace:
        register_bundle(workspace, "first", tiny_bundle)
        register_bundle(workspace, "second", second)
        place(workspace, "1.0.0", "uat")
    return root / "ws"


@pytest.fixture
def predicting(tmp_path: Path, predicting_template: Path, tiny_settings: Settings) -> Iterator[Workspace]:
    shutil.copytree(predicting_template, tmp_path / "predicting")
    with open_workspace(tmp_path / "predicting", environ=_name_home(tiny_settings)) as workspace:
        yield workspace


def _name_home(settings: Settings) -> dict[str, str]:
    return {"SEAMARK_HOME": str(settings.home), "SEAMARK_OFFLINE": "1", "SEAMARK_THREADS": "1"}


class _Page(HTMLParser):
    """What a page shows, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in ("src", "href") and value != "data:,"
        ]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _read_page(workspace: Workspace, version: str, stage: str, present: str | None) -> _Page:
    evidence = gather_evidence(workspace, get_version(workspace, version), stage=stage, present=present)
    return _Page(evidence.page)


def test_the_impact_is_measured_on_the_shipped_samples_with_both_versions(predicting: Workspace) -> None:
    heard: list[tuple[int, int]] = []
    second = get_version(predicting, _second(predicting))
    asked = request_promotion(
        predicting,
        DANA,
        second.number,
        stage="uat",
        on_progress=lambda done, total: heard.append((done, total)),
    )
    samples = len(read_samples())
    impact = asked.evidence["impact"]
    assert impact["texts"] == samples
    assert impact["texts_touched"] > 0
    assert heard[-1] == (samples, samples)
    whole = load_evidence(predicting, asked)
    assert whole["impact"]["totals"] == impact
    assert (whole["impact"]["before"], whole["impact"]["after"]) == ("tiny@1.0.0", "tiny@1.1.0")
    causes = {change["cause"] for text in whole["impact"]["texts"] for change in text["changes"]}
    assert causes <= {"new skill", "skill gone", "other version"}
    assert "skill gone" in causes


def _second(workspace: Workspace) -> str:
    with workspace.database.read() as connection:
        from seamark.storage.versions import find_newest_version

        newest = find_newest_version(connection)
    assert newest is not None
    return newest.number


def test_metrics_stand_beside_those_of_the_version_that_is_there(predicting: Workspace) -> None:
    asked = ask(predicting, _second(predicting), "uat")
    assert asked.evidence["against"] == "1.0.0"
    assert asked.evidence["metrics"]["jaccard"] == [None, 0.44]
    whole = load_evidence(predicting, asked)
    assert {"name": "ece", "before": None, "after": 0.05, "better": None} in whole["metrics"]
    assert whole["model_card"].startswith("---")


def test_the_page_asks_nobody_for_anything_and_shows_no_markup_of_others(predicting: Workspace) -> None:
    page = _read_page(predicting, _second(predicting), "uat", "1.0.0")
    assert page.fetched == []
    assert not {"script", "iframe", "object", "form"} & set(page.tags)
    assert "design <b>data</b>" in page.text
    for heading in ("Metrics", "Predictions", "Skills", "Model card", "How it came about"):
        assert heading in page.text


def test_an_empty_stage_has_nothing_to_compare_with(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    assert asked.evidence["against"] is None
    assert asked.evidence["impact"] == {"skipped": "the stage has no version to compare with"}
    assert asked.evidence["metrics"]["jaccard"] == [None, 0.4]
    page = _read_page(workspace, "1.0.0", "uat", None)
    assert "UAT has no version yet" in page.text


def test_a_bundle_that_does_not_open_leaves_the_impact_out_and_says_why(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    asked = ask(workspace, "1.1.0", "uat")
    assert asked.evidence["impact"]["skipped"].startswith("a bundle could not be opened: ")
    assert asked.evidence["metrics"]["jaccard"] == [0.4, 0.4]


def test_the_tests_before_registration_are_part_of_it(workspace: Workspace) -> None:
    results = (
        conclude("own-title", passed=True, found="all found", expected="all", hint=""),
        conclude("latency", passed=True, found="12 ms", expected="at most 50 ms", hint=""),
    )
    report = CheckReport("", results)
    experiment = get_version(workspace, "1.1.0").experiment_id
    workspace.store.put_json("experiments/x/checks.json", report.to_dict())
    record_experiment(workspace, experiment, object_keys={"checks_json": "experiments/x/checks.json"})
    asked = ask(workspace, "1.1.0", "uat")
    assert asked.evidence["tests"] == {"passed": True, "summary": "2 of 2 checks passed"}
    assert load_evidence(workspace, asked)["tests"] == report.to_dict()
    assert "own-title" in _read_page(workspace, "1.1.0", "uat", None).text


def test_tests_that_are_not_there_are_said_to_be_missing(workspace: Workspace) -> None:
    assert ask(workspace, "1.0.0", "uat").evidence["tests"] == {"skipped": "its experiment recorded no tests"}
    experiment = get_version(workspace, "1.1.0").experiment_id
    record_experiment(workspace, experiment, object_keys={"checks_json": "experiments/gone.json"})
    tests = ask(workspace, "1.1.0", "uat").evidence["tests"]
    assert tests["skipped"].startswith("the report of its tests can't be read: ")


def test_the_digests_that_were_verified_are_named(workspace: Workspace) -> None:
    version = get_version(workspace, "1.0.0")
    bundle = ask(workspace, "1.0.0", "uat").evidence["bundle"]
    assert bundle == {"files": 4, "bytes": version.size, "manifest_digest": version.manifest_digest}


def test_the_whole_evidence_is_json_as_it_stands_in_the_store(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    text = workspace.store.get_text(asked.object_keys["evidence_json"])
    assert json.loads(text, parse_constant=_refuse) == load_evidence(workspace, asked)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_a_rollback_has_no_evidence_of_its_own(workspace: Workspace) -> None:
    assert load_evidence(workspace, roll_back(workspace, PAT, stage="dev")) is None
