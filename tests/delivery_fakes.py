"""Versions, people and placements for tests of what runs where."""

from __future__ import annotations

from pathlib import Path

from people import ADMIN, make_actor
from registry_fakes import Contender, register
from seamark.delivery.promotions import approve_promotion, request_promotion
from seamark.extraction.bundle import Bundle
from seamark.governance.actors import Actor
from seamark.registry.bundles import upload_bundle
from seamark.storage.promotions import PromotionRecord
from seamark.storage.workspace import Workspace, create_workspace

DANA = make_actor("dana", "data-scientist")
PAT = make_actor("pat", "approver")
VERA = make_actor("vera", "viewer")

VERSIONS = ("1.0.0", "1.1.0", "1.2.0")


def make_template(folder: Path) -> Path:
    """The folder of a workspace with :data:`VERSIONS`; their bundles have true digests and predict nothing."""
    with create_workspace(folder, environ={}) as workspace:
        register_all(workspace)
    return folder


def register_all(workspace: Workspace) -> None:
    """Make :data:`VERSIONS`."""
    made = tuple(register(workspace, f"run {i}", weights=f"w{i}").number for i in range(len(VERSIONS)))
    assert made == VERSIONS


def register_bundle(workspace: Workspace, key: str, bundle: Bundle) -> str:
    """The number of a new version with this very bundle, by a run of its own."""
    contender = Contender(workspace, key)
    for name in workspace.store.list(contender.prefix):
        workspace.store.delete(name)
    upload_bundle(workspace.store, bundle.folder, contender.prefix)
    contender.bundle = bundle
    return contender.register().number


def ask(
    workspace: Workspace,
    version: str,
    stage: str,
    *,
    actor: Actor = DANA,
    canary: float | None = None,
    reason: str = "",
) -> PromotionRecord:
    """A promotion that waits."""
    return request_promotion(workspace, actor, version, stage=stage, canary=canary, reason=reason)


def place(workspace: Workspace, version: str, stage: str, *, canary: float | None = None) -> PromotionRecord:
    """A promotion that is approved."""
    return approve_promotion(workspace, PAT, ask(workspace, version, stage, canary=canary).id)


__all__ = [
    "ADMIN",
    "DANA",
    "PAT",
    "VERA",
    "VERSIONS",
    "ask",
    "make_template",
    "place",
    "register_all",
    "register_bundle",
]
