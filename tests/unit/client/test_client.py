"""What the client sends, and what it makes of what comes back."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake_service import Reply, answer_extraction, make_problem, make_wire
from seamark.client import Client, connection
from seamark.errors import InputError, NotFoundError, ServiceError, SignInError, StorageError, UsageError
from seamark.extraction.document import Document


def test_a_text_gives_its_prediction_as_the_service_sent_it(client, service):
    prediction = client.extract("Teach Python.")
    assert prediction.original_input == "Teach Python."
    assert prediction.skills[0].title == "about Teach Python."
    wire = make_wire("Teach Python.") | {
        "timestamp": prediction.to_wire()["timestamp"],
        "requestId": prediction.request_id,
    }
    assert prediction.to_wire() == wire
    (request,) = service.requests
    assert (request.method, request.path, request.json) == ("POST", "/v1/extract", {"text": "Teach Python."})
    assert request.headers["authorization"] == "Bearer smk_secret"
    assert request.headers["content-type"] == "application/json"


def test_stage_and_facts_of_the_text_are_sent(client, service):
    client.extract("x", stage="uat", doc_id="a", kind="course", sector="Retail")
    client.extract(Document("y", "b", "posting"))
    first, second = service.requests
    assert first.path == "/v1/stages/uat/extract"
    assert first.json == {"text": "x", "id": "a", "kind": "course", "sector": "Retail"}
    assert second.json == {"text": "y", "id": "b", "kind": "posting"}


def test_a_stage_cannot_lead_to_another_path(client, service):
    client.extract("x", stage="../../metrics?")
    assert service.requests[0].path == "/v1/stages/..%2F..%2Fmetrics%3F/extract"


def test_without_a_token_none_is_sent(make_client, service):
    make_client(token="").extract("x")
    assert "authorization" not in service.requests[0].headers


@pytest.mark.parametrize("text", ["", "日本語 \x00 🦜", '"}\n', "a" * 300_000])
def test_any_text_goes_there_and_back(client, text):
    assert client.extract(text).original_input == text


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"]])
def test_what_is_no_text_is_refused_before_it_is_sent(client, service, text):
    with pytest.raises(InputError, match="expected a text"):
        client.extract(text)
    assert service.requests == []


def test_half_a_character_is_refused_before_it_is_sent(client, service):
    with pytest.raises(InputError, match="half a character"):
        client.extract("\ud800")
    with pytest.raises(InputError, match="half a character"):
        client.extract_many(["fine", "\udfff"])
    assert service.requests == []


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_many_texts_keep_their_order_over_as_many_requests_as_it_takes(client, service, count):
    texts = [f"text {i}" for i in range(count)]
    assert [found.original_input for found in client.extract_many(iter(texts))] == texts
    assert [len(request.json["texts"]) for request in service.requests] == [
        min(32, count - start) for start in range(0, count, 32)
    ]


def test_many_large_texts_are_parted_by_size(client, service):
    texts = ["é" * 200_000] * 5
    assert len(client.extract_many(texts)) == 5
    assert [len(request.json["texts"]) for request in service.requests] == [2, 2, 1]


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_what_a_stage_calls_too_large_is_sent_in_smaller_parts(client, service, limit):
    service.otherwise = lambda request: (
        make_problem(413, "too-many-texts")
        if len(request.json["texts"]) > limit
        else answer_extraction(request)
    )
    texts = [f"text {i}" for i in range(70)]
    assert [found.original_input for found in client.extract_many(texts)] == texts
    refused = [r for r in service.requests if len(r.json["texts"]) > limit]
    assert len(refused) <= 6, "a size that was refused is not tried for every part anew"


def test_one_text_that_is_too_large_is_an_error(client, service):
    service.otherwise = lambda request: make_problem(413, "too-large", found="a text of 9 characters")
    with pytest.raises(InputError, match="9 characters"):
        client.extract_many(["a", "b"])
    with pytest.raises(InputError, match="9 characters"):
        client.extract("a")


def test_fewer_predictions_than_texts_are_an_error(client, service):
    service.replies = [Reply(200, {"predictions": [make_wire("a")]})]
    with pytest.raises(ServiceError, match="can't be read"):
        client.extract_many(["a", "b"])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, raw=b"<html>sign in</html>", headers={"Content-Type": "text/html"}),
        Reply(200, raw=b""),
        Reply(200, raw=b"\xff\xfe"),
        Reply(200, raw=b"[" * 100_000),
        Reply(200, []),
        Reply(200, None),
        Reply(200, {"modelVersion": "1"}),
        Reply(200, make_wire("x") | {"timestamp": "yesterday"}),
        Reply(200, make_wire("x") | {"skillExtractOutput": [3]}),
    ],
)
def test_an_answer_that_is_no_prediction_is_an_error_and_not_tried_again(client, service, reply):
    service.replies = [reply]
    with pytest.raises(ServiceError, match="expected a prediction") as caught:
        client.extract("x")
    assert caught.value.status == 200
    assert len(service.requests) == 1


def test_fields_that_are_not_known_are_ignored(client, service):
    service.replies = [Reply(200, make_wire("x") | {"newField": {"a": 1}})]
    assert client.extract("x").original_input == "x"


def test_a_redirect_is_not_followed_for_the_token_would_go_along(client, service):
    service.replies = [Reply(307, "", headers={"Location": "http://127.0.0.1:1/elsewhere"})]
    with pytest.raises(ServiceError) as caught:
        client.extract("x")
    assert caught.value.status == 307
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("status", "ready", "state"), [(200, True, "ready"), (200, True, "degraded"), (503, False, "starting")]
)
def test_health_is_asked_for_once_and_not_being_ready_is_no_error(client, service, status, ready, state):
    service.replies = [Reply(status, {"ready": ready, "status": state, "stages": {}})]
    health = client.health()
    assert (health.ready, health.status, health.facts["stages"]) == (ready, state, {})
    assert [request.path for request in service.requests] == ["/v1/ready"]


def test_a_proxy_that_finds_no_service_is_an_error(client, service):
    service.replies = [Reply(503, raw=b"<h1>no backend</h1>"), Reply(502, raw=b"")]
    for _ in range(2):
        with pytest.raises(ServiceError):
            client.health()


def test_skills_are_searched_for(client, service):
    skill = {"skill_id": "S-1", "title": "SQL", "type": "tsc", "description": "d", "tags": ["new"]}
    service.replies = [Reply(200, {"version": "1.0.0", "skills": [skill | {"found_by": "words"}]})]
    (found,) = client.search_skills("sql & more", stage="uat", limit=3)
    assert (found.skill_id, found.title, found.tags, found.found_by) == ("S-1", "SQL", ("new",), "words")
    (request,) = service.requests
    assert (request.path, request.query) == ("/v1/stages/uat/skills", {"q": "sql & more", "limit": "3"})


def test_the_version_that_answers_is_described(client, service):
    facts = {"stage": "prod", "version": "1.2.3", "digest": "ab", "metrics": {"jaccard": 0.5}, "since": "now"}
    service.replies = [Reply(200, facts | {"taxonomy": {"name": "starter", "number": "1.0.0"}})]
    served = client.describe_version()
    assert (served.stage, served.version, served.taxonomy) == ("prod", "1.2.3", "starter@1.0.0")
    assert served.metrics["jaccard"] == 0.5
    assert served.facts["since"] == "now"
    assert service.requests[0].path == "/v1/version"


def test_a_service_that_is_away_is_an_error_with_its_cause(make_client):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for method in ("health", "describe_version"):
        with pytest.raises(ServiceError, match="no answer") as caught:
            getattr(make_client(url, retries=0), method)()
        assert caught.value.status == 0
        assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://host",
        "http://",
        "http://h:99999",
        "http://h?x=1",
        "http://[::1",
        "http://h:0",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError):
        Client(url)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(UsageError) as caught:
        Client("http://ada:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("token", ["smk_x\n", "smk x", "smk_é", "\x00"])
def test_a_token_that_cannot_be_one_is_refused_and_not_repeated(token):
    with pytest.raises(UsageError) as caught:
        Client("http://host", token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"timeout": 1e9}, {"retries": -1}]
)
def test_limits_that_make_no_sense_are_refused(options):
    with pytest.raises(UsageError):
        Client("http://host", **options)


def test_the_token_is_in_no_representation(make_client):
    client = make_client()
    assert "smk_secret" not in repr(client)
    assert "smk_secret" not in repr(getattr(client, "client", client))


def test_an_address_may_have_a_path_and_a_slash_at_its_end(make_client, service):
    make_client(f"{service.url}/skills/").extract("x")
    assert service.requests[0].path == "/skills/v1/extract"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_the_machine_and_itself(make_client, service, monkeypatch, host):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = make_client(service.url.replace("127.0.0.1", host), retries=0)
    assert client.extract("x").original_input == "x"


@pytest.mark.parametrize(
    ("url", "heeds"),
    [
        ("http://127.0.0.1", False),
        ("http://127.9.9.9:1", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
        ("https://skills.example.org", True),
        ("http://10.0.0.1", True),
        ("http://localhost.example.org", True),
    ],
)
def test_the_machines_proxies_are_used_for_other_machines_alone(url, heeds):
    assert connection.heeds_environment(url) is heeds


def test_one_client_serves_several_threads(service):
    texts = [f"text {i}" for i in range(40)]
    with Client(service.url) as client, ThreadPoolExecutor(8) as pool:
        assert [found.original_input for found in pool.map(client.extract, texts)] == texts


def test_a_file_is_sent_as_it_is_with_what_belongs_to_it(client, service, tmp_path):
    file = tmp_path / "posts ü.csv"
    file.write_bytes(b"id,text\n1,Teach\n" * 100_000)
    service.replies = [Reply(202, {"id": "batch-1", "status": "queued", "stage": "prod", "version": "1.0.0"})]
    job = client.submit_batch(file, text_column="text", id_column="id", stage="prod")
    assert (job.job_id, job.status, job.version, job.is_over) == ("batch-1", "queued", "1.0.0", False)
    (request,) = service.requests
    assert request.body == file.read_bytes()
    assert request.query == {
        "filename": "posts ü.csv",
        "text_column": "text",
        "id_column": "id",
        "stage": "prod",
    }


def test_a_file_that_is_not_there_is_bad_input(client, service, tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv"):
        client.submit_batch(tmp_path / "nothing.csv", text_column="text")
    assert service.requests == []


def test_a_folder_is_no_file(client, service, tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        client.submit_batch(tmp_path, text_column="text")
    assert service.requests == []


def test_a_job_is_waited_for(client, service):
    states = [("queued", 0), ("running", 5), ("succeeded", 10)]
    service.replies = [
        Reply(200, {"id": "b", "status": status, "done": done, "total": 10}) for status, done in states
    ]
    job = client.wait_for_batch("b", poll_seconds=0.01)
    assert (job.status, job.done, job.total) == ("succeeded", 10, 10)
    assert [request.path for request in service.requests] == ["/v1/batch-jobs/b"] * 3


def test_a_job_that_takes_too_long_is_an_error(client, service):
    service.otherwise = lambda request: Reply(200, {"id": "b", "status": "running"})
    with pytest.raises(ServiceError, match="still running"):
        client.wait_for_batch("b", poll_seconds=0.01, timeout=0.05)


def test_a_result_is_written_whole_over_what_was_there(client, service, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    rows = b"".join(json.dumps({"id": i}).encode() + b"\n" for i in range(50_000))
    service.replies = [Reply(200, raw=rows), Reply(200, raw=b"set aside")]
    assert client.fetch_batch_result("b", output) == output
    assert output.read_bytes() == rows
    client.fetch_batch_result("b", tmp_path / "q.jsonl", quarantine=True)
    assert (tmp_path / "q.jsonl").read_bytes() == b"set aside"
    assert [r.path for r in service.requests] == ["/v1/batch-jobs/b/result", "/v1/batch-jobs/b/quarantine"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "q.jsonl"]


def test_a_result_that_is_refused_or_cut_short_leaves_what_was_there(make_client, service, tmp_path):
    client, output = make_client(retries=0), tmp_path / "out.jsonl"
    output.write_text("old")
    service.replies = [
        make_problem(404),
        Reply(200, raw=b"half", headers={"Content-Length": "100", "Connection": "close"}),
    ]
    with pytest.raises(NotFoundError):
        client.fetch_batch_result("b", output)
    with pytest.raises(ServiceError):
        client.fetch_batch_result("b", output)
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert output.read_text() == "old"


def test_a_result_that_cannot_be_written_is_a_storage_error(client, service, tmp_path):
    service.replies = [Reply(200, raw=b"rows")]
    with pytest.raises(StorageError, match=r"out\.jsonl"):
        client.fetch_batch_result("b", tmp_path / "no-such-folder" / "out.jsonl")


def test_a_wrong_token_is_a_sign_in_error(client, service):
    service.replies = [make_problem(401, "sign-in", detail="the token is not known")]
    with pytest.raises(SignInError, match="not known"):
        client.extract("x")
