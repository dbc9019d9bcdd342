"""Stages and promotions on each kind of database and of object store, with several people at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delivery_fakes import ADMIN, DANA, PAT, ask, place, register_all
from people import list_audit
from seamark.delivery.contenders import start_shadow, stop_canary
from seamark.delivery.desired import read_desired
from seamark.delivery.evidence import load_evidence
from seamark.delivery.outcomes import mark_failed, mark_live
from seamark.delivery.promotions import (
    approve_promotion,
    get_promotion,
    list_promotions,
    reject_promotion,
    withdraw_promotion,
)
from seamark.delivery.rollback import roll_back
from seamark.delivery.stage_settings import read_stage_settings, set_stage
from seamark.errors import ConflictError
from seamark.storage.audit import digest_event
from seamark.storage.promotions import list_placements
from seamark.storage.workspace import Workspace, create_workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Workspace]:
    """A workspace with three versions, on each kind of database."""
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    with create_workspace(tmp_path / "workspace") as made:
        register_all(made)
        yield made


def _do_at_once(workspace: Workspace, *deeds: Callable[[Workspace], object]) -> list[object]:
    """What each deed gave, or the error that it met; each has its own connections, as another process has."""
    start = threading.Barrier(len(deeds))

    def work(deed: Callable[[Workspace], object]) -> object:
        with open_workspace(workspace.folder) as opened:
            start.wait()
            try:
                return deed(opened)
            except ConflictError as error:
                return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(work, deeds))


def _check_trail(workspace: Workspace) -> None:
    """Nothing that happened at once forked the audit trail."""
    events = list_audit(workspace)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    for before, event in zip([None, *events], events, strict=False):
        assert event.previous == (before.digest if before else "0" * 64)
        facts = {name: getattr(event, name) for name in type(event).__dataclass_fields__}
        assert digest_event(facts) == event.digest


def test_a_versions_way_to_prod_and_back(workspace: Workspace) -> None:
    for version in ("1.0.0", "1.1.0"):
        mark_live(workspace, place(workspace, version, "uat").id)
        mark_live(workspace, place(workspace, version, "prod").id)
    start_shadow(workspace, DANA, "1.2.0", stage="prod", share=12.5)
    place(workspace, "1.2.0", "uat")
    canary = place(workspace, "1.2.0", "prod", canary=0.5)
    set_stage(workspace, PAT, "prod", {"sampling_percent": "20", "capture": "off"})
    prod = read_desired(workspace)["prod"]
    assert (prod.version, prod.promotion_status) == ("1.1.0", "live")
    assert prod.canary is not None
    assert prod.shadow is not None
    assert (prod.canary.share, prod.shadow.share, prod.canary.promotion_id) == (0.5, 12.5, canary.id)
    stop_canary(workspace, DANA, stage="prod")
    assert roll_back(workspace, PAT, stage="prod").version == "1.0.0"
    assert read_stage_settings(workspace, "prod").sampling_percent == 20.0
    bad = place(workspace, "1.1.0", "prod")
    mark_failed(workspace, bad.id, "its weights are gone")
    assert read_desired(workspace)["prod"].version == "1.0.0"
    reject_promotion(workspace, PAT, ask(workspace, "1.2.0", "prod").id, reason="not this week")
    told = [(each.kind, each.status) for each in list_promotions(workspace, stage="prod")]
    assert told == [
        ("promotion", "rejected"),
        ("promotion", "failed"),
        ("rollback", "approved"),
        ("canary", "approved"),
        ("promotion", "live"),
        ("promotion", "live"),
    ]
    assert workspace.store.get_json("prod/current.json")["version"] == "1.0.0"
    _check_trail(workspace)


def test_of_two_approvals_of_one_promotion_one_wins(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")

    def approve(opened: Workspace) -> object:
        return approve_promotion(opened, PAT, asked.id)

    found = _do_at_once(workspace, approve, approve, approve)
    assert sum(isinstance(each, ConflictError) for each in found) == 2
    assert read_desired(workspace)["uat"].version == "1.0.0"
    assert len(list_audit(workspace, "promotion.approve")) == 1
    _check_trail(workspace)


def test_an_approval_and_a_withdrawal_at_once_are_one_of_them(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    _, other = _do_at_once(
        workspace,
        lambda opened: approve_promotion(opened, PAT, asked.id),
        lambda opened: withdraw_promotion(opened, DANA, asked.id),
    )
    status = get_promotion(workspace, asked.id).status
    on_stage = read_desired(workspace)["uat"].version
    assert (status, on_stage, isinstance(other, ConflictError)) in (
        ("approved", "1.0.0", True),
        ("withdrawn", None, False),
    )


def test_two_promotions_approved_at_once_come_one_after_the_other(workspace: Workspace) -> None:
    asked = [ask(workspace, version, "uat") for version in ("1.0.0", "1.1.0")]
    first, second = (
        lambda opened: approve_promotion(opened, PAT, asked[0].id),
        lambda opened: approve_promotion(opened, ADMIN, asked[1].id),
    )
    _do_at_once(workspace, first, second)
    with workspace.database.read() as connection:
        early, late = list_placements(connection, "uat")
    assert (early.replaces, late.replaces) == (None, early.version)
    assert read_desired(workspace)["uat"].version == late.version
    assert workspace.store.get_json("uat/current.json")["version"] == late.version
    _check_trail(workspace)


def test_the_same_request_at_once_waits_once(workspace: Workspace) -> None:
    def request(opened: Workspace) -> object:
        return ask(opened, "1.0.0", "uat")

    found = _do_at_once(workspace, request, request)
    assert sum(isinstance(each, ConflictError) for each in found) == 1
    [waiting] = list_promotions(workspace, status="waiting")
    assert {key.split("/")[1] for key in workspace.store.list("promotions")} == {waiting.id}


def test_two_rollbacks_at_once_go_back_two_versions(workspace: Workspace) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        place(workspace, version, "uat")

    def back(opened: Workspace) -> object:
        return roll_back(opened, PAT, stage="uat").version

    assert sorted(map(str, _do_at_once(workspace, back, back))) == ["1.0.0", "1.1.0"]
    assert read_desired(workspace)["uat"].version == "1.0.0"


def test_of_two_servers_that_disagree_the_first_is_heard(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    done = place(workspace, "1.1.0", "uat")
    live, failed = _do_at_once(
        workspace,
        lambda opened: mark_live(opened, done.id),
        lambda opened: mark_failed(opened, done.id, "no memory"),
    )
    assert [live, failed].count(True) == 1
    expected = ("live", "1.1.0") if live else ("failed", "1.0.0")
    assert (get_promotion(workspace, done.id).status, read_desired(workspace)["uat"].version) == expected


_APPROVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from seamark.delivery import promotions
from seamark.governance.actors import Actor
from seamark.storage.workspace import open_workspace
promotions.publish_stages = lambda workspace: os.kill(os.getpid(), signal.SIGKILL)
with open_workspace(Path(sys.argv[1])) as workspace:
    promotions.approve_promotion(workspace, Actor("pat", frozenset({"approver"})), sys.argv[2])
"""


def test_an_approval_outlives_a_process_that_is_killed_right_after_it(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    arguments = [sys.executable, "-c", _APPROVE_AND_DIE, str(workspace.folder), asked.id]
    process = subprocess.run(arguments, env={**os.environ}, timeout=60, check=False)
    assert process.returncode == -signal.SIGKILL
    assert read_desired(workspace)["uat"].version == "1.0.0"
    assert workspace.store.get_json("uat/current.json")["version"] is None
    assert mark_live(workspace, asked.id)
    assert workspace.store.get_json("uat/current.json")["version"] == "1.0.0"
    _check_trail(workspace)


def test_in_a_bucket_evidence_lies_beside_its_promotion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_url: str
) -> None:
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEAMARK_STORE_URL", s3_url)
    with create_workspace(tmp_path / "workspace") as workspace:
        register_all(workspace)
        asked = ask(workspace, "1.0.0", "uat")
        evidence = load_evidence(workspace, asked)
        assert (evidence["version"], evidence["bundle"]["files"]) == ("1.0.0", 4)
        assert workspace.store.get_text(asked.object_keys["evidence_html"]).startswith("<!DOCTYPE html>")
        shutil.rmtree(workspace.cache, ignore_errors=True)
        approve_promotion(workspace, PAT, asked.id)
        assert workspace.store.get_json("uat/current.json")["version"] == "1.0.0"
