"""What ``--model`` and ``--taxonomy`` name: besides what the library knows, versions and releases of the workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.cli._releases import open_if_any
from seamark.errors import UsageError

if TYPE_CHECKING:
    from seamark.storage.versions import VersionRecord
    from seamark.storage.workspace import Workspace
    from seamark.taxonomy import Taxonomy

_NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Choice:
    """What to predict with.

    Attributes:
        name: the model as it is called: ``default``, a folder, or the version's number.
        model: its name or folder, as :func:`seamark.extraction.models.make_extractor` takes it.
        taxonomy: the taxonomy, as it takes it; None: the model's own, or the starter taxonomy.
        threshold: the least confidence that a stage asks for; None: the model's own.
        top: the most skills that a stage asks for; None: all of them.
    """

    name: str
    model: str
    taxonomy: str | Taxonomy | None
    threshold: float | None = None
    top: int | None = None


def choose_parts(
    model: str | None, taxonomy: str | None, workspace: Path | None = None, *, stage: str | None = None
) -> Choice:
    """The model and the taxonomy that the options mean.

    Args:
        model: X.Y.Z, a version of the workspace, whose bundle is fetched where it is not here yet; anything
            else is left as it is. None: the newest version of the workspace, and ``default`` where there
            is no workspace, or none in it.
        taxonomy: a taxonomy of the workspace, or a release of it as ``NAME@X.Y.Z``; anything else is left as it is.
        workspace: the option ``--workspace``.
        stage: a stage, whose version, threshold and number of skills are meant then; not with ``model``.

    Raises:
        UsageError: there is no workspace, or it has no such version or release, or no such stage; or both a model
            and a stage are named.
        ConflictError: the stage has no version.
        TaxonomyError: the release is damaged.
        WeightsError: the version's bundle is damaged.
        StorageError: it can't be fetched.
    """
    if stage is not None:
        return _choose_stage(stage, model, taxonomy, workspace)
    if model is not None and taxonomy is None:
        return Choice(model, resolve_model(model, workspace), None)
    with open_if_any(workspace) as opened:
        if opened is None:
            name = _DEFAULT if model is None else model
            return Choice(name, resolve_model(name, workspace), taxonomy)
        version = _find_newest(opened, own_taxonomy=taxonomy is None) if model is None else None
        name = version or model or _DEFAULT
        return Choice(name, _locate(opened, name), _find_release(opened, taxonomy))


def resolve_model(model: str, workspace: Path | None = None) -> str:
    """The name or folder that :func:`seamark.extraction.models.make_extractor` takes for ``--model``.

    Args:
        model: as :func:`choose_parts` takes it.
        workspace: the option ``--workspace``.

    Raises:
        UsageError: there is no workspace, or it has no such version.
        WeightsError: the version's bundle is damaged.
        StorageError: it can't be fetched.
    """
    if not _NUMBER.fullmatch(model):
        return model
    from seamark.cli._workspace import open_from

    with open_from(workspace) as opened:
        return _locate(opened, model)


def _choose_stage(stage: str, model: str | None, taxonomy: str | None, option: Path | None) -> Choice:
    if model is not None:
        raise UsageError("both --model and --stage are given", expected="one of them")
    from seamark.cli._workspace import open_from

    with open_from(option) as workspace:
        from seamark.delivery.pinning import pin_stage
        from seamark.registry.bundles import fetch_bundle

        pinned = pin_stage(workspace, stage)
        folder = fetch_bundle(workspace, pinned.version, manifest_digest=pinned.manifest_digest)
        release = _find_release(workspace, taxonomy)
        return Choice(pinned.version, str(folder), release, threshold=pinned.threshold, top=pinned.top)


def _locate(workspace: Workspace, model: str) -> str:
    if not _NUMBER.fullmatch(model):
        return model
    from seamark.registry.bundles import fetch_bundle
    from seamark.registry.versions import get_version

    record: VersionRecord = get_version(workspace, model)
    return str(fetch_bundle(workspace, model, manifest_digest=record.manifest_digest))


def _find_newest(workspace: Workspace, *, own_taxonomy: bool) -> str | None:
    """The number of the newest version, told on stderr; None where there is none."""
    from seamark.cli.output import say
    from seamark.registry.versions import get_champion

    newest = get_champion(workspace)
    if newest is None:
        return None
    with_taxonomy = f" with {newest.taxonomy_name}@{newest.taxonomy_number}" if own_taxonomy else ""
    say(f"the newest version {newest.number}{with_taxonomy}; --model default is the model that ships")
    return newest.number


def _find_release(workspace: Workspace, taxonomy: str | None) -> str | Taxonomy | None:
    from seamark.registry.releases import find_release, list_releases, load_taxonomy

    if not taxonomy or not list_releases(workspace, taxonomy.partition("@")[0]):
        return taxonomy
    release = find_release(workspace, taxonomy)
    return load_taxonomy(workspace, release.name, release.number)
