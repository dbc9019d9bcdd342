"""What holds for every request: its id, its line in the log, its figures, problem details."""

from __future__ import annotations

import json
import logging

import pytest

from seamark.serving.logs import JsonFormatter
from seamark.serving.problems import KINDS

OPEN = ("/v1/health", "/v1/ready", "/metrics", "/ping")
WITH_TOKEN = ("/v1/version", "/v1/stages", "/v1/skills?q=a", "/v1/stages/prod/version")


@pytest.mark.parametrize("path", [*OPEN, *WITH_TOKEN, "/nowhere", "/v1/extract"])
def test_every_answer_has_a_request_id(shared, path):
    ids = {shared.get(path).headers["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2


def test_a_well_formed_request_id_is_kept_and_another_one_replaced(shared):
    def ask(sent: str) -> str:
        return str(
            shared.get("/v1/health", headers={"X-Request-ID": sent.encode("latin-1")}).headers["X-Request-ID"]
        )

    assert ask("order-7:2.a_b") == "order-7:2.a_b"
    for wrong in ("", "a b", "a" * 129, "ä", "<script>"):
        assert ask(wrong) != wrong


@pytest.mark.parametrize("path", OPEN)
def test_what_machines_ask_needs_no_token(shared, path):
    assert shared.get(path, headers={"Authorization": ""}).status_code == 200


@pytest.mark.parametrize("path", WITH_TOKEN)
@pytest.mark.parametrize("header", ["", "Bearer smk_wrong", "Basic dTpw"])
def test_everything_else_needs_one(shared, path, header):
    answer = shared.get(path, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["instance"] == answer.headers["X-Request-ID"]


def test_a_token_is_looked_at_before_the_body(shared):
    answer = shared.post(
        "/v1/extract", content=b"{", headers={"Authorization": "", "Content-Type": "application/json"}
    )
    assert answer.status_code == 401


def test_a_token_for_predictions_may_not_look_at_the_stages(shared):
    answer = shared.get("/v1/stages")
    assert answer.status_code == 403
    assert "scope read" in answer.json()["expected"]


def test_an_unknown_path_and_a_wrong_method_are_problems_too(shared):
    unknown = shared.get("/v1/nothing")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")
    wrong = shared.put("/v1/extract")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "/problems/method-not-allowed")
    assert "POST" in wrong.headers["Allow"]


def test_every_type_of_problem_is_described_where_it_points(shared):
    for name, kind in KINDS.items():
        told = shared.get(f"/problems/{name}", headers={"Authorization": ""}).json()
        assert (told["type"], told["status"]) == (f"/problems/{name}", kind.status)
    assert shared.get("/problems/none").status_code == 404


def test_a_mistake_of_ours_is_answered_without_its_inside_and_logged_with_it(shared, monkeypatch, caplog):
    def fail(*_args, **_options):
        raise RuntimeError("the inside")

    monkeypatch.setattr(type(shared.app.state.runtime), "answer", fail)
    answer = shared.post("/v1/extract", json={"text": "a"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert "inside" not in answer.text
    assert "the inside" in caplog.text


def test_each_request_has_one_line_without_its_text(shared, caplog):
    caplog.set_level(logging.INFO, logger="seamark.serving")
    answer = shared.post("/v1/extract", json={"texts": ["my secret text", "another"]})
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    [line] = [line for line in lines if line["action"] == "request"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/extract", 200)
    assert (line["stage"], line["version"], line["caller"], line["texts"]) == ("prod", "1.0.0", "vera", 2)
    assert line["ms"] > 0
    assert "secret" not in json.dumps(lines)


def test_metrics_count_by_stage_version_and_status_and_never_by_paths_that_people_make_up(shared):
    shared.post("/v1/extract", json={"text": "teach"})
    shared.get("/made/up/path")
    shared.get("/made/up/path", headers={"X-Whatever": "a"})
    text = shared.get("/metrics").text
    assert 'method="POST",path="/v1/extract",stage="prod",status="200",version="1.0.0"' in text
    assert 'path="none"' in text
    assert "made/up" not in text
    for name in (
        "seamark_requests_in_flight",
        "seamark_queue_texts",
        "seamark_batch_texts_bucket",
        "seamark_swaps_total",
        "seamark_load_seconds_bucket",
        "seamark_capture_dropped",
        "seamark_capture_backlog_bytes",
        "seamark_database_up 1.0",
    ):
        assert name in text


def test_the_version_is_described(shared):
    told = shared.get("/v1/version").json()
    assert (told["version"], told["stage"], told["role"]) == ("1.0.0", "prod", "champion")
    assert told["taxonomy"]["name"] == "tiny"
    assert len(told["digest"]) == 64
    assert shared.get("/v1/stages/uat/version").status_code == 404


def test_stages_are_described_as_they_should_be_and_as_they_are_here(start, workspace, secrets):
    client = start(workspace, token="admin", stages=["prod", "uat"])
    told = client.get("/v1/stages").json()
    by_name = {one["stage"]: one for one in told["stages"]}
    assert by_name["prod"]["version"] == by_name["prod"]["here"]["version"] == "1.0.0"
    assert by_name["uat"]["version"] is None
    assert (by_name["dev"]["served"], by_name["dev"]["here"]) == (False, {})
    assert by_name["prod"]["settings"]["sampling_percent"] == 100.0
    assert [one["id"] for one in told["servers"]] == [client.app.state.runtime.server_id]


def test_skills_are_found_by_words_then_by_meaning(shared):
    told = shared.get("/v1/skills", params={"q": "python", "limit": 3}).json()
    assert (told["version"], told["taxonomy"]) == ("1.0.0", "tiny@1.0.0")
    assert [one["found_by"] for one in told["skills"]] == sorted(
        (one["found_by"] for one in told["skills"]), reverse=True
    )
    assert told["skills"][0]["found_by"] == "words"
    ids = [one["skill_id"] for one in told["skills"]]
    assert len(ids) == len(set(ids)) <= 3
    assert "s5" not in ids  # retired


@pytest.mark.parametrize("query", ["q=", "q=" + "a" * 201, "", "q=a&limit=0", "q=a&limit=101", "q=a&limit=x"])
def test_a_wrong_search_is_422(shared, query):
    assert shared.get(f"/v1/skills?{query}").status_code == 422


def test_the_openapi_document_knows_problem_details_and_no_other_error(shared):
    document = shared.get("/v1/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")) and (path, status) != ("/v1/ready", "503"):
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
    assert document["paths"]["/v1/extract"]["post"]["security"]
    assert not document["paths"]["/v1/health"]["get"].get("security")
