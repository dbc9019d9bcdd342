"""What ``--model`` names: besides what the library knows, a version of the workspace."""

from __future__ import annotations

import re
from pathlib import Path

_NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def resolve_model(model: str, workspace: Path | None = None) -> str:
    """The name or folder that :func:`seamark.extraction.models.make_extractor` takes for ``--model``.

    Args:
        model: X.Y.Z, a version of the workspace, whose bundle is fetched where it is not here yet; anything
            else is left as it is.
        workspace: the option ``--workspace``.

    Raises:
        UsageError: there is no workspace, or it has no such version.
        WeightsError: the version's bundle is damaged.
        StorageError: it can't be fetched.
    """
    if not _NUMBER.fullmatch(model):
        return model
    from seamark.cli._workspace import open_from
    from seamark.registry.bundles import fetch_bundle

    with open_from(workspace) as opened:
        return str(fetch_bundle(opened, model))
