from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seamark.storage.audit import AuditEvent, list_events
from seamark.storage.workspace import Workspace, create_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which nobody has an account."""
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        yield made


class Trail:
    """The audit trail of a workspace, the oldest event first."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self) -> list[AuditEvent]:
        with self._workspace.database.read() as connection:
            return list_events(connection, limit=1000)[::-1]

    def tell(self) -> list[tuple[str, str, str, str]]:
        """Who did what to whom, and how that ended."""
        return [(event.actor, event.action, event.subject, event.outcome) for event in self()]


@pytest.fixture
def trail(workspace: Workspace) -> Trail:
    return Trail(workspace)
