"""Random people and servers work on one stage; a plain list says what must be on it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from delivery_fakes import DANA, PAT, VERSIONS, ask, make_template
from people import list_audit
from seamark.delivery.desired import read_desired
from seamark.delivery.evidence import Evidence
from seamark.delivery.outcomes import mark_failed, mark_live
from seamark.delivery.promotions import approve_promotion, list_promotions, withdraw_promotion
from seamark.delivery.rollback import roll_back
from seamark.errors import ConflictError
from seamark.storage.workspace import open_workspace

_VERSION = st.sampled_from(VERSIONS)


class StageMachine(RuleBasedStateMachine):
    """UAT of one workspace, and the stack that it should be."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="seamark-stage-"))
        shutil.copytree(self.template, self._folder / "ws")
        self.workspace = open_workspace(self._folder / "ws", environ={})
        self.stack: list[str] = []
        self.before: list[str] = []  # the stack before the newest decision
        self.newest: str | None = None  # the newest decision, while it may still fail
        self.waiting: dict[str, str] = {}
        self.canary: str | None = None
        self.decisions = 0

    def teardown(self) -> None:
        self.workspace.close()
        shutil.rmtree(self._folder)

    @rule(version=_VERSION)
    def ask(self, version: str) -> None:
        refused = version in self.waiting or self.stack[-1:] == [version]
        if refused:
            with pytest.raises(ConflictError):
                ask(self.workspace, version, "uat")
        else:
            self.waiting[version] = ask(self.workspace, version, "uat").id

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.waiting)))
        if self.stack[-1:] == [version]:
            with pytest.raises(ConflictError):
                approve_promotion(self.workspace, PAT, self.waiting[version])
            return
        self.stack_up(version, self.waiting.pop(version))

    def stack_up(self, version: str, promotion_id: str) -> None:
        """Approve what may be approved."""
        done = approve_promotion(self.workspace, PAT, promotion_id)
        assert done.replaces == (self.stack[-1] if self.stack else None)
        self._decide(done.id, [*self.stack, version])
        if self.canary == version:
            self.canary = None

    @precondition(lambda self: not self.waiting)
    @rule(version=_VERSION)
    def promote(self, version: str) -> None:
        if self.stack[-1:] != [version]:
            self.stack_up(version, ask(self.workspace, version, "uat").id)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.waiting)))
        assert withdraw_promotion(self.workspace, DANA, self.waiting.pop(version)).status == "withdrawn"

    @rule()
    def roll_back(self) -> None:
        if len(self.stack) < 2:
            with pytest.raises(ConflictError):
                roll_back(self.workspace, PAT, stage="uat")
            return
        done = roll_back(self.workspace, PAT, stage="uat")
        self._decide(done.id, self.stack[:-1])
        self.canary = None

    @precondition(lambda self: self.newest)
    @rule()
    def fail(self) -> None:
        assert self.newest is not None
        assert mark_failed(self.workspace, self.newest, "it does not load")
        self.stack, self.newest = self.before, None
        self.decisions -= 1

    @precondition(lambda self: self.newest)
    @rule()
    def go_live(self) -> None:
        assert self.newest is not None
        assert mark_live(self.workspace, self.newest)
        assert not mark_failed(self.workspace, self.newest, "too late")
        self.newest = None

    @precondition(lambda self: self.stack and self.canary is None)
    @rule(version=_VERSION, share=st.floats(0.1, 100))
    def start_canary(self, version: str, share: float) -> None:
        if version == self.stack[-1]:
            with pytest.raises(ConflictError):
                ask(self.workspace, version, "uat", canary=share)
            return
        approve_promotion(self.workspace, PAT, ask(self.workspace, version, "uat", canary=share).id)
        self.canary = version

    def _decide(self, promotion_id: str, stack: list[str]) -> None:
        self.before, self.stack, self.newest = self.stack, stack, promotion_id
        self.decisions += 1

    @invariant()
    def stage_is_the_stacks_top(self) -> None:
        uat = read_desired(self.workspace)["uat"]
        assert uat.version == (self.stack[-1] if self.stack else None)
        assert (uat.canary.version if uat.canary else None) == self.canary
        assert (uat.promotion_id is None) == (not self.stack)

    @invariant()
    def every_decision_has_its_event(self) -> None:
        done = [
            each
            for each in list_promotions(self.workspace, stage="uat")
            if each.kind != "canary" and each.status in ("approved", "live")
        ]
        assert len(done) == self.decisions
        for each in done:
            action = "stage.rollback" if each.kind == "rollback" else "promotion.approve"
            found = [
                event.after.get("promotion", event.subject) for event in list_audit(self.workspace, action)
            ]
            assert found.count(each.id) == 1


def test_whatever_people_and_servers_do_the_stage_is_the_stacks_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence is left out here: it changes nothing of the stack, and costs most of the time."""

    def gather(*_: Any, **__: Any) -> Evidence:
        return Evidence({}, {}, "")

    monkeypatch.setattr("seamark.delivery.requesting.gather_evidence", gather)
    monkeypatch.setattr("seamark.delivery.requesting.store_evidence", lambda *_: {})
    template = make_template(tmp_path / "template")
    machine = type("Machine", (StageMachine,), {"template": template})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=20, deadline=None)
    )
