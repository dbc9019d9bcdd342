"""How many labelled examples a workspace has, by side, generation, kind and sector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seamark.building.data.assembling import Assembled, assemble_documents
from seamark.building.data.splitting import SPLITS
from seamark.storage import examples as rows
from seamark.storage.examples import DataVersion, Example, Generation

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace


def summarise_examples(workspace: Workspace) -> dict[str, Any]:
    """Documents and verdicts as they stand now, the generations and the data versions, ready for JSON."""
    with workspace.database.read() as connection:
        generations = rows.list_generations(connection)
        newest = generations[-1].number if generations else 0
        examples = rows.list_examples(connection, newest)
        versions = rows.list_data_versions(connection)
        shares = rows.read_shares(connection) or {}
    assembled = assemble_documents(examples)
    sides = Counter(item.split for item in assembled)
    return {
        "documents": len(assembled),
        "verdicts": len(examples),
        "shares": {name.removesuffix("_share"): share for name, share in shares.items()},
        "by_split": {split: sides[split] for split in SPLITS},
        "by_kind": _count(assembled, "kind"),
        "by_sector": _count(assembled, "sector"),
        "generations": [_describe_generation(generation, examples) for generation in generations],
        "data_versions": [_describe_version(version) for version in versions],
    }


def _count(assembled: Iterable[Assembled], name: str) -> dict[str, int]:
    counts = Counter(getattr(item.doc, name) for item in assembled)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _describe_generation(generation: Generation, examples: Iterable[Example]) -> dict[str, Any]:
    own = [example for example in examples if example.generation == generation.number]
    return {
        "number": generation.number,
        "documents": len({example.document_id for example in own}),
        "verdicts": len(own),
        "opened_at": generation.opened_at.isoformat(),
        "frozen_at": generation.frozen_at.isoformat() if generation.frozen_at else None,
        "checksum": generation.checksum,
    }


def _describe_version(version: DataVersion) -> dict[str, Any]:
    return {
        "data_version": version.data_version,
        "checksum": version.checksum,
        "generation": version.generation,
        "counts": version.counts,
        "object_keys": version.object_keys,
        "created_at": version.created_at.isoformat(),
    }
