from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from people import ADMIN
from seamark.errors import SignInError, StorageError
from seamark.governance.actions import ACTIONS
from seamark.governance.people import change_person
from seamark.governance.tokens import list_tokens, revoke_token
from seamark.serving import auth
from seamark.serving.auth import Authenticator


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_request(header: str | None = None, host: str = "10.0.0.1") -> Request:
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    return Request({"type": "http", "headers": headers, "client": (host, 1)})


def ask(authenticator: Authenticator, secret: str, action: str = "predict", **more: Any) -> Any:
    return asyncio.run(authenticator(make_request(f"Bearer {secret}", **more), action))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(workspace, clock) -> Authenticator:
    return Authenticator(workspace, clock=clock)


@pytest.fixture
def asked(monkeypatch) -> SimpleNamespace:
    """Counts the times that the database was asked, and takes it away."""
    counted = SimpleNamespace(times=0, away=False, gate=threading.Event())
    counted.gate.set()
    real = auth.identify

    def identify(*args, **options):
        counted.times += 1
        assert counted.gate.wait(60)
        if counted.away:
            raise StorageError("the database is away")
        return real(*args, **options)

    monkeypatch.setattr(auth, "identify", identify)
    return counted


def test_a_token_names_its_person_with_where_they_ask_from(authenticator, secrets):
    actor = ask(authenticator, secrets["vera"], host="10.1.2.3")
    assert (actor.name, actor.roles, actor.via, actor.address) == (
        "vera",
        frozenset({"viewer"}),
        "http",
        "10.1.2.3",
    )
    assert ask(authenticator, secrets["vera"], host="10.9.9.9").address == "10.9.9.9"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer smk_wrong", "Bearer " + "a" * 5000, "Bearer größe"],
)
@pytest.mark.parametrize("action", ["predict", "read"])
def test_no_token_or_a_wrong_one_is_refused(authenticator, header, action):
    with pytest.raises(SignInError):
        asyncio.run(authenticator(make_request(header), action))


def test_the_scheme_is_taken_in_any_case(authenticator, secrets):
    assert asyncio.run(authenticator(make_request(f"bearer {secrets['vera']}"), "predict")).name == "vera"


def test_predictions_ask_the_database_every_few_seconds_alone(authenticator, secrets, clock, asked):
    for _ in range(10):
        ask(authenticator, secrets["vera"])
    assert asked.times == 1
    clock.now += auth.FRESH_SECONDS
    ask(authenticator, secrets["vera"])
    assert asked.times == 2


def test_everything_else_asks_the_database_each_time(authenticator, secrets, asked):
    for _ in range(3):
        ask(authenticator, secrets["admin"], "read")
    assert asked.times == 3


def test_a_revoked_token_is_refused_at_once_for_all_but_predictions_and_there_soon(
    authenticator, workspace, secrets, clock
):
    ask(authenticator, secrets["vera"])
    token = list_tokens(workspace, ADMIN, person="vera")[0]
    revoke_token(workspace, ADMIN, token.id)
    with pytest.raises(SignInError):
        ask(authenticator, secrets["vera"], "read")
    clock.now += auth.FRESH_SECONDS
    with pytest.raises(SignInError):
        ask(authenticator, secrets["vera"])


def test_a_person_who_is_barred_is_refused(authenticator, workspace, secrets):
    change_person(workspace, ADMIN, "vera", active=False)
    with pytest.raises(SignInError):
        ask(authenticator, secrets["vera"])


def test_who_was_known_goes_on_predicting_while_the_database_is_away_for_a_while(
    authenticator, secrets, clock, asked
):
    ask(authenticator, secrets["vera"])
    asked.away = True
    for _ in range(2):
        clock.now += auth.AWAY_SECONDS / 2 - 1
        assert ask(authenticator, secrets["vera"]).name == "vera"
    assert asked.times == 3
    clock.now += 2
    with pytest.raises(StorageError):
        ask(authenticator, secrets["vera"])
    with pytest.raises(StorageError):
        ask(authenticator, secrets["admin"])


def test_a_token_that_expired_meanwhile_is_refused_whatever_the_database_says(
    authenticator, secrets, clock, asked, monkeypatch
):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=91)

    ask(authenticator, secrets["vera"])
    asked.away = True
    clock.now += auth.FRESH_SECONDS
    ask(authenticator, secrets["vera"])
    monkeypatch.setattr(auth, "datetime", Later)
    with pytest.raises(StorageError):  # who it is now only the database can say
        ask(authenticator, secrets["vera"])


@pytest.mark.parametrize("action", sorted(one.name for one in ACTIONS if one.name != "predict"))
def test_whoever_is_known_does_nothing_but_predict_while_the_database_is_away(
    authenticator, secrets, asked, action
):
    ask(authenticator, secrets["admin"])
    asked.away = True
    assert ask(authenticator, secrets["admin"]).name == ADMIN.name
    with pytest.raises(StorageError):
        ask(authenticator, secrets["admin"], action)


def test_a_database_that_is_known_to_be_away_is_not_asked(workspace, secrets, clock, asked):
    away = SimpleNamespace(now=False)
    authenticator = Authenticator(workspace, clock=clock, is_away=lambda: away.now)
    ask(authenticator, secrets["vera"])
    away.now = True
    clock.now += auth.AWAY_SECONDS - 1
    ask(authenticator, secrets["vera"])
    assert asked.times == 1


def test_only_predictions_may_go_without_a_token_where_that_is_set(workspace, secrets):
    authenticator = Authenticator(workspace, anonymous=True)
    actor = asyncio.run(authenticator(make_request(), "predict"))
    assert (actor.name, actor.scopes) == ("anonymous", frozenset({"predict"}))
    with pytest.raises(SignInError):
        asyncio.run(authenticator(make_request(), "read"))
    with pytest.raises(SignInError):
        ask(authenticator, "smk_wrong")


def test_the_number_of_remembered_tokens_is_bounded(authenticator, secrets, monkeypatch):
    monkeypatch.setattr(auth, "_MOST", 1)
    ask(authenticator, secrets["vera"])
    ask(authenticator, secrets["admin"])
    assert len(authenticator._known) == 1


def test_a_database_that_does_not_answer_keeps_nobody_known_from_predicting(
    authenticator, secrets, clock, asked, monkeypatch
):
    monkeypatch.setattr(auth, "PATIENCE_SECONDS", 0.01)
    ask(authenticator, secrets["vera"])
    clock.now += auth.FRESH_SECONDS
    asked.gate.clear()

    async def ask_twice() -> list[str]:
        names = [
            (await authenticator(make_request(f"Bearer {secrets['vera']}"), "predict")).name for _ in "ab"
        ]
        asked.gate.set()  # the loop waits for its threads when it closes
        return names

    assert asyncio.run(ask_twice()) == ["vera", "vera"]
    assert asked.times == 2  # and it is left alone for some seconds
    clock.now += auth.FRESH_SECONDS
    ask(authenticator, secrets["vera"])
    assert asked.times == 3
