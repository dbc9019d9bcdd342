"""The demo's version comes to PROD by two people, also where an earlier demo was stopped in between."""

from __future__ import annotations

import pytest

from people import make_actor
from seamark.cli._demo_workspace import (
    APPROVER,
    SCIENTIST,
    bring_to_prod,
    build_version,
    find_failure,
    make_demo_token,
    open_demo_workspace,
    refuse_elsewhere,
)
from seamark.delivery.desired import read_desired
from seamark.delivery.outcomes import mark_failed
from seamark.delivery.promotions import list_promotions, request_promotion
from seamark.errors import SignInError, UsageError
from seamark.governance.people import list_people
from seamark.governance.tokens import authenticate
from tiny_versions import register_tiny

SOMEBODY = make_actor(SCIENTIST, "data-scientist")


@pytest.fixture
def workspace(tmp_path, tiny_bundle, tiny_settings, monkeypatch):
    monkeypatch.setenv("SEAMARK_HOME", str(tiny_settings.home))
    monkeypatch.setenv("SEAMARK_OFFLINE", "1")
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "credentials.json"))
    monkeypatch.delenv("SEAMARK_TOKEN", raising=False)
    with open_demo_workspace(tmp_path / "workspace") as opened:
        register_tiny(opened, tiny_bundle)
        yield opened


def read_stages(workspace):
    return {name: stage.version for name, stage in read_desired(workspace).items()}


def test_the_demos_people_are_marked_as_made_up_and_nobody_else_is(workspace):
    admin = make_actor("ada", "administrator")
    people = {person.name: person.simulated for person in list_people(workspace, admin)}
    assert {name for name, simulated in people.items() if simulated} == {SCIENTIST, APPROVER}
    assert len(people) == 3


def test_opened_again_it_is_the_same_workspace(workspace):
    with open_demo_workspace(workspace.folder) as again:
        assert read_stages(again) == read_stages(workspace)
        assert len(list_people(again, make_actor("ada", "administrator"))) == 3


def test_a_version_that_is_there_is_not_built_anew(workspace):
    assert build_version(workspace) == "1.0.0"


def test_the_version_comes_to_uat_and_prod_by_two_people(workspace):
    assert bring_to_prod(workspace, "1.0.0") == "1.0.0"
    assert read_stages(workspace) == {"dev": "1.0.0", "uat": "1.0.0", "prod": "1.0.0"}
    asked = [(one.stage, one.requested_by, one.decided_by) for one in list_promotions(workspace)[:2]]
    assert asked == [("prod", SCIENTIST, APPROVER), ("uat", SCIENTIST, APPROVER)]


def test_what_is_on_prod_stays_there(workspace):
    bring_to_prod(workspace, "1.0.0")
    before = list_promotions(workspace)
    assert bring_to_prod(workspace, "9.9.9") == "1.0.0"
    assert list_promotions(workspace) == before


def test_a_promotion_that_an_earlier_demo_left_waiting_is_approved(workspace):
    left = request_promotion(workspace, SOMEBODY, "1.0.0", stage="uat")
    bring_to_prod(workspace, "1.0.0")
    assert left.id in {one.id for one in list_promotions(workspace, stage="uat") if one.status == "approved"}
    assert list_promotions(workspace, status="waiting") == []


def test_a_promotion_that_failed_is_told_until_prod_has_a_version(workspace):
    assert find_failure(workspace) == ""
    bring_to_prod(workspace, "1.0.0")
    assert find_failure(workspace) == ""
    mark_failed(workspace, list_promotions(workspace, stage="prod")[0].id, "its smoke test failed")
    assert find_failure(workspace) == "its smoke test failed"
    bring_to_prod(workspace, "1.0.0")
    assert find_failure(workspace) == ""


def test_each_demo_has_a_token_of_its_own_that_only_predicts(workspace):
    first, second = make_demo_token(workspace), make_demo_token(workspace)
    assert authenticate(workspace, second).scopes == {"predict"}
    with pytest.raises(SignInError):
        authenticate(workspace, first)


@pytest.mark.parametrize(
    ("section", "url", "told"),
    [("DATABASE", "postgresql://ada@host/name", "a database"), ("STORE", "s3://bucket", "an object store")],
)
def test_somebodys_database_or_store_is_refused(monkeypatch, section, url, told):
    refuse_elsewhere()
    monkeypatch.setenv(f"SEAMARK_{section}_URL", url)
    with pytest.raises(UsageError, match=told):
        refuse_elsewhere()
