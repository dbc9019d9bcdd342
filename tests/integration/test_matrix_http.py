"""The table of who may do what, tried over HTTP: every action with a path, by every role and every token."""

from __future__ import annotations

from typing import Any

import pytest
from service_people import PASSWORD, Staffed, bear, name_person, staff
from starlette.testclient import TestClient

from people import ADMIN, make_actor
from seamark.governance.actions import ACTIONS, Action
from seamark.governance.actors import ROLES
from seamark.serving.app import make_app
from seamark.storage.audit import list_events
from seamark.storage.workspace import create_workspace

SERVED = [action for action in ACTIONS if action.http]
NARROWER = {"predict": (), "read": ("predict",), "write": ("predict", "read")}

# What a request of each action is made with: the path's words, and what httpx takes. `{role}` is who asks.
REQUESTS: dict[str, dict[str, Any]] = {
    "predict": {"json": {"text": "You teach Python"}},
    "batch.submit": {
        "params": {"filename": "a.csv", "text_column": "text"},
        "content": b"text\nYou teach Python\n",
    },
    "taxonomy.import": {"params": {"filename": "t.csv"}, "content": b"skill_id,title\n1,Python\n"},
    "taxonomy.use": {"json": {"taxonomy": "nothing"}},
    "examples.import": {"params": {"filename": "e.csv"}, "content": b"text,skill,relevant\na,b,1\n"},
    "trigger.fire": {"json": {"kind": "manual"}},
    "run.cancel": {"path": {"id": "run-1"}},
    "run.retry": {"path": {"id": "run-1"}},
    "promotion.request": {"json": {"version": "9.9.9", "stage": "uat"}},
    "promotion.approve": {"path": {"id": "promotion-1"}, "json": {"reason": "good"}},
    "promotion.reject": {"path": {"id": "promotion-1"}, "json": {"reason": "not good"}},
    "promotion.withdraw": {"path": {"id": "promotion-1"}},
    "stage.rollback": {"path": {"stage": "uat"}},
    "stage.set": {"path": {"stage": "uat"}, "json": {"capture": False}},
    "shadow.start": {"path": {"stage": "uat"}, "json": {"version": "9.9.9", "share": 5}},
    "shadow.stop": {"path": {"stage": "uat"}},
    "canary.stop": {"path": {"stage": "uat"}},
    "capture.read": {},
    "capture.delete": {"path": {"request_id": "0" * 64}},
    "capture.archive": {},
    "people.read": {},
    "people.add": {"json": {"name": "x y", "roles": ["viewer"]}},
    "people.change": {"path": {"name": "nobody"}, "json": {"active": False}},
    "people.password": {"path": {"name": "{role}"}, "json": {"password": PASSWORD}},
    "token.create": {"json": {"days": 1}},
    "token.revoke": {"path": {"id": "token-1"}},
    "audit.read": {},
    "read": {},
}


@pytest.fixture(scope="module")
def staffed(tmp_path_factory, tiny_bundle):
    with create_workspace(tmp_path_factory.mktemp("matrix") / "workspace", environ={}) as workspace:
        yield staff(workspace, tiny_bundle)


@pytest.fixture(scope="module")
def client(staffed: Staffed):
    return TestClient(make_app(staffed.workspace), raise_server_exceptions=False)


def send(client, action: Action, headers: dict[str, str], role: str = "administrator"):
    request = dict(REQUESTS[action.name])
    words = {name: word.format(role=name_person(role)) for name, word in request.pop("path", {}).items()}
    method, path = action.http.split(" ")
    return client.request(method, path.format(**words), headers=headers, **request)


def read_denials(staffed: Staffed, action: Action, name: str) -> int:
    with staffed.workspace.database.read() as connection:
        events = list_events(connection, action=action.name, actor=name, limit=1000)
    return sum(event.outcome == "denied" for event in events)


def test_every_action_with_a_path_has_a_request_and_a_route(client):
    assert set(REQUESTS) == {action.name for action in SERVED}
    paths = client.app.openapi()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {action.http for action in SERVED} - there == set()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", SERVED, ids=lambda action: action.name)
def test_a_role_may_do_what_the_table_says_and_nothing_else(staffed, client, action, role):
    name = name_person(role)
    before = read_denials(staffed, action, name)
    answer = send(client, action, bear(staffed.tokens[role]), role)
    if role in action.roles:
        assert answer.status_code not in (401, 403, 405, 415, 422 if action.name == "read" else 500), (
            answer.text
        )
        assert read_denials(staffed, action, name) == before
    else:
        assert answer.status_code == 403, answer.text
        assert answer.json()["type"] == "/problems/not-allowed"
        assert read_denials(staffed, action, name) == before + (action.scope == "write")


@pytest.mark.parametrize("action", SERVED, ids=lambda action: action.name)
def test_nobody_gets_in_without_a_token_or_with_a_wrong_one(staffed, client, action):
    wrong = {"Authorization": f"Bearer smk_{'A' * 43}"}
    for headers in ({}, wrong, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}):
        answer = send(client, action, headers)
        assert answer.status_code == 401, answer.text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "/problems/sign-in"


@pytest.mark.parametrize("action", SERVED, ids=lambda action: action.name)
def test_a_token_can_do_no_more_than_its_scopes(staffed, client, action):
    for scope in NARROWER[action.scope]:
        before = read_denials(staffed, action, ADMIN.name)
        answer = send(client, action, bear(staffed.narrow[scope]))
        assert answer.status_code == 403, answer.text
        assert f"the scope {action.scope}" in answer.json()["detail"]
        assert read_denials(staffed, action, ADMIN.name) == before + (action.scope == "write")


def test_a_barred_person_s_token_is_good_for_nothing(staffed, client):
    from seamark.governance.people import add_person, change_person
    from seamark.governance.tokens import create_token

    add_person(staffed.workspace, ADMIN, "barry", roles=["administrator"])
    secret = create_token(staffed.workspace, make_actor("barry", "administrator"), scopes=["write"])[1]
    assert client.get("/v1/promotions", headers=bear(secret)).status_code == 200
    change_person(staffed.workspace, ADMIN, "barry", active=False)
    assert client.get("/v1/promotions", headers=bear(secret)).status_code == 401
