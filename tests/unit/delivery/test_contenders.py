from __future__ import annotations

import pytest

from delivery_fakes import DANA, PAT, VERA, place
from people import list_audit
from seamark.delivery.contenders import start_shadow, stop_canary, stop_shadow
from seamark.delivery.desired import read_desired
from seamark.delivery.promotions import get_promotion
from seamark.errors import ConflictError, NotAllowedError, NotFoundError, UsageError
from seamark.storage.workspace import Workspace


def test_a_shadow_stands_beside_the_stages_version(workspace: Workspace) -> None:
    start_shadow(workspace, DANA, "1.0.0", stage="dev", share=25, reason="to compare")
    desired = read_desired(workspace)["dev"]
    assert desired.version == "1.2.0"
    assert desired.shadow is not None
    assert (desired.shadow.version, desired.shadow.share, desired.shadow.promotion_id) == ("1.0.0", 25, None)
    [event] = list_audit(workspace, "shadow.start")
    assert (event.actor, event.subject, event.reason) == ("dana", "dev", "to compare")
    assert (event.before, event.after) == ({}, {"version": "1.0.0", "share": 25})


def test_a_second_shadow_takes_the_place_of_the_first(workspace: Workspace) -> None:
    start_shadow(workspace, DANA, "1.0.0", stage="dev", share=25)
    start_shadow(workspace, DANA, "1.1.0", stage="dev", share=100)
    found = read_desired(workspace)["dev"].shadow
    assert found is not None
    assert (found.version, found.share) == ("1.1.0", 100)
    assert list_audit(workspace, "shadow.start")[-1].before == {"version": "1.0.0", "share": 25}


def test_the_same_shadow_again_changes_nothing(workspace: Workspace) -> None:
    first = start_shadow(workspace, DANA, "1.0.0", stage="dev", share=25)
    assert start_shadow(workspace, PAT, "1.0.0", stage="dev", share=25) == first
    assert len(list_audit(workspace, "shadow.start")) == 1


def test_a_stopped_shadow_is_gone(workspace: Workspace) -> None:
    start_shadow(workspace, DANA, "1.0.0", stage="dev", share=25)
    assert stop_shadow(workspace, PAT, stage="dev").version == "1.0.0"
    assert read_desired(workspace)["dev"].shadow is None
    assert list_audit(workspace, "shadow.stop")[-1].before == {"version": "1.0.0", "share": 25}


@pytest.mark.parametrize("stop", [stop_shadow, stop_canary])
def test_what_is_not_there_is_not_stopped(workspace: Workspace, stop: object) -> None:
    with pytest.raises(NotFoundError, match=r"dev has no (shadow|canary)"):
        stop(workspace, DANA, stage="dev")  # type: ignore[operator]


def test_a_stopped_canary_is_gone_and_its_promotion_has_ended(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    canary = place(workspace, "1.1.0", "uat", canary=10)
    start_shadow(workspace, DANA, "1.2.0", stage="uat", share=5)
    stop_canary(workspace, DANA, stage="uat", reason="enough seen")
    desired = read_desired(workspace)["uat"]
    assert desired.canary is None
    assert desired.shadow is not None
    assert get_promotion(workspace, canary.id).ended_at is not None
    [event] = list_audit(workspace, "canary.stop")
    assert event.before == {"version": "1.1.0", "share": 10, "promotion": canary.id}


def test_a_stage_shadows_nothing_but_another_version(workspace: Workspace) -> None:
    with pytest.raises(ConflictError, match=r"1\.2\.0 is on dev itself"):
        start_shadow(workspace, DANA, "1.2.0", stage="dev", share=10)
    with pytest.raises(ConflictError, match="prod has no version yet"):
        start_shadow(workspace, DANA, "1.2.0", stage="prod", share=10)
    with pytest.raises(NotFoundError, match=r"no version 7\.0\.0"):
        start_shadow(workspace, DANA, "7.0.0", stage="dev", share=10)
    with pytest.raises(NotFoundError, match="no stage 'live'"):
        start_shadow(workspace, DANA, "1.0.0", stage="live", share=10)
    assert all(stage.shadow is None for stage in read_desired(workspace).values())


@pytest.mark.parametrize("share", [0, -5, 101, float("nan")])
def test_a_share_is_a_percentage(workspace: Workspace, share: float) -> None:
    with pytest.raises(UsageError):
        start_shadow(workspace, DANA, "1.0.0", stage="dev", share=share)


def test_a_viewer_starts_nothing(workspace: Workspace) -> None:
    with pytest.raises(NotAllowedError):
        start_shadow(workspace, VERA, "1.0.0", stage="dev", share=10)
    assert all(stage.shadow is None for stage in read_desired(workspace).values())


def test_promoting_the_shadow_ends_it(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    start_shadow(workspace, DANA, "1.1.0", stage="uat", share=10)
    place(workspace, "1.1.0", "uat")
    assert read_desired(workspace)["uat"].shadow is None
