"""Triggers: which run an event starts, and what makes it the same event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from people import ADMIN, list_audit
from seamark.errors import UsageError
from seamark.pipelines.triggers import KINDS, fire, make_slot_key
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path) as workspace:
        yield workspace


@pytest.mark.parametrize(
    ("kind", "payload", "key"),
    [
        ("code-update", {"commit": "abc123"}, "abc123"),
        ("performance-drop", {"window": "2026-W47"}, "2026-W47"),
        ("drift", {"window": "2026-W47"}, "2026-W47"),
        ("schedule", {}, f"{datetime.now(UTC):%Y-%m-%dT%H}"),
    ],
)
def test_an_event_is_known_by_what_it_is_about(workspace, kind, payload, key):
    run, created = fire(workspace, ADMIN, kind, payload=payload)
    assert created
    assert (run.status, run.pipeline, run.trigger, run.attempt) == ("queued", "build", kind, 1)
    assert run.key == key or kind == "schedule"  # the hour may have turned meanwhile
    assert run.payload == {**payload, "who": "ada"}
    again, created = fire(workspace, ADMIN, kind, payload=payload)
    assert (again, created) == (run, False)


def test_manual_triggers_are_new_each_time_unless_a_key_is_given(workspace):
    first, second = fire(workspace, ADMIN, "manual"), fire(workspace, ADMIN, "manual")
    assert first[0].id != second[0].id
    third, fourth = fire(workspace, ADMIN, "manual", key="k"), fire(workspace, ADMIN, "manual", key="k")
    assert third[0].id == fourth[0].id
    assert [third[1], fourth[1]] == [True, False]


def test_one_key_of_two_kinds_is_two_events(workspace):
    assert fire(workspace, ADMIN, "drift", payload={"window": "w"})[1]
    assert fire(workspace, ADMIN, "performance-drop", payload={"window": "w"})[1]


@pytest.mark.parametrize("payload", [{}, {"commit": ""}, {"commit": "  "}, {"commit": 5}])
def test_a_code_update_without_its_commit_is_refused_and_leaves_nothing(workspace, payload):
    with pytest.raises(UsageError, match=r"which commit it is about.*--commit SHA"):
        fire(workspace, ADMIN, "code-update", payload=payload)
    assert fire(workspace, ADMIN, "manual")[0].attempt == 1


@pytest.mark.parametrize("key", ["", " ", "k" * 201])
def test_a_key_has_a_length(workspace, key):
    with pytest.raises(UsageError, match="1 to 200 characters"):
        fire(workspace, ADMIN, "manual", key=key)


def test_a_key_of_200_characters_will_do(workspace):
    assert fire(workspace, ADMIN, "manual", key="k" * 200)[0].key == "k" * 200


def test_an_unknown_kind_is_refused_with_those_there_are(workspace):
    with pytest.raises(UsageError, match="no trigger is called 'sunrise'; expected one of code-update"):
        fire(workspace, ADMIN, "sunrise")


def test_a_skills_update_is_known_by_its_release(workspace):
    from seamark.registry.releases import get_live_release, import_taxonomy

    with pytest.raises(UsageError):
        fire(workspace, ADMIN, "skills-update")
    import_taxonomy(workspace, ADMIN, None)
    release = get_live_release(workspace)
    run, _ = fire(workspace, ADMIN, "skills-update")
    assert run.pipeline == "skills-update"
    assert run.key == f"{release.name}@{release.number}"
    assert run.payload == {"taxonomy": f"{release.name}@{release.number}", "who": "ada"}
    named = fire(workspace, ADMIN, "skills-update", payload={"taxonomy": f"{release.name}@{release.number}"})
    assert named == (run, False)


def test_a_release_that_goes_back_to_an_older_content_is_another_event(workspace, tmp_path):
    from seamark.registry.releases import import_taxonomy

    source, runs = tmp_path / "own.csv", []
    for titles in ("Python Nursing", "Python Nursing Welding", "Python Nursing", "Python Nursing Welding"):
        source.write_text("skill_id,title\n" + "".join(f"{word},{word}\n" for word in titles.split()))
        import_taxonomy(workspace, ADMIN, source, name="own", force=True)
        runs.append(fire(workspace, ADMIN, "skills-update")[0].id)
    assert len(set(runs)) == 4


def test_a_forced_update_is_not_the_one_that_was_refused(workspace):
    from seamark.registry.releases import import_taxonomy

    import_taxonomy(workspace, ADMIN, None)
    refused, _ = fire(workspace, ADMIN, "skills-update")
    forced, created = fire(workspace, ADMIN, "skills-update", payload={"force": True})
    assert created
    assert forced.id != refused.id
    assert fire(workspace, ADMIN, "skills-update", payload={"force": True}) == (forced, False)


def test_every_kind_of_the_design_starts_a_pipeline():
    assert list(KINDS) == [
        "code-update",
        "skills-update",
        "performance-drop",
        "drift",
        "schedule",
        "manual",
    ]


def test_a_slot_is_its_hour_in_utc_and_its_minute_where_that_matters():
    slot = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    assert make_slot_key(slot) == "2026-11-21T03"
    assert make_slot_key(slot + timedelta(minutes=30)) == "2026-11-21T03:30"
    assert make_slot_key(slot.astimezone(timezone(timedelta(hours=8)))) == "2026-11-21T03"


def test_a_trigger_is_in_the_audit_trail_once(workspace):
    run, _ = fire(workspace, ADMIN, "drift", payload={"window": "w", "secret": "s"})
    fire(workspace, ADMIN, "drift", payload={"window": "w"})
    (event,) = list_audit(workspace)
    assert (event.actor, event.action, event.subject) == ("ada", "trigger.fire", run.id)
    assert event.after == {"trigger": "drift", "key": "w", "pipeline": "build", "status": "queued"}


def test_a_trigger_that_is_refused_is_no_event(workspace):
    with pytest.raises(UsageError):
        fire(workspace, ADMIN, "sunrise")
    assert list_audit(workspace) == []


def test_nobody_signs_with_another_s_name(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"who": "bob"})
    assert run.payload["who"] == "ada"


def test_a_slot_of_the_schedule_is_fired_by_seamark_itself(workspace):
    from seamark.pipelines.worker import Slots

    run = Slots(workspace, "0 * * * *").fire_due(datetime.now(UTC) + timedelta(hours=1))
    (event,) = list_audit(workspace)
    assert (event.actor, event.actor_kind, event.via) == ("seamark", "system", "pipeline")
    assert (event.subject, run.payload["who"]) == (run.id, "seamark")
