from __future__ import annotations

from datetime import UTC, datetime

import pytest

from delivery_fakes import DANA, PAT
from people import list_audit
from seamark.delivery.desired import read_desired
from seamark.delivery.stage_settings import read_stage_settings, set_stage
from seamark.errors import NotAllowedError, NotFoundError, UsageError
from seamark.settings import StageSettings
from seamark.storage.contenders import set_stage_values
from seamark.storage.workspace import Workspace


def test_a_stage_that_nobody_set_has_the_defaults(workspace: Workspace) -> None:
    assert read_stage_settings(workspace, "prod") == StageSettings()


def test_what_is_set_stays_and_the_rest_has_its_default(workspace: Workspace) -> None:
    set_stage(workspace, PAT, "prod", {"sampling_percent": 20})
    after = set_stage(workspace, PAT, "prod", {"capture": "off", "max_texts": "8"})
    assert after == StageSettings(sampling_percent=20.0, capture=False, max_texts=8)
    assert read_stage_settings(workspace, "prod") == after
    assert read_desired(workspace)["prod"].settings == after
    assert read_stage_settings(workspace, "uat") == StageSettings()


def test_none_gives_back_the_default(workspace: Workspace) -> None:
    set_stage(workspace, PAT, "prod", {"top": 5, "max_texts": 8})
    assert set_stage(workspace, PAT, "prod", {"top": None}) == StageSettings(max_texts=8)


def test_the_trail_names_what_changed_and_nothing_else(workspace: Workspace) -> None:
    set_stage(workspace, PAT, "uat", {"top": "5"}, reason="shorter answers")
    [event] = list_audit(workspace, "stage.set")
    assert (event.actor, event.subject, event.reason) == ("pat", "uat", "shorter answers")
    assert (event.before, event.after) == ({"top": 0}, {"top": 5})


def test_what_is_set_already_is_no_event(workspace: Workspace) -> None:
    set_stage(workspace, PAT, "uat", {"top": 5})
    set_stage(workspace, PAT, "uat", {"top": 5})
    set_stage(workspace, PAT, "uat", {})
    assert len(list_audit(workspace, "stage.set")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling_percent": 101},
        {"sampling_percent": "nan"},
        {"sampling_percent": float("nan")},
        {"max_texts": 0},
        {"max_texts": 1.5},
        {"max_texts": "many"},
        {"capture": "perhaps"},
        {"capture": 1},
        {"threshold": [0.5]},
        {"sampling": 5},
        {"top": 5, "no_such_key": 1},
    ],
)
def test_a_value_or_a_key_that_is_none_changes_nothing(
    workspace: Workspace, changes: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        set_stage(workspace, PAT, "uat", changes)
    assert read_stage_settings(workspace, "uat") == StageSettings()
    assert list_audit(workspace, "stage.set") == []


def test_an_unknown_stage_is_told(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        set_stage(workspace, PAT, "live", {"top": 5})
    with pytest.raises(NotFoundError):
        read_stage_settings(workspace, "live")


def test_a_data_scientist_sets_nothing(workspace: Workspace) -> None:
    with pytest.raises(NotAllowedError):
        set_stage(workspace, DANA, "uat", {"top": 5})
    assert read_stage_settings(workspace, "uat") == StageSettings()


def test_what_only_another_release_knows_is_left_out_and_kept(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        set_stage_values(connection, "uat", {"of_tomorrow": 1, "top": 5}, changed_at=datetime.now(UTC))
    assert read_stage_settings(workspace, "uat") == StageSettings(top=5)
    set_stage(workspace, PAT, "uat", {"max_texts": 8})
    assert read_desired(workspace)["uat"].settings == StageSettings(top=5, max_texts=8)
