"""Managing a workspace over HTTP: the same functions as the command line's, with JSON and files."""

from __future__ import annotations

import json

import pytest
from service_people import PASSWORD, Staffed, bear, finish_job, staff
from starlette.testclient import TestClient

from people import ADMIN, make_actor
from seamark.governance.people import add_person
from seamark.governance.tokens import create_token
from seamark.pipelines.batch_jobs import get_job
from seamark.serving.app import make_app
from seamark.storage.workspace import create_workspace, open_workspace
from tiny_models import make_bundle
from tiny_versions import register_tiny

TABLE = b"id,description\na1,You teach Python\na2,\n"


@pytest.fixture(scope="module")
def second_bundle(tmp_path_factory, tiny_settings):
    root = tmp_path_factory.mktemp("second")
    return make_bundle(root / "bundle", root, tiny_settings, threshold=0.1)


@pytest.fixture
def staffed(tmp_path, tiny_bundle, database_url, monkeypatch):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    monkeypatch.setenv("SEAMARK_SERVICE_BATCH_MB", "1")
    monkeypatch.setenv("SEAMARK_THREADS", "1")
    create_workspace(tmp_path / "workspace").close()
    with open_workspace(tmp_path / "workspace") as workspace:
        yield staff(workspace, tiny_bundle)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, tiny_bundle):
    """A workspace for requests that change nothing."""
    folder = tmp_path_factory.mktemp("lasting") / "workspace"
    with create_workspace(folder, environ={"SEAMARK_SERVICE_BATCH_MB": "1"}) as workspace:
        yield staff(workspace, tiny_bundle)


def make_asker(staffed: Staffed):
    """A function that sends a request in the name of a role."""
    client = TestClient(make_app(staffed.workspace), raise_server_exceptions=False)

    def send(role: str, method: str, path: str, **options):
        return client.request(method, path, headers=bear(staffed.tokens[role]), **options)

    return send


@pytest.fixture
def ask(staffed: Staffed):
    return make_asker(staffed)


@pytest.fixture
def ask_in_vain(lasting: Staffed):
    return make_asker(lasting)


def submit(ask, role="viewer", content=TABLE, **params):
    told = {"filename": "postings.csv", "text_column": "description", "stage": "prod", **params}
    return ask(role, "POST", "/v1/batch-jobs", params=told, content=content)


def list_uploads(workspace) -> list[str]:
    folder = workspace.cache / "uploads"
    return [str(path) for path in folder.rglob("*")] if folder.exists() else []


# ---- promotions and stages


def test_a_version_is_promoted_approved_and_rolled_back(staffed, ask, second_bundle):
    number = register_tiny(staffed.workspace, second_bundle, "second").number
    asked = ask(
        "data-scientist",
        "POST",
        "/v1/promotions",
        json={"version": number, "stage": "uat", "reason": "better"},
    )
    assert asked.status_code == 201, asked.text
    promotion = asked.json()
    assert (promotion["status"], promotion["requested_by"]) == ("waiting", "the-data-scientist")
    assert (promotion["replaces"], promotion["reason"]) == ("1.0.0", "better")
    assert promotion["evidence"]
    again = ask("data-scientist", "POST", "/v1/promotions", json={"version": number, "stage": "uat"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")

    path = f"/v1/promotions/{promotion['id']}"
    approved = ask("approver", "POST", f"{path}/approve", json={"reason": "seen"}).json()
    assert (approved["status"], approved["decided_by"]) == ("approved", "the-approver")
    assert ask("viewer", "GET", path).json() == approved
    assert ask("viewer", "GET", "/v1/promotions", params={"stage": "uat"}).json()["promotions"][0] == approved
    assert ask("viewer", "GET", f"/v1/versions/{number}").json()["stages"] == ["dev", "uat"]

    back = ask("approver", "POST", "/v1/stages/dev/rollback", json={"reason": "worse"}).json()
    assert (back["kind"], back["version"], back["stage"]) == ("rollback", "1.0.0", "dev")


def test_on_prod_nobody_approves_what_they_asked_for(staffed, ask, second_bundle):
    number = register_tiny(staffed.workspace, second_bundle, "second").number
    for stage, approver in (("uat", "administrator"), ("prod", "administrator")):
        asked = ask("administrator", "POST", "/v1/promotions", json={"version": number, "stage": stage})
        assert asked.status_code == 201, asked.text
        path = f"/v1/promotions/{asked.json()['id']}/approve"
        answer = ask(approver, "POST", path)
        assert answer.status_code == (200 if stage == "uat" else 403), answer.text
    assert ask("approver", "POST", path).status_code == 200


def test_a_promotion_is_rejected_with_a_reason_or_withdrawn(staffed, ask, second_bundle):
    number = register_tiny(staffed.workspace, second_bundle, "second").number
    body = {"version": number, "stage": "uat", "canary": 10}
    first = ask("data-scientist", "POST", "/v1/promotions", json=body).json()
    assert (first["kind"], first["share"]) == ("canary", 10.0)
    path = f"/v1/promotions/{first['id']}"
    assert ask("approver", "POST", f"{path}/reject", json={}).status_code == 422
    assert ask("approver", "POST", f"{path}/reject", json={"reason": "no"}).json()["decision_reason"] == "no"
    second = ask("data-scientist", "POST", "/v1/promotions", json=body).json()
    path = f"/v1/promotions/{second['id']}/withdraw"
    assert ask("data-scientist", "POST", path).json()["status"] == "withdrawn"
    assert ask("data-scientist", "POST", path).status_code == 409


def test_a_shadow_comes_and_goes(staffed, ask, second_bundle):
    number = register_tiny(staffed.workspace, second_bundle, "second").number
    started = ask("data-scientist", "PUT", "/v1/stages/prod/shadow", json={"version": number, "share": 5})
    assert (started.json()["version"], started.json()["share"]) == (number, 5.0)
    assert ask("data-scientist", "DELETE", "/v1/stages/prod/shadow").json()["kind"] == "shadow"
    assert ask("data-scientist", "DELETE", "/v1/stages/prod/shadow").status_code == 404


def test_stage_settings_change_one_by_one_and_null_gives_the_default_back(ask):
    path = "/v1/stages/prod/settings"
    changed = ask("approver", "PATCH", path, json={"sampling_percent": 20, "capture": False}).json()
    assert (changed["sampling_percent"], changed["capture"], changed["max_texts"]) == (20.0, False, 32)
    assert ask("viewer", "GET", path).json() == changed
    assert ask("approver", "PATCH", path, json={"capture": None}).json()["capture"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"no_such": 1}, 400),
        ({"max_texts": 0}, 400),
        ({"max_texts": "many"}, 400),
        ({"capture": []}, 422),
        ([], 422),
    ],
)
def test_a_setting_that_can_not_be_is_refused(ask_in_vain, body, status):
    answer = ask_in_vain("approver", "PATCH", "/v1/stages/prod/settings", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ask_in_vain("viewer", "GET", "/v1/stages/prod/settings").json()["max_texts"] == 32


@pytest.mark.parametrize(
    "path", ["/v1/stages/qa/settings", "/v1/runs/run-1", "/v1/versions/9.9.9", "/v1/promotions/x"]
)
def test_what_there_is_not_is_404(ask_in_vain, path):
    answer = ask_in_vain("viewer", "GET", path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


# ---- people, tokens, audit


def test_people_are_added_changed_and_get_passwords(ask):
    body = {"name": "nora", "roles": ["viewer"], "password": PASSWORD}
    made = ask("administrator", "POST", "/v1/people", json=body)
    assert made.status_code == 201
    assert made.json()["has_password"] is True
    assert PASSWORD not in made.text
    assert ask("administrator", "POST", "/v1/people", json=body).status_code == 409
    barred = ask("administrator", "PATCH", "/v1/people/nora", json={"active": False, "roles": ["approver"]})
    assert (barred.json()["active"], barred.json()["roles"]) == (False, ["approver"])
    people = ask("administrator", "GET", "/v1/people").json()["people"]
    assert "nora" in [person["name"] for person in people]
    assert (
        ask("administrator", "PUT", "/v1/people/nora/password", json={"password": "short"}).status_code == 400
    )


def test_a_wrong_password_never_stands_in_the_answer(ask_in_vain):
    answer = ask_in_vain(
        "administrator", "PUT", "/v1/people/nora/password", json={"password": ["hunter2 hunter2"]}
    )
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_a_token_is_shown_once_works_and_is_revoked(staffed, ask):
    made = ask("viewer", "POST", "/v1/tokens", json={"title": "mine", "scopes": ["read"]})
    assert made.status_code == 201
    token = made.json()
    listed = ask("viewer", "GET", "/v1/tokens")
    assert token["id"] in [each["id"] for each in listed.json()["tokens"]]
    assert token["secret"] not in listed.text
    client = TestClient(make_app(staffed.workspace))
    assert client.get("/v1/runs", headers=bear(token["secret"])).status_code == 200
    assert ask("reviewer", "DELETE", f"/v1/tokens/{token['id']}").status_code == 404
    assert ask("viewer", "DELETE", f"/v1/tokens/{token['id']}").json()["status"] == "revoked"
    assert client.get("/v1/runs", headers=bear(token["secret"])).status_code == 401
    assert ask("viewer", "POST", "/v1/tokens", json={"person": ADMIN.name}).status_code == 403


def test_the_audit_trail_names_the_person_and_the_door(ask):
    ask("approver", "PATCH", "/v1/stages/uat/settings", json={"top": 5}, params={"reason": "less"})
    params = {"action": "stage.set", "limit": 1}
    (event,) = ask("viewer", "GET", "/v1/audit", params=params).json()["events"]
    assert (event["actor"], event["actor_kind"], event["via"]) == ("the-approver", "token", "http")
    assert (event["subject"], event["reason"], event["after"]) == ("uat", "less", {"top": 5})
    report = ask("viewer", "GET", "/v1/audit/verify").json()
    assert (report["sound"], report["faults"]) == (True, [])
    head = report["head"]
    kept = f"{head['seq']}:{'0' * 64}"
    assert ask("viewer", "GET", "/v1/audit/verify", params={"expect": kept}).json()["sound"] is False


# ---- files


def test_a_file_is_extracted_by_a_job_and_fetched(staffed, ask):
    asked = submit(ask, id_column="id")
    assert asked.status_code == 202, asked.text
    job = asked.json()
    assert (job["status"], job["stage"], job["version"], job["who"]) == (
        "queued",
        "prod",
        "1.0.0",
        "the-viewer",
    )
    path = f"/v1/batch-jobs/{job['id']}"
    assert ask("viewer", "GET", f"{path}/result").status_code == 409
    finish_job(staffed.workspace, job["id"])
    done = ask("viewer", "GET", path).json()
    assert (done["status"], done["has_result"], done["has_quarantine"]) == ("succeeded", True, True)
    result = ask("viewer", "GET", f"{path}/result")
    assert result.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in result.text.splitlines()]
    assert [(row["id"], row["extractStatus"]) for row in rows] == [("a1", "ok"), ("a2", "empty")]
    aside = ask("viewer", "GET", f"{path}/quarantine").text
    assert json.loads(aside)["id"] == "a2"
    assert list_uploads(staffed.workspace) == []


def test_somebody_else_s_job_is_not_there(staffed, ask):
    job = submit(ask).json()
    for end in ("", "/result", "/quarantine"):
        assert ask("reviewer", "GET", f"/v1/batch-jobs/{job['id']}{end}").status_code == 404
    assert ask("reviewer", "GET", "/v1/batch-jobs").json() == {"batch_jobs": []}
    assert [each["id"] for each in ask("viewer", "GET", "/v1/batch-jobs").json()["batch_jobs"]] == [job["id"]]
    assert ask("administrator", "GET", f"/v1/batch-jobs/{job['id']}").status_code == 200


def test_without_a_stage_the_server_s_own_one_answers(ask):
    answer = ask(
        "viewer",
        "POST",
        "/v1/batch-jobs",
        params={"filename": "p.csv", "text_column": "description"},
        content=TABLE,
    )
    assert answer.json()["stage"] == "prod"


@pytest.mark.parametrize(
    ("content", "params", "status", "found"),
    [
        (b"", {}, 422, "the body is empty"),
        (b"\xff\xfea\x00", {}, 422, "postings.csv"),
        (TABLE, {"text_column": "text"}, 400, "postings.csv has no column 'text'"),
        (TABLE, {"filename": "postings.exe"}, 400, "the file is named 'postings.exe'"),
        (TABLE, {"filename": "///"}, 400, "the file is named"),
        (TABLE, {"filename": "a\x00.csv"}, 400, "the file is named"),
        (TABLE, {"stage": "qa"}, 422, ""),
        (b"description\n" + b"x" * 1_000_001, {}, 413, "the file is too large"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_and_leaves_nothing(
    lasting, ask_in_vain, content, params, status, found
):
    answer = submit(ask_in_vain, content=content, **params)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert found in answer.json().get("found", "")
    assert str(lasting.workspace.folder) not in answer.text
    assert ask_in_vain("viewer", "GET", "/v1/batch-jobs").json() == {"batch_jobs": []}
    assert lasting.workspace.store.list("batch") == []
    assert list_uploads(lasting.workspace) == []


def test_a_file_of_unknown_length_is_counted_while_it_comes(lasting, ask_in_vain):
    def send():
        for _ in range(20):
            yield b"x" * 100_000

    answer = submit(ask_in_vain, content=send())
    assert answer.status_code == 413, answer.text
    assert list_uploads(lasting.workspace) == []


def test_names_cannot_lead_out_of_the_upload(staffed, ask):
    job = submit(ask, filename="../../../outside.csv").json()
    assert job["filename"] == "outside.csv"
    assert get_job(staffed.workspace, ADMIN, job["id"]).filename == "outside.csv"
    assert not list(staffed.workspace.folder.rglob("outside.csv"))


def test_a_taxonomy_and_examples_are_imported_from_files(ask):
    params = {"filename": "own.csv", "name": "own"}
    content = b"skill_id,title\n1,Python\n2,Teach\n"
    first = ask("data-scientist", "POST", "/v1/taxonomies", params=params, content=content)
    assert first.status_code == 200, first.text
    assert (first.json()["release"], first.json()["created"], first.json()["source"]) == (
        "1.0.0",
        True,
        "own.csv",
    )
    again = ask("data-scientist", "POST", "/v1/taxonomies", params=params, content=content).json()
    assert (again["release"], again["created"]) == ("1.0.0", False)
    live = ask("data-scientist", "POST", "/v1/taxonomies/live", json={"taxonomy": "own"}).json()
    assert (live["name"], live["live"]) == ("own", True)
    releases = ask("viewer", "GET", "/v1/taxonomies").json()["taxonomies"]
    assert [(one["name"], one["live"]) for one in releases] == [("own", True)]

    labels = b"body,skill,relevant\nYou teach Python,Python,1\n"
    told = {"filename": "labels.csv", "map": "text=body", "kind": "posting"}
    report = ask("data-scientist", "POST", "/v1/examples", params=told, content=labels)
    assert report.status_code == 200, report.text
    assert (report.json()["added"], report.json()["taxonomy"]) == (1, "own@1.0.0")
    wrong = ask("data-scientist", "POST", "/v1/examples", params={**told, "map": "text"}, content=labels)
    assert (wrong.status_code, wrong.json()["expected"]) == (400, "NAME=COLUMN, such as text=sentence")


def test_a_damaged_taxonomy_is_refused_by_its_name(lasting, ask_in_vain):
    params = {"filename": "own.csv", "name": "own"}
    answer = ask_in_vain("data-scientist", "POST", "/v1/taxonomies", params=params, content=b"a,b\n1,2\n")
    assert answer.status_code == 422
    assert "own.csv" in answer.json()["detail"]
    assert str(lasting.workspace.folder) not in answer.text


# ---- runs


def test_a_run_is_started_cancelled_and_queued_again(ask):
    body = {"kind": "code-update", "commit": "abc123"}
    fired = ask("data-scientist", "POST", "/v1/triggers", json=body)
    assert (fired.status_code, fired.json()["created"], fired.json()["status"]) == (202, True, "queued")
    again = ask("data-scientist", "POST", "/v1/triggers", json=body).json()
    assert (again["run"], again["created"]) == (fired.json()["run"], False)
    path = f"/v1/runs/{again['run']}"
    assert ask("data-scientist", "POST", f"{path}/cancel").json()["status"] == "cancelled"
    assert ask("data-scientist", "POST", f"{path}/cancel").status_code == 409
    assert ask("data-scientist", "POST", f"{path}/retry").json()["attempt"] == 2
    assert ask("viewer", "GET", path).json()["payload"] == {"commit": "abc123", "who": "the-data-scientist"}
    assert ask("data-scientist", "POST", "/v1/triggers", json={"kind": "code-update"}).status_code == 400
    listed = ask("viewer", "GET", "/v1/runs", params={"status": "queued"}).json()["runs"]
    assert [run["run"] for run in listed] == [again["run"]]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_texts_that_no_database_keeps_are_refused(ask, text):
    body = json.dumps({"version": "1.0.0", "stage": "uat", "reason": text})
    options = {"content": body.encode(), "params": {}}
    answer = ask("data-scientist", "POST", "/v1/promotions", **options)
    assert answer.status_code in (400, 415, 422)
    for path in ("/v1/runs/%00", "/v1/people/%00/password", "/v1/captures/%00"):
        assert ask("administrator", "GET", path).status_code in (404, 405, 422)
    assert ask("viewer", "GET", "/v1/audit", params={"subject": "\x00"}).status_code == 422


def test_a_token_of_a_person_who_lost_a_role_loses_it_too(staffed, ask):
    add_person(staffed.workspace, ADMIN, "otto", roles=["approver", "viewer"])
    secret = create_token(staffed.workspace, make_actor("otto", "approver"), scopes=["write"])[1]
    client = TestClient(make_app(staffed.workspace))
    path = "/v1/stages/uat/settings"
    assert client.patch(path, json={"top": 3}, headers=bear(secret)).status_code == 200
    ask("administrator", "PATCH", "/v1/people/otto", json={"roles": ["viewer"]})
    assert client.patch(path, json={"top": 4}, headers=bear(secret)).status_code == 403


def test_a_file_s_name_is_told_to_its_owner_alone_and_to_administrators(ask):
    job = submit(ask, role="reviewer", filename="jane-doe.csv").json()["id"]
    for role, sees in (("reviewer", True), ("administrator", True), ("viewer", False), ("approver", False)):
        one = ask(role, "GET", f"/v1/runs/{job}")
        listed = ask(role, "GET", "/v1/runs")
        trail = ask(role, "GET", "/v1/audit", params={"action": "batch.submit"})
        assert one.json()["payload"]["who"] == "the-reviewer"
        assert [("jane-doe" in answer.text) for answer in (one, listed, trail)] == [sees, sees, False]
    cancelled = ask("data-scientist", "POST", f"/v1/runs/{job}/cancel")
    assert (cancelled.status_code, "jane-doe" in cancelled.text) == (200, False)


def log_in(ask, name: str, password: str, **more):
    return ask("viewer", "POST", "/v1/login", json={"name": name, "password": password, **more})


def test_a_person_signs_in_with_a_password_and_an_administrator_in_nobody_s_name(staffed, ask):
    body = {"name": "ann", "roles": ["approver"], "password": PASSWORD}
    assert ask("administrator", "POST", "/v1/people", json=body).status_code == 201
    for scopes, status in ((["predict", "read"], 201), (["write"], 403), (["read", "write"], 403)):
        made = ask("administrator", "POST", "/v1/tokens", json={"person": "ann", "scopes": scopes})
        assert made.status_code == status, made.text
    token = log_in(ask, "ann", PASSWORD, title="a laptop", days=2)
    assert (token.status_code, token.json()["person"], token.json()["scopes"]) == (201, "ann", ["write"])
    assert token.headers["Cache-Control"] == "no-store"
    client = TestClient(make_app(staffed.workspace))
    settings = client.patch("/v1/stages/uat/settings", json={"top": 3}, headers=bear(token.json()["secret"]))
    assert settings.status_code == 200
    newest = ask("viewer", "GET", "/v1/audit", params={"action": "token.create"}).json()["events"][0]
    assert (newest["actor"], newest["via"], newest["subject"]) == ("ann", "http", "ann")
    assert PASSWORD not in json.dumps(newest)


def test_a_wrong_password_says_what_an_unknown_name_says_and_a_barred_one(staffed, ask):
    for name in ("ann", "barred"):
        add_person(staffed.workspace, ADMIN, name, roles=["approver"], password=PASSWORD)
    ask("administrator", "PATCH", "/v1/people/barred", json={"active": False})
    tried = (("ann", "wrong horse battery"), ("nobody", PASSWORD), ("barred", PASSWORD), ("the-viewer", ""))
    answers = [log_in(ask, *one) for one in tried]
    assert {one.status_code for one in answers} == {401}
    assert len({one.json()["detail"] for one in answers}) == 1
    assert PASSWORD not in "".join(one.text for one in answers)


def test_attempts_to_sign_in_are_limited_for_each_name_and_for_all(ask_in_vain, monkeypatch):
    monkeypatch.setattr("seamark.serving.api.tokens._A_MINUTE_EACH", 2)
    monkeypatch.setattr("seamark.serving.api.tokens._A_MINUTE", 4)
    names = ["eve", "eve", "eve", "ann", "bob"]
    answers = [log_in(ask_in_vain, name, "no such password") for name in names]
    assert [one.status_code for one in answers] == [401, 401, 429, 401, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_body_to_sign_in_with_is_small(ask_in_vain):
    assert log_in(ask_in_vain, "ann", "x" * 20_000).status_code == 413
    assert log_in(ask_in_vain, "ann", "x" * 2_000).status_code == 422


@pytest.mark.parametrize("name", ["..", "a/..", "a\\..", ".", "/", "a\x00b.csv", "a\nb.csv", "x" * 201])
def test_what_is_no_file_name_is_refused_before_anything_is_written(lasting, ask_in_vain, name):
    answer = submit(ask_in_vain, filename=name)
    assert answer.status_code in (400, 422), answer.text
    assert list_uploads(lasting.workspace) == []


def test_answers_stay_in_no_cache_and_are_no_pages(ask_in_vain):
    for method, path in (
        ("GET", "/v1/people"),
        ("GET", "/v1/captures"),
        ("GET", "/nothing"),
        ("GET", "/ping"),
    ):
        headers = ask_in_vain("administrator", method, path).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_file_that_the_disk_has_no_room_for_is_answered_with_503(lasting, ask_in_vain, monkeypatch):
    def fill(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seamark.serving.api.uploads.tempfile.TemporaryDirectory", fill)
    answer = submit(ask_in_vain)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/storage-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert lasting.workspace.store.list("batch") == []
