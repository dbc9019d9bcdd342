"""Which model versions there are, what each one is, and what is different between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.errors import NotFoundError, TaxonomyError, WeightsError
from seamark.extraction.bundle import MANIFEST, TAXONOMY, parse_manifest
from seamark.registry.comparing import Difference, Figures, find_differences, line_up_figures
from seamark.registry.stages import read_stages
from seamark.storage import versions as rows
from seamark.storage.versions import VersionRecord
from seamark.taxonomy import diff_taxonomies
from seamark.taxonomy.parsing import parse_document

if TYPE_CHECKING:
    from seamark.storage.objects import Store
    from seamark.storage.workspace import Workspace
    from seamark.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of a bundle that is not the same in two versions.

    Attributes:
        path: within the bundle.
        before: its size in bytes in the first version; None where it has none.
        after: its size in bytes in the second version; None where it has none.
    """

    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What is different between two versions.

    Attributes:
        before: the first one.
        after: the second one.
        recipe: facts of their recipes, their data and their taxonomy releases.
        weights: digests of their weights.
        skills: kind of change → number of skills; empty where the taxonomy release is the same.
        metrics: every measure of both, the better value marked.
        files: files that are not the same.
    """

    before: VersionRecord
    after: VersionRecord
    recipe: tuple[Difference, ...]
    weights: tuple[Difference, ...]
    skills: Mapping[str, int]
    metrics: tuple[Figures, ...]
    files: tuple[FileChange, ...]


def list_versions(workspace: Workspace) -> list[VersionRecord]:
    """The registered versions, the lowest number first."""
    with workspace.database.read() as connection:
        return rows.list_versions(connection, status="registered")


def get_version(workspace: Workspace, number: str) -> VersionRecord:
    """The registered version with this number.

    Raises:
        NotFoundError: there is none; the message lists those that there are.
    """
    with workspace.database.read() as connection:
        found = rows.find_version(connection, number)
    if found is not None and found.status == "registered":
        return found
    raise explain_missing(number, [version.number for version in list_versions(workspace)])


def get_champion(workspace: Workspace) -> VersionRecord | None:
    """The version that a contender must beat: the newest registered one; None before the first."""
    with workspace.database.read() as connection:
        return rows.find_newest_version(connection, status="registered")


def find_stages(workspace: Workspace) -> dict[str, list[str]]:
    """Number → the stages that have the version."""
    found: dict[str, list[str]] = {}
    with workspace.database.read() as connection:
        for name, stage in read_stages(connection).items():
            if stage and stage.version:
                found.setdefault(stage.version, []).append(name)
    return found


def describe_version(record: VersionRecord, stages: Mapping[str, list[str]]) -> dict[str, Any]:
    """A version, ready for JSON.

    Args:
        record: the version.
        stages: number → the stages that have it (:func:`find_stages`).
    """
    return {
        "version": record.number,
        "change": record.change,
        "parent": record.parent,
        "taxonomy": f"{record.taxonomy_name}@{record.taxonomy_number}",
        "experiment": record.experiment_id,
        "run": record.run_id,
        "stages": stages.get(record.number, []),
        "size": record.size,
        "path": record.path,
        "manifest_digest": record.manifest_digest,
        "registered_at": record.registered_at.isoformat() if record.registered_at else None,
        "metrics": record.metrics,
        "recipe": record.recipe,
    }


def read_manifest(workspace: Workspace, record: VersionRecord) -> dict[str, Any]:
    """The manifest in the version's bundle.

    Raises:
        WeightsError: it is damaged.
        StorageError: it is missing, or the store is unreachable.
    """
    try:
        return parse_manifest(workspace.store.get(record.path + MANIFEST))
    except ValueError as error:
        raise _explain_damage(record, MANIFEST, error) from error


def diff_versions(workspace: Workspace, before: str, after: str) -> VersionDiff:
    """What is different between two versions.

    Raises:
        NotFoundError: one of them does not exist.
        WeightsError: a bundle is damaged.
        StorageError: a bundle is missing, or the store is unreachable.
    """
    pair = get_version(workspace, before), get_version(workspace, after)
    manifests = [read_manifest(workspace, record) for record in pair]
    return VersionDiff(
        before=pair[0],
        after=pair[1],
        recipe=tuple(find_differences([_describe_making(record) for record in pair])),
        weights=tuple(find_differences([record.lineage.get("weights") or {} for record in pair])),
        skills=_count_changed_skills(workspace.store, *pair),
        metrics=tuple(line_up_figures([record.metrics for record in pair])),
        files=tuple(_compare_files(*(manifest["files"] for manifest in manifests))),
    )


def explain_missing(number: str, known: list[str]) -> NotFoundError:
    """The error for a number that no version has."""
    return NotFoundError(
        f"there is no version {number}",
        expected=f"one of {', '.join(known)}" if known else "",
        hint="" if known else "`seamark build` makes the first one",
    )


def _describe_making(record: VersionRecord) -> dict[str, Any]:
    taxonomy = f"{record.taxonomy_name}@{record.taxonomy_number}"
    return {**record.recipe, "taxonomy": taxonomy, "data": record.lineage.get("data") or {}}


def _count_changed_skills(store: Store, before: VersionRecord, after: VersionRecord) -> dict[str, int]:
    if before.taxonomy_digest == after.taxonomy_digest:
        return {}
    return dict(diff_taxonomies(_read_taxonomy(store, before), _read_taxonomy(store, after)).counts)


def _read_taxonomy(store: Store, record: VersionRecord) -> Taxonomy:
    try:
        return parse_document(store.get_json(record.path + TAXONOMY))
    except (KeyError, TypeError, AttributeError, TaxonomyError) as error:
        raise _explain_damage(record, TAXONOMY, error) from error


def _explain_damage(record: VersionRecord, path: str, error: Exception) -> WeightsError:
    return WeightsError(
        f"{path} of version {record.number} can't be read ({error})",
        hint=f"`seamark versions verify {record.number}`",
    )


def _compare_files(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[FileChange]:
    paths = sorted(before.keys() | after.keys())
    return [
        FileChange(path, before.get(path, {}).get("size"), after.get(path, {}).get("size"))
        for path in paths
        if before.get(path) != after.get(path)
    ]
