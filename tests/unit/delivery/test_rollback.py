from __future__ import annotations

import pytest

from delivery_fakes import DANA, PAT, place
from people import list_audit
from seamark.delivery.contenders import start_shadow
from seamark.delivery.desired import read_desired
from seamark.delivery.promotions import get_promotion, list_promotions
from seamark.delivery.rollback import roll_back
from seamark.errors import ConflictError, NotAllowedError, NotFoundError
from seamark.storage.workspace import Workspace


def _read_stage(workspace: Workspace, stage: str) -> str | None:
    return read_desired(workspace)[stage].version


def test_a_rollback_puts_the_version_before_back_with_its_own_record(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    done = roll_back(workspace, PAT, stage="uat", reason="too many wrong skills")
    assert (done.kind, done.status, done.version, done.replaces) == (
        "rollback",
        "approved",
        "1.0.0",
        "1.1.0",
    )
    assert (done.requested_by, done.decided_by, done.reason) == ("pat", "pat", "too many wrong skills")
    assert done.evidence == {"returns_to": first.id}
    assert _read_stage(workspace, "uat") == "1.0.0"
    assert get_promotion(workspace, done.id) == done
    assert workspace.store.get_json("uat/current.json")["version"] == "1.0.0"


def test_a_rollback_is_in_the_audit_trail(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    done = roll_back(workspace, PAT, stage="uat", reason="worse")
    [event] = list_audit(workspace, "stage.rollback")
    assert (event.actor, event.subject, event.reason) == ("pat", "uat", "worse")
    assert (event.before, event.after) == (
        {"version": "1.1.0"},
        {"version": "1.0.0", "promotion": done.id},
    )


def test_rolled_back_again_a_stage_gets_the_version_before_that(workspace: Workspace) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        place(workspace, version, "uat")
    assert [roll_back(workspace, PAT, stage="uat").version for _ in range(2)] == ["1.1.0", "1.0.0"]
    with pytest.raises(ConflictError, match=r"uat has had no version before 1\.0\.0"):
        roll_back(workspace, PAT, stage="uat")
    assert _read_stage(workspace, "uat") == "1.0.0"


def test_an_empty_stage_has_nothing_to_go_back_to(workspace: Workspace) -> None:
    with pytest.raises(ConflictError, match="no version before its first one"):
        roll_back(workspace, PAT, stage="prod")
    assert list_promotions(workspace, stage="prod") == []


def test_dev_is_rolled_back_too(workspace: Workspace) -> None:
    assert roll_back(workspace, PAT, stage="dev").version == "1.1.0"
    assert _read_stage(workspace, "dev") == "1.1.0"


def test_a_rollback_ends_the_canary_whatever_its_version(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    canary = place(workspace, "1.2.0", "uat", canary=10)
    roll_back(workspace, PAT, stage="uat")
    assert read_desired(workspace)["uat"].canary is None
    assert get_promotion(workspace, canary.id).ended_at is not None


def test_a_shadow_of_what_comes_back_has_nothing_to_compare_with_and_ends(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    start_shadow(workspace, DANA, "1.0.0", stage="uat", share=10)
    roll_back(workspace, PAT, stage="uat")
    assert read_desired(workspace)["uat"].shadow is None


def test_a_data_scientist_rolls_nothing_back(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    with pytest.raises(NotAllowedError):
        roll_back(workspace, DANA, stage="uat")
    assert _read_stage(workspace, "uat") == "1.1.0"


def test_a_stage_that_is_none_is_told(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no stage 'live'"):
        roll_back(workspace, PAT, stage="live")
