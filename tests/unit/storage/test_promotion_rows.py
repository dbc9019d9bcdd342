from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from delivery_fakes import make_template
from seamark.storage import promotions as rows
from seamark.storage.contenders import (
    ContenderRecord,
    find_contender,
    list_contenders,
    put_contender,
    read_stage_values,
    remove_contender,
    set_stage_values,
)
from seamark.storage.promotions import PromotionRecord
from seamark.storage.workspace import Workspace, open_workspace

_AT = datetime(2099, 11, 21, 9, tzinfo=UTC)  # later than the registrations of the template
_ASKED = PromotionRecord("p1", "uat", "1.0.0", "promotion", "waiting", "dana", _AT)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "ws")


@pytest.fixture
def workspace(tmp_path: Path, template: Path) -> Iterator[Workspace]:
    shutil.copytree(template, tmp_path / "ws")
    with open_workspace(tmp_path / "ws", environ={}) as made:
        yield made


def test_a_promotion_comes_back_as_it_was_added(workspace: Workspace) -> None:
    record = PromotionRecord(
        id="p1",
        stage="uat",
        version="1.0.0",
        kind="canary",
        status="live",
        requested_by="dana",
        requested_at=_AT,
        replaces="1.1.0",
        share=12.5,
        reason="why",
        evidence={"metrics": {"jaccard": [None, 0.4]}},
        object_keys={"evidence_json": "promotions/p1/evidence.json"},
        decided_by="pat",
        decided_at=_AT,
        decision_reason="so",
        live_at=_AT,
        ended_at=_AT,
        error="none",
    )
    with workspace.database.begin() as connection:
        rows.add_promotion(connection, record)
        assert rows.find_promotion(connection, "p1") == record
        assert rows.find_promotion(connection, "p2") is None


@pytest.mark.parametrize(
    "change", [{"kind": "wish"}, {"status": "maybe"}, {"version": "9.9.9"}, {"replaces": "9.9.9"}]
)
def test_the_database_refuses_what_is_no_promotion(workspace: Workspace, change: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), workspace.database.begin() as connection:
        rows.add_promotion(connection, replace(_ASKED, **change))  # type: ignore[arg-type]


def test_an_approval_is_later_than_the_one_before_on_its_stage_whatever_the_clock_says(
    workspace: Workspace,
) -> None:
    early = _AT - timedelta(hours=1)
    with workspace.database.begin() as connection:
        for i, (stage, at) in enumerate([("uat", _AT), ("uat", early), ("uat", _AT), ("prod", early)]):
            record = replace(_ASKED, id=f"p{i}", stage=stage, status="approved", decided_at=at)
            rows.add_promotion(connection, record)
        uat = [each.decided_at for each in rows.list_placements(connection, "uat")]
        prod = [each.decided_at for each in rows.list_placements(connection, "prod")]
    step = timedelta(microseconds=1)
    assert uat == [_AT, _AT + step, _AT + 2 * step]
    assert prod == [early]


def test_placements_are_what_was_decided_and_no_canary(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        for i, (kind, status) in enumerate(
            [("promotion", "failed"), ("canary", "live"), ("rollback", "approved"), ("promotion", "rejected")]
        ):
            record = replace(
                _ASKED, id=f"p{i}", kind=kind, status=status, decided_at=_AT + timedelta(seconds=i)
            )
            rows.add_promotion(connection, record)
        rows.add_promotion(connection, replace(_ASKED, id="waits"))
        assert [each.id for each in rows.list_placements(connection, "uat")] == ["p0", "p2"]


def test_promotions_are_found_by_what_they_are(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        rows.add_promotion(connection, _ASKED)
        rows.add_promotion(connection, replace(_ASKED, id="p2", version="1.1.0", kind="canary"))
        found = [
            [each.id for each in rows.list_promotions(connection, **wanted)]
            for wanted in ({"stage": "uat"}, {"version": "1.1.0", "kind": "canary"}, {"stage": "prod"})
        ]
        assert found == [["p2", "p1"], ["p2"], []]
        assert len(rows.list_promotions(connection, limit=1)) == 1


def test_a_stage_has_one_contender_of_each_kind(workspace: Workspace) -> None:
    first = ContenderRecord("uat", "shadow", "1.0.0", 10.0, "dana", _AT)
    second = replace(first, version="1.1.0", share=0.5)
    with workspace.database.begin() as connection:
        assert put_contender(connection, first) is None
        assert put_contender(connection, second) == first
        put_contender(connection, replace(first, kind="canary"))
        assert [each.kind for each in list_contenders(connection)] == ["canary", "shadow"]
        assert find_contender(connection, "uat", "shadow") == second
        assert remove_contender(connection, "uat", "shadow") == second
        assert remove_contender(connection, "uat", "shadow") is None
        assert find_contender(connection, "prod", "canary") is None


def test_what_is_set_for_a_stage_replaces_what_was(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        assert read_stage_values(connection) == {}
        set_stage_values(connection, "uat", {"top": 5}, changed_at=_AT)
        set_stage_values(connection, "uat", {"capture": False}, changed_at=_AT)
        assert read_stage_values(connection) == {"uat": {"capture": False}}
