"""Where a version came from: the versions before it, its data, its taxonomy, the code and the packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.storage.examples import DataVersion, list_data_versions
from seamark.storage.versions import VersionRecord, list_versions

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version came from.

    Attributes:
        number: the version's.
        ancestors: the version it was made from, the one that was made from, and so on to the first.
        experiment_id: the experiment that made it.
        run_id: the pipeline run.
        trigger: what started the run; empty where that was not recorded.
        taxonomy: ``name@X.Y.Z`` of the release.
        taxonomy_digest: SHA-256 of the release's content.
        data_version: the labelled examples that it was trained and judged on; None without.
        data_checksum: their SHA-256; None without.
        data_paths: ``train``, ``validation`` and ``test`` → key of the rows in the object store.
        code_commit: the commit of Seamark; empty where that was not recorded.
        packages: name → version of the packages that made it.
    """

    number: str
    ancestors: tuple[str, ...]
    experiment_id: str
    run_id: str
    trigger: str
    taxonomy: str
    taxonomy_digest: str
    data_version: str | None
    data_checksum: str | None
    data_paths: Mapping[str, str]
    code_commit: str
    packages: Mapping[str, str]


def trace_lineage(workspace: Workspace, record: VersionRecord) -> Lineage:
    """Where a version came from."""
    with workspace.database.read() as connection:
        parents = {version.number: version.parent for version in list_versions(connection, line=record.line)}
        data = {version.data_version: version for version in list_data_versions(connection)}
    return describe_lineage(record, parents, data)


def describe_lineage(
    record: VersionRecord, parents: Mapping[str, str | None], data: Mapping[str, DataVersion]
) -> Lineage:
    """The lineage of a version, given every version's parent and every data version."""
    facts = record.lineage
    used: Mapping[str, Any] = facts.get("data") or {}
    name = str(used["data_version"]) if used.get("data_version") is not None else None
    known = data.get(name) if name else None
    return Lineage(
        number=record.number,
        ancestors=_follow(record.parent, parents),
        experiment_id=record.experiment_id,
        run_id=record.run_id,
        trigger=facts.get("trigger") or "",
        taxonomy=f"{record.taxonomy_name}@{record.taxonomy_number}",
        taxonomy_digest=record.taxonomy_digest,
        data_version=name,
        data_checksum=used.get("data_checksum"),
        data_paths=known.object_keys if known else {},
        code_commit=facts.get("code_commit") or "",
        packages=facts.get("packages") or {},
    )


def _follow(number: str | None, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    chain: list[str] = []
    while number is not None and number not in chain:
        chain.append(number)
        number = parents.get(number)
    return tuple(chain)
