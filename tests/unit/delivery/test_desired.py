from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import event

from delivery_fakes import DANA, PAT, VERSIONS, place
from seamark.delivery.contenders import start_shadow
from seamark.delivery.desired import read_desired
from seamark.delivery.outcomes import mark_live
from seamark.delivery.rollback import roll_back
from seamark.registry.versions import get_version
from seamark.settings import StageSettings
from seamark.storage import promotions as rows
from seamark.storage.promotions import PromotionRecord
from seamark.storage.stages import lock_stage, set_stage
from seamark.storage.workspace import Workspace


def test_every_stage_is_told_also_an_empty_one(workspace: Workspace) -> None:
    desired = read_desired(workspace)
    assert list(desired) == ["dev", "uat", "prod"]
    prod = desired["prod"]
    assert (prod.version, prod.manifest_digest, prod.promotion_id, prod.promotion_status) == (
        None,
        "",
        None,
        "",
    )
    assert (prod.settings, prod.shadow, prod.canary) == (StageSettings(), None, None)


def test_a_stage_has_the_digest_and_the_newest_placement_of_its_version(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    back = roll_back(workspace, PAT, stage="uat")
    uat = read_desired(workspace)["uat"]
    assert (uat.version, uat.promotion_id, uat.promotion_status) == ("1.0.0", back.id, "approved")
    assert uat.promotion_id != first.id
    assert uat.manifest_digest == get_version(workspace, "1.0.0").manifest_digest
    mark_live(workspace, back.id)
    assert read_desired(workspace)["uat"].promotion_status == "live"


def test_contenders_come_with_their_digests(workspace: Workspace) -> None:
    start_shadow(workspace, DANA, "1.0.0", stage="dev", share=25)
    shadow = read_desired(workspace)["dev"].shadow
    assert shadow is not None
    assert shadow.manifest_digest == get_version(workspace, "1.0.0").manifest_digest


def test_a_version_from_before_promotions_were_recorded_has_none(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        set_stage(connection, "uat", "1.0.0", changed_at=datetime.now(UTC))
    uat = read_desired(workspace)["uat"]
    assert (uat.version, uat.promotion_id, uat.promotion_status) == ("1.0.0", None, "")


def test_a_read_asks_the_database_little_however_long_the_history(workspace: Workspace) -> None:
    def count() -> int:
        asked: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(workspace.database.engine, "before_cursor_execute", note)
        read_desired(workspace)
        event.remove(workspace.database.engine, "before_cursor_execute", note)
        return sum(statement.lstrip().startswith("SELECT") for statement in asked)

    before = count()
    for version in VERSIONS:
        place(workspace, version, "uat")
    assert count() == before <= 5


def test_of_two_approvals_by_clocks_that_differ_the_later_one_is_the_newer(workspace: Workspace) -> None:
    """A machine whose clock is behind decides after another: its decision still comes last."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with workspace.database.begin() as connection:
        for version, at in (("1.0.0", ahead), ("1.1.0", datetime.now(UTC))):
            lock_stage(connection, "uat", now=at)
            rows.add_promotion(
                connection,
                PromotionRecord(
                    f"p-{version}", "uat", version, "promotion", "approved", "dana", at, decided_at=at
                ),
            )
            set_stage(connection, "uat", version, changed_at=at)
        placements = rows.list_placements(connection, "uat")
    assert [each.version for each in placements] == ["1.0.0", "1.1.0"]
    assert roll_back(workspace, PAT, stage="uat").version == "1.0.0"
    assert place(workspace, "1.2.0", "uat").replaces == "1.0.0"
    assert roll_back(workspace, PAT, stage="uat").version == "1.0.0"
