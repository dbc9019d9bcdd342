"""Versions change while requests come: none fails, and each answer names the version that gave it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from delivery_fakes import PAT
from delivery_fakes import place as place_with_evidence
from people import ADMIN, list_audit
from seamark.delivery.contenders import start_shadow, stop_canary
from seamark.delivery.promotions import get_promotion
from seamark.delivery.rollback import roll_back
from seamark.errors import CandidateError
from seamark.registry.bundles import locate_version
from seamark.serving import models
from seamark.storage.captures import list_captures
from seamark.storage.contenders import ContenderRecord, put_contender, remove_contender
from seamark.storage.ids import make_id
from seamark.storage.promotions import PromotionRecord, add_promotion
from seamark.storage.stages import list_stages, set_stage
from seamark.storage.workspace import Workspace
from tiny_versions import put_on_stage
from waiting import wait_until

TEXT = "You will build data and teach Python."


def ask_version(client: TestClient, stage: str = "prod") -> str:
    answer = client.post(f"/v1/stages/{stage}/extract", json={"text": TEXT})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["modelVersion"])


def damage(workspace: Workspace, number: str) -> Path:
    """Change one byte of a version's vectors in the store."""
    path = workspace.store.local_path(f"{locate_version(number)}embedding_model/embeddings.npy")
    assert path is not None
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    return path


def place(workspace: Workspace, version: str, stage: str, *, canary: float | None = None) -> PromotionRecord:
    """A promotion that is approved, without the seconds that gathering its evidence takes."""
    now = datetime.now(UTC)
    before = get_on_stage(workspace, stage)
    record = PromotionRecord(
        make_id("promotion"),
        stage,
        version,
        "promotion" if canary is None else "canary",
        "approved",
        "dana",
        now,
        replaces=before,
        share=canary,
        decided_by="pat",
        decided_at=now,
    )
    with workspace.database.begin() as connection:
        add_promotion(connection, record)
        if canary is None:
            set_stage(connection, stage, version, changed_at=now)
        else:
            contender = ContenderRecord(stage, "canary", version, canary, "dana", now, record.id)
            put_contender(connection, contender)
    return record


def get_status(workspace: Workspace, promotion_id: str) -> str:
    return get_promotion(workspace, promotion_id).status


def get_on_stage(workspace: Workspace, stage: str) -> str | None:
    with workspace.database.read() as connection:
        return {row.name: row.version for row in list_stages(connection)}.get(stage)


def get_captures(workspace: Workspace, role: str | None = None):
    with workspace.database.read() as connection:
        return list_captures(connection, role=role, limit=10_000)


def put_canary(workspace: Workspace, version: str, share: float, kind: str = "canary") -> None:
    with workspace.database.begin() as connection:
        record = ContenderRecord("prod", kind, version, share, "ada", datetime.now(UTC))
        put_contender(connection, record)


# ---- promotions


def test_a_promotion_is_followed_and_becomes_live(workspace, start):
    client = start(workspace)
    promotion = place_with_evidence(workspace, "1.0.1", "uat")
    wait_until(lambda: get_status(workspace, promotion.id) == "live")
    assert ask_version(client, "uat") == "1.0.1"
    assert [event.subject for event in list_audit(workspace, "promotion.live")][-1] == promotion.id


def test_a_rollback_is_followed_and_its_record_becomes_live(workspace, start):
    client = start(workspace)
    for version in ("1.0.1", "1.0.2"):
        promotion = place(workspace, version, "uat")
        wait_until(lambda promotion=promotion: get_status(workspace, promotion.id) == "live")
    back = roll_back(workspace, PAT, stage="uat")
    wait_until(lambda: get_status(workspace, back.id) == "live")
    assert ask_version(client, "uat") == "1.0.1"


def test_what_was_live_before_the_server_started_is_told_by_the_next_one(workspace, start):
    promotion = place(workspace, "1.0.1", "uat")
    start(workspace)
    wait_until(lambda: get_status(workspace, promotion.id) == "live")


def test_no_request_fails_and_each_names_the_version_that_answered(workspace, start):
    client = start(workspace)
    stop, answers, failures = threading.Event(), [], []

    def keep_asking() -> None:
        while not stop.is_set():
            answer = client.post("/v1/extract", json={"texts": [TEXT, "teach"]})
            if answer.status_code != 200:
                failures.append(answer.text)
                return
            answers.append(answer.json()["predictions"])

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in ("1.0.1", "1.0.0") * 5:
        put_on_stage(workspace, number, "prod")
        seen = len(answers)
        wait_until(
            lambda number=number, seen=seen: (
                failures or any(one[0]["modelVersion"] == number for one in answers[seen:])
            )
        )
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    for predictions in answers:
        assert len({one["modelVersion"] for one in predictions}) == 1
        for one in predictions:
            titles = [skill["skillTitle"] for skill in one["skillExtractOutput"]]
            assert titles
            assert all(title.endswith(f", edition {one['modelVersion']}") for title in titles)


def test_stages_with_the_same_version_share_one_model(workspace, start):
    runtime = start(workspace).app.state.runtime
    views = [runtime.get_state(name).champion.view for name in ("dev", "prod")]
    assert views[0].model is views[1].model


def test_a_replaced_version_leaves_the_memory(workspace, start):
    client = start(workspace)
    model = weakref.ref(client.app.state.runtime.get_state("prod").champion.view.model)
    ask_version(client)
    put_on_stage(workspace, "1.0.1", "prod", "dev")
    wait_until(lambda: ask_version(client) == ask_version(client, "dev") == "1.0.1")

    def is_gone() -> bool:
        gc.collect()
        return model() is None

    wait_until(is_gone)


def test_a_stage_that_is_emptied_answers_404(workspace, start):
    client = start(workspace)
    put_on_stage(workspace, None, "prod")
    wait_until(lambda: client.get("/ping").status_code == 503)
    assert client.post("/v1/extract", json={"text": TEXT}).json()["type"] == "/problems/stage-empty"
    assert client.get("/v1/ready").status_code == 200


# ---- versions that do not work


def test_a_damaged_version_fails_its_promotion_and_the_one_before_stays(workspace, start):
    client = start(workspace)
    first = place(workspace, "1.0.1", "uat")
    wait_until(lambda: get_status(workspace, first.id) == "live")
    damage(workspace, "1.0.2")
    second = place(workspace, "1.0.2", "uat")
    wait_until(lambda: get_status(workspace, second.id) == "failed")
    failed = get_promotion(workspace, second.id)
    assert "embeddings.npy" in failed.error
    assert "\n" not in failed.error
    assert ask_version(client, "uat") == "1.0.1"
    assert get_on_stage(workspace, "uat") == "1.0.1"


def test_a_version_that_fails_its_smoke_test_fails_its_promotion(workspace, start, monkeypatch):
    client = start(workspace)
    first = place(workspace, "1.0.1", "uat")
    wait_until(lambda: get_status(workspace, first.id) == "live")

    def refuse(_extractor) -> None:
        raise CandidateError("it predicts the skill 'x' which is not in its taxonomy release")

    monkeypatch.setattr(models, "try_out", refuse)
    second = place(workspace, "1.0.2", "uat")
    wait_until(lambda: get_status(workspace, second.id) == "failed")
    assert "not in its taxonomy release" in get_promotion(workspace, second.id).error
    assert ask_version(client, "uat") == "1.0.1"


def test_a_first_version_that_fails_leaves_its_stage_empty(workspace, start):
    client = start(workspace)
    damage(workspace, "1.0.2")
    promotion = place(workspace, "1.0.2", "uat")
    wait_until(lambda: get_status(workspace, promotion.id) == "failed")
    wait_until(
        lambda: (
            client.post("/v1/stages/uat/extract", json={"text": TEXT}).json()["type"]
            == "/problems/stage-empty"
        )
    )


def test_a_version_damaged_after_it_went_live_is_503_at_the_next_start_and_no_promotion_fails(
    workspace, start
):
    first = place(workspace, "1.0.1", "uat")
    start(workspace)
    wait_until(lambda: get_status(workspace, first.id) == "live")
    damage(workspace, "1.0.1")
    client = start(workspace)
    answer = client.post("/v1/stages/uat/extract", json={"text": TEXT})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/stage-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert ask_version(client, "prod") == "1.0.0"
    assert client.get("/v1/ready").json()["status"] == "degraded"
    assert get_status(workspace, first.id) == "live"


def test_a_default_stage_that_can_not_answer_makes_the_server_unready(workspace, start):
    damage(workspace, "1.0.0")
    client = start(workspace)
    assert client.get("/v1/ready").status_code == 503
    assert client.get("/v1/health").status_code == 200
    assert client.get("/ping").status_code == 503


# ---- canary and shadow


def test_a_canary_answers_its_share_and_is_named_in_response_and_capture(workspace, start):
    client = start(workspace)
    put_canary(workspace, "1.0.1", 30.0)
    wait_until(lambda: client.app.state.runtime.get_state("prod").canary)
    versions = Counter(ask_version(client) for _ in range(200))
    assert 30 <= versions["1.0.1"] <= 90
    assert versions["1.0.0"] == 200 - versions["1.0.1"]
    wait_until(lambda: len(get_captures(workspace)) == 200)
    kept = Counter((one.version, one.role) for one in get_captures(workspace))
    assert kept == {
        ("1.0.1", "canary"): versions["1.0.1"],
        ("1.0.0", "champion"): versions["1.0.0"],
    }


def test_a_request_id_decides_whether_the_canary_answers(workspace, start):
    client = start(workspace)
    put_canary(workspace, "1.0.1", 50.0)
    wait_until(lambda: client.app.state.runtime.get_state("prod").canary)
    for number in range(20):
        headers = {"X-Request-ID": f"request-{number}"}
        asked = [client.post("/v1/extract", json={"text": TEXT}, headers=headers).json() for _ in range(2)]
        assert asked[0]["modelVersion"] == asked[1]["modelVersion"]


def test_an_approved_canary_becomes_live_and_ends_when_it_is_stopped(workspace, start):
    client = start(workspace)
    place(workspace, "1.0.1", "uat")
    promotion = place(workspace, "1.0.2", "uat", canary=100.0)
    wait_until(lambda: get_status(workspace, promotion.id) == "live")
    assert ask_version(client, "uat") == "1.0.2"
    stop_canary(workspace, ADMIN, stage="uat")
    wait_until(lambda: ask_version(client, "uat") == "1.0.1")


def test_a_canary_that_does_not_load_fails_and_the_champion_answers_everything(workspace, start):
    client = start(workspace)
    place(workspace, "1.0.1", "uat")
    damage(workspace, "1.0.2")
    promotion = place(workspace, "1.0.2", "uat", canary=100.0)
    wait_until(lambda: get_status(workspace, promotion.id) == "failed")
    wait_until(lambda: ask_version(client, "uat") == "1.0.1")


def test_a_shadow_never_answers_and_its_predictions_are_captured_beside_the_answers(workspace, start):
    client = start(workspace)
    start_shadow(workspace, ADMIN, "1.0.1", stage="prod", share=100.0)
    wait_until(lambda: client.app.state.runtime.get_state("prod").shadow)
    answers = [client.post("/v1/extract", json={"text": f"{TEXT} {i}"}).json() for i in range(5)]
    assert {one["modelVersion"] for one in answers} == {"1.0.0"}
    wait_until(lambda: len(get_captures(workspace, "shadow")) == 5)
    shadows = {one.answered_id: one for one in get_captures(workspace, "shadow")}
    assert shadows.keys() == {one["requestId"] for one in answers}
    for answer in answers:
        beside = shadows[answer["requestId"]]
        assert (beside.version, beside.input) == ("1.0.1", answer["original_input"])


def test_a_shadow_sees_only_its_share(workspace, start):
    client = start(workspace)
    put_canary(workspace, "1.0.1", 20.0, kind="shadow")
    wait_until(lambda: client.app.state.runtime.get_state("prod").shadow)
    texts = [f"teach {i}" for i in range(30)]
    for _ in range(7):
        assert client.post("/v1/extract", json={"texts": texts}).status_code == 200
    wait_until(lambda: len(get_captures(workspace, "champion")) == 210)
    runtime = client.app.state.runtime
    wait_until(lambda: not runtime._shadows)
    state = runtime.get_state("prod")
    due = {one.request_id for one in get_captures(workspace, "champion") if state.is_shadowed(one.request_id)}
    assert 15 <= len(due) <= 75
    dropped = runtime.metrics.shadow_dropped.labels("prod")._value.get()
    wait_until(lambda: len(get_captures(workspace, "shadow")) + dropped == len(due))


def test_a_shadow_that_ends_costs_no_answer(workspace, start):
    client = start(workspace)
    put_canary(workspace, "1.0.1", 100.0, kind="shadow")
    wait_until(lambda: client.app.state.runtime.get_state("prod").shadow)
    with workspace.database.begin() as connection:
        remove_contender(connection, "prod", "shadow")
    wait_until(lambda: not client.app.state.runtime.get_state("prod").shadow)
    assert ask_version(client) == "1.0.0"


# ---- the database away


def test_predictions_go_on_while_the_database_is_away_and_their_captures_wait(workspace, start, no_database):
    client = start(workspace)
    assert ask_version(client) == "1.0.0"
    no_database(True)
    wait_until(lambda: client.app.state.runtime.database_away)
    asked = [client.post("/v1/extract", json={"text": TEXT}).json()["requestId"] for _ in range(5)]
    ready = client.get("/v1/ready")
    assert (ready.status_code, ready.json()["database"]) == (200, "away")
    assert client.get("/v1/stages").status_code == 503  # what shows the workspace asks the database each time
    no_database(False)
    wait_until(lambda: {one.request_id for one in get_captures(workspace)} >= set(asked))
    assert len(get_captures(workspace)) == 6
    wait_until(lambda: not client.app.state.runtime.database_away)


def test_who_is_unknown_while_the_database_is_away_is_told_so(workspace, start, no_database, secrets):
    client = start(workspace)
    no_database(True)
    answer = client.post("/v1/extract", json={"text": TEXT})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/storage-unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_promotion_whose_outcome_could_not_be_told_is_told_later(workspace, start, monkeypatch):
    from seamark.errors import StorageError
    from seamark.serving import watching

    told = watching.mark_live
    away = threading.Event()
    away.set()

    def mark(*args):
        if away.is_set():
            raise StorageError("the database is away")
        return told(*args)

    monkeypatch.setattr(watching, "mark_live", mark)
    client = start(workspace)
    promotion = place(workspace, "1.0.1", "uat")
    wait_until(lambda: client.app.state.runtime.get_state("uat").champion)
    assert ask_version(client, "uat") == "1.0.1"
    assert get_status(workspace, promotion.id) == "approved"
    away.clear()
    wait_until(lambda: get_status(workspace, promotion.id) == "live")


# ---- capture


@pytest.mark.parametrize(("percent", "low", "high"), [(0.0, 0, 0), (50.0, 25, 75), (100.0, 100, 100)])
def test_the_sampled_share_is_captured_once_with_what_was_asked_and_answered(
    workspace, start, percent, low, high
):
    from seamark.capture.record import is_sampled
    from seamark.delivery.stage_settings import set_stage as change_stage

    change_stage(workspace, ADMIN, "prod", {"sampling_percent": percent})
    client = start(workspace)
    texts = [
        {"text": f"teach {i}", "id": f"doc-{i}", "kind": "course", "sector": "health"} for i in range(20)
    ]
    told = []
    for _ in range(5):
        told += client.post("/v1/extract", json={"texts": texts}).json()["predictions"]
    due = {one["requestId"] for one in told if is_sampled(one["requestId"], percent)}
    assert low <= len(due) <= high
    wait_until(lambda: len(get_captures(workspace)) >= len(due))
    kept = {one.request_id: one for one in get_captures(workspace)}
    assert kept.keys() == due
    for one in told:
        if one["requestId"] in due:
            record = kept[one["requestId"]]
            assert (record.input, list(record.output)) == (one["original_input"], one["skillExtractOutput"])
            assert (record.caller, record.kind, record.sector) == ("vera", "course", "health")
            assert record.document_id == record.input.replace("teach ", "doc-")
            assert record.latency_ms > 0


def test_a_stage_that_does_not_capture_leaves_nothing(workspace, start):
    from seamark.delivery.stage_settings import set_stage as change_stage

    change_stage(workspace, ADMIN, "prod", {"capture": False})
    client = start(workspace)
    ask_version(client)
    ask_version(client, "dev")
    wait_until(lambda: get_captures(workspace))
    assert {one.stage for one in get_captures(workspace)} == {"dev"}


def test_a_stopped_server_has_moved_its_captures(workspace, secrets):
    from seamark.serving.app import make_app

    slow = replace(workspace.settings, capture=replace(workspace.settings.capture, move_seconds=3600.0))
    app = make_app(replace(workspace, settings=slow))
    with TestClient(app) as client:
        assert app.state.runtime.wait_until_settled(30)
        client.headers["Authorization"] = f"Bearer {secrets['vera']}"
        for _ in range(5):
            ask_version(client)
    assert len(get_captures(workspace)) == 5


def test_a_failed_spool_costs_no_answer(workspace, start, monkeypatch):
    from seamark.capture.spool import Spool

    def fail(_self, _records):
        raise OSError("no space left")

    client = start(workspace)
    monkeypatch.setattr(Spool, "append", fail)
    assert ask_version(client) == "1.0.0"
