from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from people import ADMIN, list_audit
from registry_fakes import register
from seamark.errors import ConflictError, NotFoundError, StorageError, TaxonomyError, UsageError
from seamark.registry import releases
from seamark.registry.releases import (
    find_release,
    get_live_release,
    import_taxonomy,
    list_releases,
    load_taxonomy,
    use_taxonomy,
)
from seamark.storage.objects import Store
from seamark.storage.workspace import Workspace
from seamark.taxonomy import Skill, Taxonomy, write_taxonomy

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a taxonomy of the given titles; the ids are the titles in lower case."""

    def write_file(*titles: str, description: str = "", status: str = "active", name: str = "s.json") -> Path:
        skills = tuple(
            Skill(title.lower(), title, description=description, status=status)  # type: ignore[arg-type]
            for title in titles
        )
        write_taxonomy(Taxonomy("mine", skills), tmp_path / name)
        return tmp_path / name

    return write_file


def list_numbers(workspace: Workspace, name: str | None = None) -> list[str]:
    return [f"{release.name}@{release.number}" for release in list_releases(workspace, name)]


def test_the_first_import_is_release_1_0_0_and_live(workspace: Workspace, write: Write) -> None:
    outcome = import_taxonomy(workspace, ADMIN, write("A", "B"))
    assert (outcome.release.number, outcome.created, outcome.diff) == ("1.0.0", True, None)
    assert (outcome.live, outcome.became_live) == ("mine", True)
    live = get_live_release(workspace)
    assert (live.name, live.number, live.skills, live.source) == ("mine", "1.0.0", 2, "s.json")
    assert live.object_key == "taxonomies/mine/1.0.0.json"
    assert workspace.store.exists(live.object_key)
    loaded = load_taxonomy(workspace, "mine")
    assert (loaded.name, loaded.version, loaded.digest) == ("mine", "1.0.0", live.digest)


def test_the_same_content_changes_nothing_and_says_so(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    before = list_releases(workspace), workspace.store.list()
    outcome = import_taxonomy(workspace, ADMIN, write("B", "A", name="other.json"), name="mine")
    assert (outcome.created, outcome.release.number, bool(outcome.diff)) == (False, "1.0.0", False)
    assert (list_releases(workspace), workspace.store.list()) == before


def test_numbers_follow_from_what_changed(workspace: Workspace, write: Write) -> None:
    titles = [chr(ord("A") + place) for place in range(10)]
    import_taxonomy(workspace, ADMIN, write(*titles))
    import_taxonomy(workspace, ADMIN, write(*titles, description="More."))
    import_taxonomy(workspace, ADMIN, write(*titles, "Z"))
    import_taxonomy(workspace, ADMIN, write(*titles))
    assert list_numbers(workspace) == ["mine@1.0.0", "mine@1.0.1", "mine@1.1.0", "mine@2.0.0"]
    assert list_releases(workspace)[2].changes["added"] == 1


def test_an_older_release_can_be_loaded_by_its_number(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    assert len(load_taxonomy(workspace, "mine", "1.0.0")) == 1
    assert len(load_taxonomy(workspace, "mine")) == 2


def test_the_starter_is_a_release_like_any_other(workspace: Workspace) -> None:
    outcome = import_taxonomy(workspace, ADMIN, None)
    assert (outcome.release.name, outcome.release.number) == ("starter", "1.0.0")
    assert load_taxonomy(workspace, "starter").digest == Taxonomy.starter().digest
    assert import_taxonomy(workspace, ADMIN, None).created is False


@pytest.mark.parametrize("name", ["starter", "a/b", ""])
def test_a_name_that_can_not_be_one_is_refused(workspace: Workspace, write: Write, name: str) -> None:
    with pytest.raises(UsageError):
        import_taxonomy(workspace, ADMIN, write("A"), name=name)
    assert list_releases(workspace) == []


def test_a_taxonomy_without_an_active_skill_is_refused_even_by_force(
    workspace: Workspace, write: Write
) -> None:
    with pytest.raises(TaxonomyError, match="no active skill"):
        import_taxonomy(workspace, ADMIN, write("A", status="retired"), force=True)


def test_a_shrunken_taxonomy_is_refused_unless_forced(workspace: Workspace, write: Write) -> None:
    titles = [f"Skill {number}" for number in range(10)]
    import_taxonomy(workspace, ADMIN, write(*titles))
    with pytest.raises(TaxonomyError, match=r"3 of the 10 active skills of mine@1\.0\.0 are gone") as caught:
        import_taxonomy(workspace, ADMIN, write(*titles[3:]))
    assert "'Skill 0'" in caught.value.found
    assert "--force" in caught.value.hint
    assert list_numbers(workspace) == ["mine@1.0.0"]
    assert import_taxonomy(workspace, ADMIN, write(*titles[3:]), force=True).release.number == "2.0.0"


def test_exactly_the_allowed_share_may_go(workspace: Workspace, write: Write) -> None:
    titles = [f"Skill {number}" for number in range(10)]
    import_taxonomy(workspace, ADMIN, write(*titles))
    assert import_taxonomy(workspace, ADMIN, write(*titles[2:])).created


def test_retired_skills_count_as_gone(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    with pytest.raises(TaxonomyError, match="2 of the 2"):
        import_taxonomy(workspace, ADMIN, write("C", "D"))


def test_another_taxonomy_becomes_live_only_before_the_first_version(
    workspace: Workspace, write: Write
) -> None:
    import_taxonomy(workspace, ADMIN, None)
    assert import_taxonomy(workspace, ADMIN, write("A")).became_live
    register(workspace, "first")
    outcome = import_taxonomy(workspace, ADMIN, write("B"), name="late")
    assert (outcome.live, outcome.became_live) == ("mine", False)
    assert use_taxonomy(workspace, ADMIN, "late").number == "1.0.0"
    assert get_live_release(workspace).name == "late"


def test_only_the_newest_release_can_be_live(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    assert use_taxonomy(workspace, ADMIN, "mine@1.1.0").number == "1.1.0"
    with pytest.raises(ConflictError, match=r"mine@1\.0\.0 is not the newest"):
        use_taxonomy(workspace, ADMIN, "mine@1.0.0")


def test_what_is_not_there_is_refused_with_what_there_is(workspace: Workspace, write: Write) -> None:
    with pytest.raises(UsageError, match="no taxonomy yet"):
        get_live_release(workspace)
    with pytest.raises(NotFoundError, match="none is imported"):
        find_release(workspace, "nosuch")
    import_taxonomy(workspace, ADMIN, write("A"))
    with pytest.raises(NotFoundError, match=r"one of: mine"):
        use_taxonomy(workspace, ADMIN, "nosuch")
    with pytest.raises(NotFoundError, match=r"no release 2\.0\.0; expected one of 1\.0\.0"):
        load_taxonomy(workspace, "mine", "2.0.0")


def test_releases_are_sorted_by_number_not_by_letters(workspace: Workspace, write: Write) -> None:
    for count in range(1, 12):
        import_taxonomy(workspace, ADMIN, write(*(f"S{number}" for number in range(count))))
    assert list_numbers(workspace)[-2:] == ["mine@1.9.0", "mine@1.10.0"]
    assert get_live_release(workspace).number == "1.10.0"


def test_a_changed_object_is_noticed(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    key = get_live_release(workspace).object_key
    content = workspace.store.get(key)
    workspace.store.put(key, content.replace(b'"A"', b'"Z"'))
    with pytest.raises(TaxonomyError, match="no longer has the content"):
        load_taxonomy(workspace, "mine")
    workspace.store.delete(key)
    with pytest.raises(StorageError):
        load_taxonomy(workspace, "mine")


def test_an_object_exchanged_for_another_release_is_noticed(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    content = workspace.store.get("taxonomies/mine/1.0.0.json")
    workspace.store.put("taxonomies/mine/1.1.0.json", content)
    with pytest.raises(TaxonomyError, match="not the one that was imported"):
        load_taxonomy(workspace, "mine")


@pytest.mark.parametrize("titles", [("A", "B"), ("A", "B", "C")])
def test_a_crash_between_object_and_row_heals_with_the_next_import(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch, titles: tuple[str, ...]
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    import_taxonomy(workspace, ADMIN, write("A"))
    with monkeypatch.context() as patch:
        patch.setattr(releases, "_record", die)
        with pytest.raises(KeyboardInterrupt):
            import_taxonomy(workspace, ADMIN, write("A", "B"))
    assert list_numbers(workspace) == ["mine@1.0.0"]
    import_taxonomy(workspace, ADMIN, write(*titles))
    assert list_numbers(workspace) == [f"mine@1.{number}.0" for number in range(len(titles))]
    assert len(load_taxonomy(workspace, "mine", "1.1.0")) == 2


def test_imports_at_once_get_numbers_of_their_own(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    gate = threading.Barrier(3)
    put, outcomes = Store.put, []

    def wait_and_put(self: Store, key: str, data: bytes, *, create: bool = False) -> bool:
        if key.endswith("/1.1.0.json"):  # all three want this number
            gate.wait(timeout=10)
        return put(self, key, data, create=create)

    def run(path: Path) -> None:
        outcomes.append(import_taxonomy(workspace, ADMIN, path, name="mine", force=True))

    monkeypatch.setattr(Store, "put", wait_and_put)
    paths = [write("A", f"New {number}", name=f"{number}.json") for number in range(3)]
    threads = [threading.Thread(target=run, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(outcomes) == 3
    assert len({outcome.release.number for outcome in outcomes}) == 3
    assert len(list_releases(workspace, "mine")) == 4


def test_an_import_is_in_the_audit_trail_with_what_it_made_live(workspace: Workspace, write: Write) -> None:
    first = import_taxonomy(workspace, ADMIN, write("A"))
    register(workspace, "first")
    import_taxonomy(workspace, ADMIN, write("A", name="b.json"), name="late")
    one, other = list_audit(workspace, "taxonomy.import")
    assert (one.actor, one.subject, one.outcome, one.reason) == ("ada", "mine@1.0.0", "done", "")
    facts = {"digest": first.release.digest, "skills": 1, "source": "s.json"}
    assert (one.before, one.after) == ({"live": None}, {"live": "mine", **facts})
    assert (other.subject, other.before["live"], other.after["live"]) == ("late@1.0.0", "mine", "mine")


def test_the_same_content_again_is_no_event(workspace: Workspace, write: Write) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    import_taxonomy(workspace, ADMIN, write("A"))
    assert len(list_audit(workspace)) == 1


def test_a_release_that_was_refused_is_no_event(workspace: Workspace, write: Write) -> None:
    with pytest.raises(TaxonomyError):
        import_taxonomy(workspace, ADMIN, write("A", status="retired"))
    assert list_audit(workspace) == []


def test_what_a_crash_left_is_adopted_by_seamark_itself(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(releases, "_record", die)
        with pytest.raises(KeyboardInterrupt):
            import_taxonomy(workspace, ADMIN, write("A"))
    assert list_audit(workspace) == []
    import_taxonomy(workspace, ADMIN, write("A", "B"))
    found = [(event.actor, event.actor_kind, event.subject) for event in list_audit(workspace)]
    assert found == [("seamark", "system", "mine@1.0.0"), ("ada", "person", "mine@1.1.0")]
    assert "cut off" in list_audit(workspace)[0].reason


def test_another_live_taxonomy_is_one_event_and_the_same_one_is_none(
    workspace: Workspace, write: Write
) -> None:
    import_taxonomy(workspace, ADMIN, write("A"))
    import_taxonomy(workspace, ADMIN, None)
    use_taxonomy(workspace, ADMIN, "mine")
    use_taxonomy(workspace, ADMIN, "mine@1.0.0")
    (event,) = list_audit(workspace, "taxonomy.use")
    assert (event.subject, event.before, event.after) == ("mine", {"live": "starter"}, {"live": "mine"})


def test_imports_at_once_are_an_event_each(workspace: Workspace, write: Write) -> None:
    paths = [write("A", f"New {number}", name=f"{number}.json") for number in range(4)]
    threads = [
        threading.Thread(
            target=import_taxonomy, args=(workspace, ADMIN, path), kwargs={"name": "mine", "force": True}
        )
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    made = [event for event in list_audit(workspace) if event.actor == "ada"]
    assert sorted(event.subject for event in made) == list_numbers(workspace)
