"""A workspace with two versions that really predict, and the service over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from people import ADMIN, make_actor
from seamark.errors import StorageError
from seamark.governance.people import add_first_administrator, add_person
from seamark.governance.tokens import create_token
from seamark.serving.app import make_app
from seamark.settings import Settings
from seamark.storage.database import Database
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_models import TAXONOMY, make_bundle
from tiny_versions import put_on_stage, register_tiny

VERSIONS = ("1.0.0", "1.0.1", "1.0.2")
VERA = make_actor("vera", "viewer")


def edit(number: str) -> Any:
    """The tiny taxonomy with titles that say which version predicted them."""
    skills = (replace(skill, title=f"{skill.title}, edition {number}") for skill in TAXONOMY.skills)
    return replace(TAXONOMY, skills=tuple(skills))


@pytest.fixture(scope="session")
def environ(tiny_settings: Settings) -> dict[str, str]:
    return {
        "SEAMARK_HOME": str(tiny_settings.home),
        "SEAMARK_OFFLINE": "1",
        "SEAMARK_THREADS": "1",
        "SEAMARK_SERVICE_POLL_SECONDS": "0.05",
        "SEAMARK_CAPTURE_MOVE_SECONDS": "0.05",
    }


@pytest.fixture(scope="session")
def template(
    tmp_path_factory: pytest.TempPathFactory, tiny_settings: Settings, environ: dict[str, str]
) -> tuple[Path, dict[str, str]]:
    """A workspace's folder, and its people's tokens; copy it."""
    root = tmp_path_factory.mktemp("served")
    with create_workspace(root / "workspace", environ=environ):
        pass
    with open_workspace(root / "workspace", environ=environ) as workspace:
        for number in VERSIONS:
            bundle = make_bundle(root / number, root, tiny_settings, taxonomy=edit(number))
            assert register_tiny(workspace, bundle, key=number).number == number
        put_on_stage(workspace, "1.0.0", "dev", "prod")
        add_first_administrator(workspace, ADMIN.name)
        add_person(workspace, ADMIN, VERA.name, roles=["viewer"])
        secrets = {
            "admin": create_token(workspace, ADMIN, scopes=["write"])[1],
            "vera": create_token(workspace, VERA, scopes=["predict"])[1],
        }
    return root / "workspace", secrets


@pytest.fixture
def secrets(template: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Name → the secret of a token."""
    return template[1]


@pytest.fixture
def workspace(
    template: tuple[Path, dict[str, str]], tmp_path: Path, environ: dict[str, str]
) -> Iterator[Workspace]:
    """1.0.0 on DEV and PROD, nothing on UAT; 1.0.1 and 1.0.2 are registered."""
    shutil.copytree(template[0], tmp_path / "workspace")
    with open_workspace(tmp_path / "workspace", environ=environ) as opened:
        yield opened


Start = Callable[..., TestClient]


@pytest.fixture
def start(secrets: dict[str, str]) -> Iterator[Start]:
    """Starts a service over a workspace; it answers when this returns."""
    with ExitStack() as stack:

        def begin(
            workspace: Workspace, *, settle: bool = True, token: str = "vera", **options: Any
        ) -> TestClient:
            app = make_app(workspace, **options)
            client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
            if token:
                client.headers["Authorization"] = f"Bearer {secrets[token]}"
            if settle:
                assert app.state.runtime.wait_until_settled(30)
            return client

        yield begin


@pytest.fixture
def client(start: Start, workspace: Workspace) -> TestClient:
    """A service that answers, asked by a viewer."""
    return start(workspace)


@pytest.fixture(scope="module")
def shared(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]
) -> Iterator[TestClient]:
    """A service for all the tests of a module that change nothing in its workspace, asked by a viewer."""
    folder = tmp_path_factory.mktemp("shared") / "workspace"
    shutil.copytree(template[0], folder)
    with open_workspace(folder, environ=environ) as opened:
        app = make_app(opened)
        with TestClient(app, raise_server_exceptions=False) as client:
            client.headers["Authorization"] = f"Bearer {template[1]['vera']}"
            assert app.state.runtime.wait_until_settled(30)
            yield client


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes the database away from everybody, and gives it back."""

    def refuse(_self: Database) -> Any:
        raise StorageError("the database is away")

    def set_away(away: bool) -> None:
        for name in ("read", "begin"):
            monkeypatch.setattr(Database, name, refuse if away else _DATABASE[name])

    return set_away


_DATABASE = {name: getattr(Database, name) for name in ("read", "begin")}
