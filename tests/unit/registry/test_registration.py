from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from people import list_audit
from registry_fakes import Contender, Killed, kill_at, make_taxonomy, register
from seamark.errors import StorageError, UsageError
from seamark.governance.anchor import read_anchor
from seamark.registry.bundles import delete_prefix, verify_stored
from seamark.registry.experiments import get_experiment
from seamark.registry.health import verify_versions
from seamark.registry.registration import abandon_registration
from seamark.registry.versions import get_champion, list_versions
from seamark.storage import versions as rows
from seamark.storage.audit import read_head
from seamark.storage.objects import Store
from seamark.storage.promotions import PromotionRecord, list_promotions
from seamark.storage.workspace import Workspace, open_workspace


def _read_row(workspace: Workspace, run_id: str) -> rows.VersionRecord | None:
    with workspace.database.read() as connection:
        return rows.find_version_of_run(connection, run_id)


def _list_promotions(workspace: Workspace) -> list[PromotionRecord]:
    """What put a version on DEV, the oldest decision first."""
    with workspace.database.read() as connection:
        found = list_promotions(connection, stage="dev")
    return sorted(found, key=lambda promotion: str(promotion.decided_at))


def _list_registered(workspace: Workspace) -> list[str]:
    return [event.subject for event in list_audit(workspace, "version.register")]


def test_the_first_candidate_becomes_version_1_0_0(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    record = contender.register()
    assert (record.number, record.status, record.change, record.parent) == (
        "1.0.0",
        "registered",
        "first",
        None,
    )
    assert record.size == contender.bundle.size
    assert record.registered_at is not None
    assert record.registered_at >= record.created_at
    assert list_versions(workspace) == [record]
    assert get_champion(workspace) == record


def test_the_bundle_lies_under_its_number_whole_and_with_the_number_in_its_manifest(
    workspace: Workspace,
) -> None:
    record = register(workspace, "first")
    assert verify_stored(workspace.store, record.path, record.manifest_digest) == []
    manifest = workspace.store.get_json(f"{record.path}manifest.json")
    assert manifest["version"] == "1.0.0"
    assert record.path == "finetuned_models/mlops/versions/1.0.0/"


def test_the_candidate_is_gone_afterwards(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    contender.register()
    assert workspace.store.list("finetuned_models/mlops/candidates") == []


def test_the_experiment_is_over_and_names_its_version(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    contender.register()
    experiment = get_experiment(workspace, contender.experiment_id)
    assert (experiment.status, experiment.version) == ("registered", "1.0.0")
    assert experiment.finished_at is not None


def test_a_new_version_is_on_dev_by_itself(workspace: Workspace) -> None:
    register(workspace, "first")
    assert workspace.store.get_json("dev/current.json")["version"] == "1.0.0"
    assert workspace.store.get_json("prod/current.json")["version"] is None
    assert workspace.store.get_json("logs.json")["dev_version"] == "1.0.0"


def test_a_registration_is_seamark_s_own_deed_with_an_automatic_promotion(workspace: Workspace) -> None:
    first = register(workspace, "first")
    second = register(workspace, "second", weights="w2", parent="1.0.0")
    events = list_audit(workspace, "version.register")
    assert [(event.actor, event.actor_kind, event.subject) for event in events] == [
        ("seamark", "system", "1.0.0"),
        ("seamark", "system", "1.1.0"),
    ]
    assert [(event.before["dev"], event.after["dev"]) for event in events] == [
        (None, "1.0.0"),
        ("1.0.0", "1.1.0"),
    ]
    assert events[1].after == {
        "dev": "1.1.0",
        "manifest_digest": second.manifest_digest,
        "experiment": second.experiment_id,
        "run": second.run_id,
    }
    one, other = _list_promotions(workspace)
    assert (one.version, one.kind, one.status, one.replaces) == (first.number, "automatic", "approved", None)
    assert (other.version, other.replaces, other.requested_by, other.decided_by) == (
        "1.1.0",
        "1.0.0",
        "seamark",
        "seamark",
    )


def test_registering_again_repeats_neither_event_nor_promotion(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    contender.register()
    contender.register()
    assert (_list_registered(workspace), len(_list_promotions(workspace))) == (["1.0.0"], 1)


def test_numbers_follow_from_what_changed(workspace: Workspace) -> None:
    wider = make_taxonomy("Python", "Nursing", "Welding", version="1.1.0")
    found = [
        register(workspace, "first"),
        register(workspace, "retrained", weights="w2", parent="1.0.0"),
        register(workspace, "skills", weights="w2", taxonomy=wider, parent="1.1.0"),
        register(workspace, "threshold", weights="w2", taxonomy=wider, parent="1.1.1", threshold=0.4),
        register(workspace, "again", weights="w3", taxonomy=wider, parent="1.1.2"),
        register(workspace, "loss", weights="w4", taxonomy=wider, parent="1.2.0", loss="cosent"),
    ]
    assert [record.number for record in found] == ["1.0.0", "1.1.0", "1.1.1", "1.1.2", "1.2.0", "2.0.0"]
    assert [record.change for record in found] == ["first", "weights", "taxonomy", "fix", "weights", "loss"]
    assert list_versions(workspace) == found


def test_a_version_made_from_an_older_one_still_gets_the_highest_number(workspace: Workspace) -> None:
    register(workspace, "first")
    register(workspace, "second", weights="w2", parent="1.0.0")
    assert register(workspace, "third", weights="w3", parent="1.0.0").number == "1.2.0"


def test_registering_again_changes_nothing(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    record = contender.register()
    assert contender.register() == record
    assert list_versions(workspace) == [record]


def test_content_that_is_registered_already_makes_no_version(workspace: Workspace) -> None:
    first = register(workspace, "first")
    contender = Contender(workspace, "same", parent="1.0.0")
    found = contender.register()
    assert found == first
    assert found.run_id != contender.run_id
    assert list_versions(workspace) == [first]
    assert get_experiment(workspace, contender.experiment_id).status == "running"


def test_content_that_another_run_has_only_reserved_gets_its_own_number(workspace: Workspace) -> None:
    register(workspace, "first")
    stuck = Contender(workspace, "stuck", weights="w2")
    with kill_at(0), pytest.raises(Killed):
        stuck.register()
    assert register(workspace, "same", weights="w2").number == "1.1.1"
    assert stuck.register().number == "1.1.0"
    assert [record.number for record in list_versions(workspace)] == ["1.0.0", "1.1.0", "1.1.1"]


def test_a_late_registration_does_not_push_a_newer_version_off_dev(workspace: Workspace) -> None:
    late = Contender(workspace, "late")
    with kill_at(0), pytest.raises(Killed):
        late.register()
    register(workspace, "newer", weights="w2")
    late.register()
    assert workspace.store.get_json("dev/current.json")["version"] == "1.1.0"
    assert [promotion.version for promotion in _list_promotions(workspace)] == ["1.1.0"]
    event = list_audit(workspace, "version.register")[-1]
    assert (event.subject, event.before["dev"], event.after["dev"]) == ("1.0.0", "1.1.0", "1.1.0")


def test_a_parent_that_is_no_version_is_refused(workspace: Workspace) -> None:
    register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2", parent="0.9.0")
    with pytest.raises(UsageError, match=r"parent is 0\.9\.0; expected a version, of: 1\.0\.0"):
        contender.register()
    assert _read_row(workspace, contender.run_id) is None


def test_killed_at_any_moment_it_goes_on_and_registers_once(workspace: Workspace) -> None:
    """Before and after every call that changes the store; database transactions lie between these."""
    moment = 0
    while True:
        contender = Contender(workspace, f"run {moment}", weights=f"w{moment}")
        with kill_at(moment) as is_dead:
            with suppress(Killed):
                contender.register()
            if not is_dead():
                break
        champion = get_champion(workspace)
        record = contender.register()
        assert record.status == "registered"
        assert champion is None or champion.number <= record.number
        moment += 1
    assert moment > 20
    found = list_versions(workspace)
    assert [record.number for record in found] == [f"1.{i}.0" for i in range(moment + 1)]
    assert all(health.ok for health in verify_versions(workspace))
    assert workspace.store.list("finetuned_models/mlops/candidates") == []
    log = workspace.store.get_json("logs.json")
    assert list(log["versions"]) == [record.number for record in found]
    assert log["dev_version"] == found[-1].number
    assert _list_registered(workspace) == [record.number for record in found]
    assert [promotion.version for promotion in _list_promotions(workspace)] == _list_registered(workspace)
    with workspace.database.read() as connection:
        assert read_anchor(workspace) == read_head(connection)


@pytest.mark.parametrize(
    "step", ["mark_registered", "set_stage", "add_promotion", "update_experiment", "record"]
)
def test_a_transaction_that_is_cut_off_leaves_nothing_half_done(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    contender = Contender(workspace, "first")

    def die(*_args: object, **_options: object) -> None:
        raise Killed

    where = "seamark.storage.versions" if step == "mark_registered" else "seamark.registry.registration"
    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{step}", die)
        with pytest.raises(Killed):
            contender.register()
    assert get_champion(workspace) is None
    assert get_experiment(workspace, contender.experiment_id).status == "running"
    assert (_list_registered(workspace), _list_promotions(workspace)) == ([], [])
    assert contender.register().number == "1.0.0"
    assert (_list_registered(workspace), len(_list_promotions(workspace))) == (["1.0.0"], 1)


def test_the_champion_stays_while_another_version_is_put_in_place(workspace: Workspace) -> None:
    first = register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2")
    with kill_at(3), pytest.raises(Killed):
        contender.register()
    assert get_champion(workspace) == first
    assert list_versions(workspace) == [first]
    row = _read_row(workspace, contender.run_id)
    assert row is not None
    assert (row.number, row.status) == ("1.1.0", "registering")


def test_a_store_that_fails_leaves_the_champion_and_the_next_try_succeeds(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2")

    def fail(*_args: object, **_options: object) -> bool:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "copy", fail)
        with pytest.raises(StorageError, match="disk is full"):
            contender.register()
    assert get_champion(workspace) == first
    assert contender.register().number == "1.1.0"


def test_an_abandoned_number_is_free_again(workspace: Workspace) -> None:
    register(workspace, "first")
    contender = Contender(workspace, "second", weights="w2")
    with kill_at(5), pytest.raises(Killed):
        contender.register()
    assert workspace.store.list("finetuned_models/mlops/versions/1.1.0")
    assert abandon_registration(workspace, contender.run_id)
    assert workspace.store.list("finetuned_models/mlops/versions/1.1.0") == []
    assert _read_row(workspace, contender.run_id) is None
    assert register(workspace, "third", weights="w3").number == "1.1.0"


def test_a_registered_version_is_never_abandoned(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    record = contender.register()
    assert not abandon_registration(workspace, contender.run_id)
    assert not abandon_registration(workspace, "run-that-never-was")
    assert list_versions(workspace) == [record]
    assert verify_versions(workspace)[0].ok


def test_a_retry_with_another_candidate_does_not_mix_the_two(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    with kill_at(5), pytest.raises(Killed):
        contender.register()
    contender.write("second", weights="other")
    record = contender.register()
    assert record.number == "1.0.0"
    assert workspace.store.get(f"{record.path}embedding_model/model.safetensors") == b"other"
    assert verify_versions(workspace)[0].ok


def test_something_else_in_the_numbers_place_is_never_overwritten(workspace: Workspace) -> None:
    workspace.store.put("finetuned_models/mlops/versions/1.0.0/model_card.md", b"somebody's")
    contender = Contender(workspace, "first")
    with pytest.raises(StorageError, match="another content"):
        contender.register()
    assert workspace.store.get("finetuned_models/mlops/versions/1.0.0/model_card.md") == b"somebody's"
    assert get_champion(workspace) is None


def test_a_candidate_that_is_gone_is_an_error(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    delete_prefix(workspace.store, contender.prefix)
    with pytest.raises(StorageError, match=r"model\.safetensors"):
        contender.register()
    assert get_champion(workspace) is None


def test_two_at_once_get_numbers_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    contenders = [Contender(workspace, f"run {i}", weights=f"w{i}") for i in range(4)]
    others = [open_workspace(workspace.folder) for _ in contenders]
    start = threading.Barrier(len(contenders))

    def work(contender: Contender, own: Workspace) -> str:
        contender.workspace = own
        start.wait()
        return contender.register().number

    with ThreadPoolExecutor(len(contenders)) as pool:
        numbers = sorted(pool.map(work, contenders, others))
    for own in others:
        own.close()
    assert numbers == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    assert list(workspace.store.get_json("logs.json")["versions"]) == numbers
    assert workspace.store.get_json("dev/current.json")["version"] == "1.3.0"
    assert sorted(_list_registered(workspace)) == numbers
    placed = _list_promotions(workspace)
    assert [one.replaces for one in placed] == [None, *(one.version for one in placed[:-1])]
