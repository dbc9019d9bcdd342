"""Promotions, rollbacks and kills under load: no request fails, and nothing that was sampled is lost or twice.

The same with a real model and for longer: ``SEAMARK_LOAD_ROUNDS=50 pytest tests/integration/test_service_load.py``.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from service_process import Answer, Clients, ServerProcess, free_port

from people import list_audit, make_actor
from seamark.capture.record import is_sampled
from seamark.delivery.promotions import approve_promotion, get_promotion, request_promotion
from seamark.delivery.rollback import roll_back
from seamark.delivery.stage_settings import set_stage
from seamark.governance.people import add_first_administrator
from seamark.governance.tokens import create_token
from seamark.settings import Settings
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_models import TAXONOMY, make_bundle
from tiny_versions import register_tiny

pytestmark = pytest.mark.slow

_ROUNDS = int(os.environ.get("SEAMARK_LOAD_ROUNDS", "10"))
_SAMPLED = 60.0
_ASKER = make_actor("asker", "data-scientist")
_APPROVER = make_actor("approver", "approver")


def _edit(edition: str):
    """The tiny taxonomy with titles that say which version predicted them."""
    skills = (replace(skill, title=f"{skill.title}, edition {edition}") for skill in TAXONOMY.skills)
    return replace(TAXONOMY, skills=tuple(skills))


def _make_versions(workspace: Workspace, root: Path, settings: Settings) -> None:
    for number in ("1.0.0", "1.0.1"):
        bundle = make_bundle(root / number, root, settings, taxonomy=_edit(number))
        assert register_tiny(workspace, bundle, key=number).number == number


@pytest.fixture
def stand(tmp_path: Path, tiny_settings: Settings):
    """A workspace with 1.0.0 on PROD and 1.0.1 signed off on UAT, and a token to predict."""
    environ = {"SEAMARK_HOME": str(tiny_settings.home)}
    with create_workspace(tmp_path / "workspace", environ=environ):
        pass
    with open_workspace(tmp_path / "workspace", environ=environ) as workspace:
        _make_versions(workspace, tmp_path / "bundles", tiny_settings)
        add_first_administrator(workspace, "ada")
        admin = make_actor("ada", "administrator")
        set_stage(workspace, admin, "prod", {"sampling_percent": _SAMPLED})
        for version, stage in (("1.0.0", "uat"), ("1.0.1", "uat"), ("1.0.0", "prod")):
            _promote(workspace, version, stage)
        _, secret = create_token(workspace, admin, scopes=("predict",))
        yield workspace, secret


def _promote(workspace: Workspace, version: str, stage: str) -> str:
    asked = request_promotion(workspace, _ASKER, version, stage=stage)
    return approve_promotion(workspace, _APPROVER, asked.id).id


def _wait_until_live(workspace: Workspace, promotion_id: str) -> None:
    deadline = time.monotonic() + 60
    while get_promotion(workspace, promotion_id).status != "live":
        assert time.monotonic() < deadline, get_promotion(workspace, promotion_id)
        time.sleep(0.05)


def _read_captures(workspace: Workspace) -> list[tuple[str, str, str]]:
    with workspace.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT request_id, version, stage FROM captures")
        return [(row[0], row[1], row[2]) for row in rows]


def _check_versions(answers: list[Answer]) -> None:
    """The version that an answer names is the one that its skills come from."""
    for answer in answers:
        assert answer.titles, answer
        assert all(title.endswith(f"edition {answer.version}") for title in answer.titles), answer


def _check_captures(workspace: Workspace, answers: list[Answer]) -> None:
    captured = _read_captures(workspace)
    counted = Counter(request_id for request_id, _, _ in captured)
    versions = {request_id: version for request_id, version, _ in captured}
    sampled = {
        answer.request_id: answer.version for answer in answers if is_sampled(answer.request_id, _SAMPLED)
    }
    assert 0 < len(sampled) < len(answers)
    assert {request_id: counted[request_id] for request_id in sampled} == dict.fromkeys(sampled, 1)
    assert {request_id: versions[request_id] for request_id in sampled} == sampled
    assert all(is_sampled(request_id, _SAMPLED) for request_id in counted)
    assert {stage for _, _, stage in captured} <= {"prod"}
    assert list((workspace.folder / "spool").glob("*")) == []


def test_promotions_and_rollbacks_under_load_fail_no_request(stand):
    workspace, secret = stand
    with (
        ServerProcess(workspace.folder, port=0, poll_seconds=0.2) as server,
        Clients(server.port, secret, count=8) as clients,
    ):
        _wait_for_answers(clients, 20)
        for _ in range(_ROUNDS):
            _wait_until_live(workspace, _promote(workspace, "1.0.1", "prod"))
            _wait_for_answers(clients, 5, version="1.0.1")
            _wait_until_live(workspace, roll_back(workspace, _APPROVER, stage="prod").id)
            _wait_for_answers(clients, 5, version="1.0.0")
        clients.stop()
        assert server.stop() == 0
    assert clients.failures == []
    answers = clients.answers
    assert {answer.version for answer in answers} == {"1.0.0", "1.0.1"}
    assert len({answer.request_id for answer in answers}) == len(answers)
    _check_versions(answers)
    _check_captures(workspace, answers)
    actions = Counter(event.action for event in list_audit(workspace))
    assert actions["stage.rollback"] == _ROUNDS
    assert actions["promotion.live"] >= 2 * _ROUNDS


def test_a_server_that_is_killed_under_load_loses_no_answered_prediction(stand):
    workspace, secret = stand
    port, kills, chance = free_port(), 4, random.Random(7)
    with Clients(port, secret, count=8, tolerate_hang_ups=True) as clients:
        for number in range(kills + 1):
            with ServerProcess(workspace.folder, port=port, poll_seconds=0.2) as server:
                _wait_for_answers(clients, 20)
                if number % 2:
                    roll_back(workspace, _APPROVER, stage="prod")
                else:
                    _promote(workspace, "1.0.1", "prod")
                time.sleep(chance.uniform(0, 1.5))  # before, during or after the swap
                if number < kills:
                    server.kill()
                else:
                    clients.stop()
                    assert server.stop() == 0
    assert clients.failures == []
    assert clients.hang_ups > 0
    _check_versions(clients.answers)
    _check_captures(workspace, clients.answers)


def _wait_for_answers(clients: Clients, count: int, *, version: str | None = None) -> None:
    """Until so many more answers have come, of one version where it is given."""
    begun, deadline = len(clients.answers), time.monotonic() + 60
    while True:
        new = [answer for answer in clients.answers[begun:] if version in (None, answer.version)]
        if len(new) >= count:
            return
        assert time.monotonic() < deadline, (len(new), clients.failures[:3])
        time.sleep(0.02)
