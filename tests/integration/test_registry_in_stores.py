"""The registry on each kind of database and of object store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from registry_fakes import Contender, Killed, kill_at, register
from seamark.registry.health import verify_versions
from seamark.registry.versions import get_champion, list_versions
from seamark.storage.workspace import Workspace, create_workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace in the database and the store that the test names by its settings."""
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    with create_workspace(tmp_path / "workspace") as made:
        yield made


@pytest.fixture
def on_each_database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)


@pytest.fixture
def on_s3(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    monkeypatch.setenv("SEAMARK_STORE_URL", s3_url)


@pytest.mark.usefixtures("on_each_database")
def test_processes_that_register_at_once_get_numbers_of_their_own(request: pytest.FixtureRequest) -> None:
    workspace: Workspace = request.getfixturevalue("workspace")
    contenders = [Contender(workspace, f"run {i}", weights=f"w{i}") for i in range(4)]
    start = threading.Barrier(len(contenders))

    def work(contender: Contender) -> str:
        with open_workspace(workspace.folder) as contender.workspace:
            start.wait()
            return contender.register().number

    with ThreadPoolExecutor(len(contenders)) as pool:
        numbers = sorted(pool.map(work, contenders))
    assert numbers == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    log = workspace.store.get_json("logs.json")
    assert list(log["versions"]) == numbers
    assert log["dev_version"] == workspace.store.get_json("dev/current.json")["version"] == "1.3.0"


@pytest.mark.usefixtures("on_s3")
def test_in_a_bucket_a_killed_registration_goes_on_and_damage_is_found(
    request: pytest.FixtureRequest,
) -> None:
    workspace: Workspace = request.getfixturevalue("workspace")
    for moment in (0, 5, 9, 11, 16):
        contender = Contender(workspace, f"run {moment}", weights=f"w{moment}")
        with kill_at(moment), suppress(Killed):
            contender.register()
        assert contender.register().status == "registered"
    assert len(list_versions(workspace)) == 5
    assert all(health.ok for health in verify_versions(workspace))
    champion = get_champion(workspace)
    assert champion is not None
    workspace.store.put(f"{champion.path}model_card.md", b"# B card")
    assert [health.number for health in verify_versions(workspace) if not health.ok] == [champion.number]


@pytest.mark.usefixtures("on_s3")
def test_a_log_names_the_bucket(request: pytest.FixtureRequest) -> None:
    workspace: Workspace = request.getfixturevalue("workspace")
    register(workspace, "first")
    entry = workspace.store.get_json("logs.json")["versions"]["1.0.0"]
    assert entry["bucket"].startswith("s3://")
