"""Predictions over HTTP: what is asked, what is answered, what is refused."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from people import ADMIN
from seamark.delivery.stage_settings import set_stage
from seamark.storage.workspace import Workspace
from waiting import wait_until

TEXT = "You will build data and teach Python."
JSON = {"Content-Type": "application/json"}


def set_and_wait(workspace: Workspace, client: TestClient, stage: str = "prod", **changes: object) -> None:
    set_stage(workspace, ADMIN, stage, changes)
    runtime = client.app.state.runtime
    wait_until(
        lambda: all(
            getattr(runtime.get_state(stage).settings, name) == value for name, value in changes.items()
        )
    )


def test_a_text_is_answered_in_the_wire_format_by_the_default_stages_version(shared):
    answer = shared.post("/v1/extract", json={"text": TEXT})
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"modelVersion", "timestamp", "requestId", "original_input", "skillExtractOutput"}
    assert told["modelVersion"] == "1.0.0"
    assert told["original_input"] == TEXT
    assert any(skill["skillTitle"] == "teach, edition 1.0.0" for skill in told["skillExtractOutput"])


def test_several_texts_are_answered_in_their_order_by_one_version(shared):
    texts = ["teach", {"text": "care for patients", "id": "b", "kind": "course", "sector": "health"}, ""]
    told = shared.post("/v1/extract", json={"texts": texts}).json()["predictions"]
    assert [one["original_input"] for one in told] == ["teach", "care for patients", ""]
    assert {one["modelVersion"] for one in told} == {"1.0.0"}
    assert len({one["requestId"] for one in told}) == 3


def test_a_stage_by_path_answers_with_its_own_version(shared):
    assert shared.post("/v1/stages/dev/extract", json={"text": TEXT}).json()["modelVersion"] == "1.0.0"


def test_a_stage_with_nothing_on_it_is_404_and_says_what_to_do(shared):
    answer = shared.post("/v1/stages/uat/extract", json={"text": TEXT})
    assert answer.status_code == 404
    told = answer.json()
    assert told["type"] == "/problems/stage-empty"
    assert "seamark promote" in told["hint"]


def test_a_stage_that_the_server_does_not_serve_is_404(start, workspace):
    client = start(workspace, stages=["prod"])
    assert client.post("/v1/stages/dev/extract", json={"text": TEXT}).json()["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"{", 400, "not-json"),
        (b"[" * 100_000, 400, "not-json"),
        (b'{"text": "\xff"}', 400, "not-json"),
        (b'{"text": "\\ud800"}', 400, "not-json"),
        (b'{"text": NaN}', 400, "not-json"),
        (b'{"text": ' + b"9" * 10_000 + b"}", 400, "not-json"),
        (b"", 422, "invalid-fields"),
        (b"null", 422, "invalid-fields"),
        (b"[]", 422, "invalid-fields"),
        (b'{"text": 5}', 422, "invalid-fields"),
        (b'{"text": null}', 422, "invalid-fields"),
        (b'{"text": "a", "lang": "en"}', 422, "invalid-fields"),
        (b'{"text": "a", "texts": ["b"]}', 422, "invalid-fields"),
        (b'{"texts": []}', 422, "invalid-fields"),
        (b'{"texts": [5]}', 422, "invalid-fields"),
        (b'{"texts": "a"}', 422, "invalid-fields"),
        (b'{"texts": [{"id": "a"}]}', 422, "invalid-fields"),
        (b'{"text": "a", "kind": "novel"}', 422, "invalid-fields"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/extract", "/v1/stages/prod/extract", "/invocations"])
def test_a_wrong_body_has_its_documented_answer(shared, path, content, status, kind):
    if (path, content) == ("/invocations", b""):
        status, kind = 400, "not-json"
    answer = shared.post(path, content=content, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_field_is_named_and_its_value_is_not_repeated(shared):
    answer = shared.post("/v1/extract", json={"text": "my secret", "sector": 7, "password": "hunter2hunter2"})
    fields = [error["field"] for error in answer.json()["errors"]]
    assert any("sector" in field for field in fields)
    assert any("password" in field for field in fields)
    assert "hunter2" not in answer.text
    assert "my secret" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_another_media_type_is_415(shared, kind):
    answer = shared.post("/v1/extract", content=b'{"text": "a"}', headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_a_body_over_the_stages_limit_is_413_before_it_is_read_whole(workspace, start):
    client = start(workspace)
    set_and_wait(workspace, client, max_request_kb=1)
    assert client.post("/v1/extract", json={"text": "a" * 900}).status_code == 200
    answer = client.post("/v1/extract", json={"text": "a" * 1200})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")

    sent = []

    def stream():
        for _ in range(1000):
            sent.append(1)
            yield b" " * 1024

    answer = client.post("/v1/extract", content=stream(), headers=JSON)
    assert answer.status_code == 413


def test_too_many_texts_and_too_long_ones_are_413(workspace, start):
    client = start(workspace)
    set_and_wait(workspace, client, max_texts=2, max_text_characters=10)
    assert client.post("/v1/extract", json={"texts": ["a", "b"]}).status_code == 200
    assert client.post("/v1/extract", json={"texts": ["a", "b", "c"]}).status_code == 413
    assert client.post("/v1/extract", json={"text": "a" * 10}).status_code == 200
    assert client.post("/v1/extract", json={"text": "a" * 11}).status_code == 413


def test_a_caller_over_their_rate_is_429_with_the_seconds_to_wait(workspace, start, secrets):
    client = start(workspace)
    set_and_wait(workspace, client, requests_per_minute=2)
    codes = [client.post("/v1/extract", json={"text": "a"}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    answer = client.post("/v1/extract", json={"text": "a"})
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    other = {"Authorization": f"Bearer {secrets['admin']}"}
    assert client.post("/v1/extract", json={"text": "a"}, headers=other).status_code == 200


def test_a_stages_threshold_and_number_of_skills_apply_without_a_reload(workspace, start):
    client = start(workspace)
    before = client.post("/v1/extract", json={"text": TEXT}).json()["skillExtractOutput"]
    assert len(before) > 1
    set_and_wait(workspace, client, top=1)
    assert len(client.post("/v1/extract", json={"text": TEXT}).json()["skillExtractOutput"]) == 1
    set_and_wait(workspace, client, threshold=1.0)
    assert client.post("/v1/extract", json={"text": TEXT}).json()["skillExtractOutput"] == []
    dev = client.post("/v1/stages/dev/extract", json={"text": TEXT}).json()["skillExtractOutput"]
    assert [skill["skill_id"] for skill in dev] == [skill["skill_id"] for skill in before]


def test_invocations_take_json_as_extract_does(shared):
    told = shared.post("/invocations", json={"text": TEXT}).json()
    assert (told["original_input"], told["modelVersion"]) == (TEXT, "1.0.0")
    assert len(shared.post("/invocations", json={"texts": ["a", "b"]}).json()["predictions"]) == 2


def test_invocations_take_plain_text(shared):
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    told = shared.post("/invocations", content="Tu enseñas Python".encode(), headers=plain).json()
    assert told["original_input"] == "Tu enseñas Python"


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/plain", b"\xff\xfe", 400),
        ("text/plain; charset=latin-1", b"a", 415),
        ("image/png", b"a", 415),
        ("", b"a", 415),
    ],
)
def test_invocations_refuse_other_encodings_and_media_types(shared, kind, content, status):
    assert shared.post("/invocations", content=content, headers={"Content-Type": kind}).status_code == status


def test_characters_outside_the_basic_plane_and_control_characters_come_back_as_they_went(shared):
    text = "teach 🐍 Python\u0000 \u200b und Größe"
    answer = shared.post("/v1/extract", content=json.dumps({"text": text}), headers=JSON)
    assert answer.json()["original_input"] == text


def test_evidence_stands_in_the_text_that_was_sent(shared):
    told = shared.post("/v1/extract", json={"text": TEXT}).json()
    spans = [span for skill in told["skillExtractOutput"] for span in skill["evidence"]]
    assert spans
    assert all(TEXT[span["start"] : span["end"]] == span["text"] for span in spans)
