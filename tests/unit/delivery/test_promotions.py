from __future__ import annotations

import pytest

from delivery_fakes import ADMIN, DANA, PAT, VERA, ask, place
from people import list_audit, make_actor
from seamark.delivery.desired import read_desired
from seamark.delivery.outcomes import mark_failed
from seamark.delivery.promotions import (
    approve_promotion,
    get_promotion,
    list_promotions,
    reject_promotion,
    request_promotion,
    withdraw_promotion,
)
from seamark.delivery.rollback import roll_back
from seamark.errors import ConflictError, NotAllowedError, NotFoundError, StorageError, UsageError
from seamark.governance.actors import SYSTEM
from seamark.storage.objects import Store
from seamark.storage.workspace import Workspace


def _read_stage(workspace: Workspace, stage: str) -> str | None:
    return read_desired(workspace)[stage].version


# ---- asking


def test_a_request_waits_with_its_evidence_and_changes_no_stage(workspace: Workspace) -> None:
    asked = ask(workspace, "1.1.0", "uat", reason="the customer's tests passed")
    assert (asked.status, asked.kind, asked.stage, asked.version) == ("waiting", "promotion", "uat", "1.1.0")
    assert (asked.requested_by, asked.reason, asked.decided_by) == (
        "dana",
        "the customer's tests passed",
        None,
    )
    assert _read_stage(workspace, "uat") is None
    assert get_promotion(workspace, asked.id) == asked
    assert sorted(workspace.store.list(f"promotions/{asked.id}")) == sorted(asked.object_keys.values())


def test_a_request_is_in_the_audit_trail_with_who_what_and_why(workspace: Workspace) -> None:
    asked = ask(workspace, "1.1.0", "uat", reason="it is better")
    [event] = list_audit(workspace, "promotion.request")
    assert (event.actor, event.subject, event.reason) == ("dana", asked.id, "it is better")
    assert event.after == {"status": "waiting", "stage": "uat", "version": "1.1.0", "kind": "promotion"}


def test_a_version_that_is_not_there_can_not_be_asked_for(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match=r"no version 9\.9\.9; expected one of 1\.0\.0, 1\.1\.0"):
        ask(workspace, "9.9.9", "uat")


def test_a_stage_that_is_not_there_can_not_be_asked_for(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no stage 'live'; expected one of dev, uat, prod"):
        ask(workspace, "1.0.0", "live")


def test_nobody_promotes_to_dev(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="every version that is registered goes there by itself"):
        ask(workspace, "1.0.0", "dev")


def test_what_waits_already_is_not_asked_for_again(workspace: Workspace) -> None:
    first = ask(workspace, "1.0.0", "uat")
    with pytest.raises(ConflictError, match=first.id):
        ask(workspace, "1.0.0", "uat", actor=ADMIN)
    ask(workspace, "1.1.0", "uat")
    assert len(list_promotions(workspace, status="waiting")) == 2


def test_a_refused_second_request_leaves_no_evidence_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(workspace, "1.0.0", "uat")
    monkeypatch.setattr("seamark.delivery.requesting._check_request", _pass_once())
    with pytest.raises(ConflictError):
        ask(workspace, "1.0.0", "uat")
    assert {key.split("/")[1] for key in workspace.store.list("promotions")} == {first.id}


def _pass_once() -> object:
    """The check, which somebody else's request makes fail only after the evidence was gathered."""
    from seamark.delivery import requesting

    real, calls = requesting._check_request, []

    def check(*args: object, **options: object) -> None:
        calls.append(1)
        if len(calls) > 1:
            real(*args, **options)  # type: ignore[arg-type]

    return check


def test_what_is_on_the_stage_is_not_asked_for(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    with pytest.raises(ConflictError, match=r"1\.0\.0 is on uat already"):
        ask(workspace, "1.0.0", "uat")


def test_a_damaged_bundle_refuses_the_request(workspace: Workspace) -> None:
    path = workspace.store.local_path(
        "finetuned_models/mlops/versions/1.1.0/embedding_model/model.safetensors"
    )
    assert path is not None
    path.write_bytes(b"other")
    with pytest.raises(ConflictError, match=r"1\.1\.0 is damaged: embedding_model/model\.safetensors"):
        ask(workspace, "1.1.0", "uat")
    assert list_promotions(workspace, stage="uat") == []


@pytest.mark.parametrize("share", [0, -1, 100.1, float("nan"), float("inf")])
def test_a_canary_answers_more_than_nothing_and_at_most_everything(
    workspace: Workspace, share: float
) -> None:
    place(workspace, "1.0.0", "uat")
    with pytest.raises(UsageError, match="expected more than 0 and at most 100"):
        ask(workspace, "1.1.0", "uat", canary=share)


def test_an_empty_stage_has_no_canary(workspace: Workspace) -> None:
    with pytest.raises(ConflictError, match="no version that could answer the other requests"):
        ask(workspace, "1.1.0", "uat", canary=10)


def test_a_viewer_asks_for_nothing_and_that_is_recorded(workspace: Workspace) -> None:
    with pytest.raises(NotAllowedError, match="vera"):
        ask(workspace, "1.0.0", "uat", actor=VERA)
    assert list_promotions(workspace, stage="uat") == []
    [event] = list_audit(workspace, "promotion.request")
    assert (event.outcome, event.subject) == ("denied", "1.0.0 on uat")


# ---- deciding


def test_an_approved_version_is_on_the_stage(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    done = approve_promotion(workspace, PAT, ask(workspace, "1.1.0", "uat").id, reason="seen")
    assert (done.status, done.decided_by, done.decision_reason, done.replaces) == (
        "approved",
        "pat",
        "seen",
        "1.0.0",
    )
    assert done.decided_at is not None
    assert done.live_at is None
    assert _read_stage(workspace, "uat") == "1.1.0"
    assert workspace.store.get_json("uat/current.json")["version"] == "1.1.0"
    assert workspace.store.get_json("logs.json")["uat_version"] == "1.1.0"


def test_an_approval_is_in_the_audit_trail_with_what_was_there_before(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    second = ask(workspace, "1.1.0", "uat")
    approve_promotion(workspace, PAT, second.id, reason="seen")
    event = list_audit(workspace, "promotion.approve")[-1]
    assert (event.actor, event.subject, event.reason) == ("pat", second.id, "seen")
    assert event.before == {"status": "waiting", "stage": "uat", "version": "1.0.0"}
    assert event.after == {"status": "approved", "stage": "uat", "version": "1.1.0"}


def test_on_uat_an_approver_may_approve_their_own(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat", actor=PAT)
    assert approve_promotion(workspace, PAT, asked.id).status == "approved"


def test_a_data_scientist_approves_nothing(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    with pytest.raises(NotAllowedError):
        approve_promotion(workspace, DANA, asked.id)
    assert get_promotion(workspace, asked.id).status == "waiting"
    assert list_audit(workspace, "promotion.approve")[-1].outcome == "denied"


def test_nothing_automates_an_approval(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    with pytest.raises(NotAllowedError):
        approve_promotion(workspace, SYSTEM, asked.id)
    with pytest.raises(NotAllowedError):
        roll_back(workspace, SYSTEM, stage="dev")
    assert _read_stage(workspace, "uat") is None


@pytest.mark.parametrize("role", ["approver", "administrator"])
def test_on_prod_nobody_approves_what_they_asked_for(workspace: Workspace, role: str) -> None:
    place(workspace, "1.0.0", "uat")
    sam = make_actor("sam", role)
    asked = ask(workspace, "1.0.0", "prod", actor=sam)
    with pytest.raises(NotAllowedError, match="somebody else"):
        approve_promotion(workspace, sam, asked.id)
    assert _read_stage(workspace, "prod") is None
    denied = [event for event in list_audit(workspace, "promotion.approve") if event.outcome == "denied"]
    assert [(event.actor, event.subject) for event in denied] == [("sam", asked.id)]
    assert approve_promotion(workspace, PAT, asked.id).status == "approved"


def test_on_prod_a_canary_needs_a_second_person_too(workspace: Workspace) -> None:
    for version in ("1.0.0", "1.1.0"):
        place(workspace, version, "uat")
    place(workspace, "1.0.0", "prod")
    asked = ask(workspace, "1.1.0", "prod", actor=PAT, canary=5)
    with pytest.raises(NotAllowedError):
        approve_promotion(workspace, PAT, asked.id)
    assert read_desired(workspace)["prod"].canary is None


def test_prod_takes_only_what_is_signed_off_on_uat(workspace: Workspace) -> None:
    with pytest.raises(ConflictError, match=r"1\.0\.0 is not signed off on uat"):
        ask(workspace, "1.0.0", "prod")
    waiting = ask(workspace, "1.0.0", "uat")
    with pytest.raises(ConflictError):
        ask(workspace, "1.0.0", "prod")
    approve_promotion(workspace, PAT, waiting.id)
    assert place(workspace, "1.0.0", "prod").status == "approved"


def test_a_sign_off_stays_when_uat_moves_on(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    place(workspace, "1.0.0", "prod")
    assert _read_stage(workspace, "prod") == "1.0.0"


def test_a_sign_off_that_was_rolled_back_between_request_and_approval_counts_no_more(
    workspace: Workspace,
) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat")
    asked = ask(workspace, "1.1.0", "prod")
    roll_back(workspace, PAT, stage="uat")
    with pytest.raises(ConflictError, match="not signed off"):
        approve_promotion(workspace, PAT, asked.id)
    assert get_promotion(workspace, asked.id).status == "waiting"
    assert _read_stage(workspace, "prod") is None


def test_a_sign_off_that_failed_counts_no_more(workspace: Workspace) -> None:
    failed = place(workspace, "1.0.0", "uat")
    mark_failed(workspace, failed.id, "it does not load")
    with pytest.raises(ConflictError, match="not signed off"):
        ask(workspace, "1.0.0", "prod")


def test_a_canary_on_uat_is_no_sign_off(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat", canary=50)
    with pytest.raises(ConflictError, match="not signed off"):
        ask(workspace, "1.1.0", "prod")


def test_what_was_decided_is_not_decided_again(workspace: Workspace) -> None:
    done = place(workspace, "1.0.0", "uat")
    with pytest.raises(ConflictError, match="it is approved by pat"):
        approve_promotion(workspace, ADMIN, done.id)
    with pytest.raises(ConflictError, match="doesn't wait any more"):
        reject_promotion(workspace, ADMIN, done.id, reason="too late")
    with pytest.raises(ConflictError):
        withdraw_promotion(workspace, DANA, done.id)
    assert get_promotion(workspace, done.id) == done


def test_what_is_on_the_stage_by_now_is_not_approved(workspace: Workspace) -> None:
    canary_free = ask(workspace, "1.0.0", "uat")
    approve_promotion(workspace, PAT, canary_free.id)
    place(workspace, "1.1.0", "uat")
    waiting = ask(workspace, "1.0.0", "uat")
    roll_back(workspace, PAT, stage="uat")
    with pytest.raises(ConflictError, match=r"1\.0\.0 is on uat already"):
        approve_promotion(workspace, PAT, waiting.id)


def test_a_rejection_has_its_reason_and_changes_no_stage(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    done = reject_promotion(workspace, PAT, asked.id, reason="the metrics fell")
    assert (done.status, done.decided_by, done.decision_reason) == ("rejected", "pat", "the metrics fell")
    assert done.ended_at is not None
    assert _read_stage(workspace, "uat") is None
    assert list_audit(workspace, "promotion.reject")[-1].reason == "the metrics fell"
    assert ask(workspace, "1.0.0", "uat").status == "waiting"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_rejection_needs_a_reason(workspace: Workspace, reason: str) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    with pytest.raises(UsageError, match="without a reason"):
        reject_promotion(workspace, PAT, asked.id, reason=reason)
    assert get_promotion(workspace, asked.id).status == "waiting"


def test_whoever_asked_may_withdraw(workspace: Workspace) -> None:
    done = withdraw_promotion(workspace, DANA, ask(workspace, "1.0.0", "uat").id, reason="a mistake")
    assert (done.status, done.decided_by, done.decision_reason) == ("withdrawn", None, "a mistake")


def test_an_administrator_may_withdraw_anybodys(workspace: Workspace) -> None:
    assert withdraw_promotion(workspace, ADMIN, ask(workspace, "1.0.0", "uat").id).status == "withdrawn"


def test_others_may_not_withdraw(workspace: Workspace) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    with pytest.raises(NotAllowedError, match="asked for by dana"):
        withdraw_promotion(workspace, PAT, asked.id)
    assert get_promotion(workspace, asked.id).status == "waiting"
    [event] = list_audit(workspace, "promotion.withdraw")
    assert (event.actor, event.outcome) == ("pat", "denied")


@pytest.mark.parametrize("decide", [approve_promotion, reject_promotion, withdraw_promotion])
def test_an_id_that_is_none_names_the_newest(workspace: Workspace, decide: object) -> None:
    asked = ask(workspace, "1.0.0", "uat")
    options = {"reason": "no"} if decide is reject_promotion else {}
    with pytest.raises(NotFoundError, match=asked.id):
        decide(workspace, ADMIN, "promotion-none", **options)  # type: ignore[operator]


def test_an_approval_stays_when_the_object_store_is_away(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(workspace, "1.0.0", "uat")

    def refuse(*_: object, **__: object) -> bool:
        raise StorageError("the store is away")

    monkeypatch.setattr(Store, "put", refuse)
    assert approve_promotion(workspace, PAT, asked.id).status == "approved"
    assert _read_stage(workspace, "uat") == "1.0.0"


def test_a_failure_in_the_middle_of_an_approval_leaves_nothing_of_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(workspace, "1.0.0", "uat")

    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("seamark.governance.acting.append_event", refuse)
    with pytest.raises(StorageError):
        approve_promotion(workspace, PAT, asked.id)
    assert get_promotion(workspace, asked.id) == asked
    assert _read_stage(workspace, "uat") is None
    assert list_audit(workspace, "promotion.approve") == []


# ---- canaries


def test_an_approved_canary_stands_beside_the_stages_version(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    canary = place(workspace, "1.1.0", "uat", canary=12.5)
    desired = read_desired(workspace)["uat"]
    assert (desired.version, desired.promotion_id) == ("1.0.0", first.id)
    assert desired.canary is not None
    assert (desired.canary.version, desired.canary.share, desired.canary.promotion_id) == (
        "1.1.0",
        12.5,
        canary.id,
    )


def test_a_second_canary_takes_the_place_of_the_first_which_has_ended(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    first = place(workspace, "1.1.0", "uat", canary=10)
    second = place(workspace, "1.2.0", "uat", canary=20)
    canary = read_desired(workspace)["uat"].canary
    assert canary is not None
    assert canary.promotion_id == second.id
    assert get_promotion(workspace, first.id).ended_at is not None
    assert get_promotion(workspace, second.id).ended_at is None


def test_promoting_the_canary_ends_it(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    canary = place(workspace, "1.1.0", "uat", canary=10)
    place(workspace, "1.1.0", "uat")
    desired = read_desired(workspace)["uat"]
    assert (desired.version, desired.canary) == ("1.1.0", None)
    assert get_promotion(workspace, canary.id).ended_at is not None
    assert list_audit(workspace, "promotion.approve")[-1].after["ended"] == ["canary"]


def test_promoting_another_version_leaves_the_canary(workspace: Workspace) -> None:
    place(workspace, "1.0.0", "uat")
    place(workspace, "1.1.0", "uat", canary=10)
    place(workspace, "1.2.0", "uat")
    canary = read_desired(workspace)["uat"].canary
    assert canary is not None
    assert canary.version == "1.1.0"


# ---- looking


def test_promotions_are_listed_newest_first_and_by_stage_and_status(workspace: Workspace) -> None:
    first = place(workspace, "1.0.0", "uat")
    second = ask(workspace, "1.0.0", "prod")
    listed = [each.id for each in list_promotions(workspace)]
    assert listed[:2] == [second.id, first.id]
    assert [each.id for each in list_promotions(workspace, stage="prod")] == [second.id]
    assert [each.id for each in list_promotions(workspace, stage="uat", status="approved")] == [first.id]
    assert len(list_promotions(workspace, limit=1)) == 1
    assert {each.kind for each in list_promotions(workspace, stage="dev")} == {"automatic"}


def test_looking_for_a_status_or_a_stage_that_is_none_is_told(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="expected one of waiting, approved, live"):
        list_promotions(workspace, status="done")
    with pytest.raises(NotFoundError, match="no stage 'live'"):
        list_promotions(workspace, stage="live")


def test_progress_is_told_only_where_texts_are_predicted(workspace: Workspace) -> None:
    heard: list[tuple[int, int]] = []
    request_promotion(
        workspace, DANA, "1.0.0", stage="uat", on_progress=lambda done, total: heard.append((done, total))
    )
    assert heard == []
