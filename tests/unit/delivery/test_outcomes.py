from __future__ import annotations

import pytest

from delivery_fakes import DANA, PAT, ask, place
from people import list_audit
from seamark.delivery.desired import read_desired
from seamark.delivery.outcomes import mark_failed, mark_live
from seamark.delivery.promotions import approve_promotion, get_promotion
from seamark.delivery.rollback import roll_back
from seamark.errors import NotFoundError
from seamark.storage.workspace import Workspace


def _read_stage(workspace: Workspace, stage: str) -> str | None:
    return read_desired(workspace)[stage].version


def test_the_first_server_makes_a_promotion_live_and_the_others_nothing(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    assert mark_live(workspace, done.id) is True
    assert mark_live(workspace, done.id) is False
    found = get_promotion(workspace, done.id)
    assert found.status == "live"
    assert found.live_at is not None
    [event] = list_audit(workspace, "promotion.live")
    assert (event.actor, event.actor_kind, event.subject) == ("seamark", "system", done.id)


def test_what_fails_puts_the_version_before_back_and_says_why(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    mark_live(workspace, first.id)
    second = place(workspace, "1.1.0", "uat")
    assert mark_failed(workspace, second.id, "\n  the smoke test failed: no skill\nTraceback") is True
    found = get_promotion(workspace, second.id)
    assert (found.status, found.error) == ("failed", "the smoke test failed: no skill")
    assert found.ended_at is not None
    assert _read_stage(workspace, "uat") == "1.0.0"
    assert read_desired(workspace)["uat"].promotion_id == first.id
    assert workspace.store.get_json("uat/current.json")["version"] == "1.0.0"
    [event] = list_audit(workspace, "promotion.fail")
    assert (event.actor, event.reason) == ("seamark", "the smoke test failed: no skill")
    assert event.before["version"] == "1.1.0"
    assert event.after["version"] == "1.0.0"


def test_the_first_version_of_a_stage_that_fails_leaves_it_empty(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    mark_failed(workspace, done.id, "it does not load")
    assert _read_stage(workspace, "uat") is None
    assert ask(workspace, "1.0.0", "uat").status == "waiting"


def test_what_is_live_does_not_fail_any_more(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    mark_live(workspace, done.id)
    assert mark_failed(workspace, done.id, "this server has no memory") is False
    assert (get_promotion(workspace, done.id).status, _read_stage(workspace, "uat")) == ("live", "1.0.0")
    assert list_audit(workspace, "promotion.fail") == []


def test_what_has_failed_is_not_live_any_more(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    mark_failed(workspace, done.id, "it does not load")
    assert mark_live(workspace, done.id) is False
    assert mark_failed(workspace, done.id, "again") is False
    assert get_promotion(workspace, done.id).error == "it does not load"


def test_what_waits_is_neither_live_nor_failed(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    assert mark_live(workspace, asked.id) is False
    assert mark_failed(workspace, asked.id, "no") is False
    assert get_promotion(workspace, asked.id).status == "waiting"


def test_a_promotion_that_fails_after_the_next_one_leaves_the_next_one_there(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    second = place(workspace, "1.1.0", "uat")
    place(workspace, "1.2.0", "uat")
    mark_failed(workspace, second.id, "late news")
    assert _read_stage(workspace, "uat") == "1.2.0"
    back = roll_back(workspace, PAT, stage="uat")
    assert (back.version, back.evidence["returns_to"]) == ("1.0.0", first.id)


def test_a_rollback_that_fails_puts_back_what_it_took_away(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    back = roll_back(workspace, PAT, stage="uat")
    mark_failed(workspace, back.id, "the old bundle is damaged")
    assert _read_stage(workspace, "uat") == "1.1.0"


def test_a_canary_that_fails_is_gone_and_the_stage_stays(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    canary = place(workspace, "1.1.0", "uat", canary=10)
    assert mark_failed(workspace, canary.id, "it does not load") is True
    desired = read_desired(workspace)["uat"]
    assert (desired.version, desired.canary) == ("1.0.0", None)


def test_a_canary_that_fails_late_leaves_the_canary_that_came_after(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    first = place(workspace, "1.1.0", "uat", canary=10)
    second = place(workspace, "1.2.0", "uat", canary=10)
    mark_failed(workspace, first.id, "late news")
    canary = read_desired(workspace)["uat"].canary
    assert canary is not None
    assert canary.promotion_id == second.id


def test_a_registration_on_dev_that_fails_puts_devs_version_before_back(workspace: Workspace) -> None:
    promotion_id = read_desired(workspace)["dev"].promotion_id
    assert promotion_id is not None
    mark_failed(workspace, promotion_id, "it does not load")
    assert _read_stage(workspace, "dev") == "1.1.0"


def test_an_empty_reason_still_says_something(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    mark_failed(workspace, done.id, " \n ")
    assert get_promotion(workspace, done.id).error == "no reason was given"


def test_going_live_makes_up_for_an_approval_that_was_killed_before_it_told_the_store(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(workspace, "1.0.0", "uat")

    class Killed(BaseException):
        pass

    def die(_: Workspace) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("seamark.delivery.promotions.publish_stages", die)
        with pytest.raises(Killed):
            approve_promotion(workspace, PAT, asked.id)
    assert _read_stage(workspace, "uat") == "1.0.0"
    assert workspace.store.get_json("uat/current.json")["version"] is None
    mark_live(workspace, asked.id)
    assert workspace.store.get_json("uat/current.json")["version"] == "1.0.0"


@pytest.mark.parametrize("tell", [mark_live, lambda w, i: mark_failed(w, i, "x")])
def test_a_promotion_that_is_none_is_told(workspace: Workspace, tell: object) -> None:
    ask(workspace, "1.0.0", "uat", actor=DANA)
    with pytest.raises(NotFoundError):
        tell(workspace, "promotion-none")  # type: ignore[operator]
