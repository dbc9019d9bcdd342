"""Data versions: the labelled documents of a moment, numbered, in files that never change.

Choices:
- The same content is the same data version, whatever was imported in which order.
- A data version closes its split generation: what is imported later belongs to the next one. So the rows of
  a generation are for good those of its data version, also where a later import contradicts them.
- Everything happens under the lock of the generations: files at a number that no row names are what a crash
  left, and are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seamark.building.data.assembling import (
    Assembled,
    assemble_documents,
    hash_documents,
    read_parquet,
    write_parquet,
)
from seamark.building.data.documents import Dataset, LabelledDocument
from seamark.building.data.splitting import SPLITS, Split
from seamark.errors import InputError, StorageError, UsageError
from seamark.storage import examples as rows
from seamark.storage.examples import DataVersion

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.workspace import Workspace

MIN_DOCUMENTS: dict[Split, int] = {"train": 1, "validation": 1, "test": 5}
"""Documents that each side needs at least; the settings' ``data.min_documents`` holds for all together."""


def snapshot_data(workspace: Workspace) -> DataVersion | None:
    """The data version of all labelled examples of now; None where there is none at all.

    Content that a data version holds already gives that one.

    Raises:
        InputError: too few documents, all together or on one side.
        StorageError: the database or the object store can't be written.
    """
    now = datetime.now(UTC)
    with workspace.database.begin() as connection:
        generation = rows.lock_generations(connection, now)
        sides = _collect_sides(connection, generation)
        if not any(sides.values()):
            return None
        _check_sizes(sides, workspace.settings.data.min_documents)
        checksum = _hash_sides(sides)
        versions = rows.list_data_versions(connection)
        same = [version for version in versions if version.checksum == checksum]
        if same:
            return same[0]
        number = versions[-1].number + 1 if versions else 1
        version = DataVersion(
            number, checksum, generation, _count(sides), _write_files(workspace, number, sides), now
        )
        rows.add_data_version(connection, version)
    return version


def list_data_versions(workspace: Workspace) -> list[DataVersion]:
    """Every data version, the oldest first."""
    with workspace.database.read() as connection:
        return rows.list_data_versions(connection)


def load_dataset(workspace: Workspace, number: int) -> Dataset:
    """The documents of a data version, checked against its checksum.

    Raises:
        UsageError: there is no such data version.
        StorageError: a file is missing or damaged.
    """
    versions = {version.number: version for version in list_data_versions(workspace)}
    if number not in versions:
        known = ", ".join(map(str, versions)) or "none was made yet"
        raise UsageError(f"there is no data version {number}", expected=f"one of: {known}")
    version = versions[number]
    sides = {split: _read_file(workspace, version, split) for split in SPLITS}
    if hash_documents(sides) != version.checksum:
        raise _explain_damage(version, "no longer has the content that it was made with")
    return Dataset(
        sides["train"],
        sides["validation"],
        sides["test"],
        version.data_version,
        version.checksum,
        version.generation,
    )


def freeze(workspace: Workspace, generation: int) -> None:
    """Note that a champion was judged on the test split of ``generation``: it and all before it are closed.

    What is imported later belongs to a later generation. Freezing twice changes nothing.

    Raises:
        UsageError: there is no such generation.
    """
    now = datetime.now(UTC)
    with workspace.database.begin() as connection:
        newest = rows.lock_generations(connection, now)
        if not 1 <= generation <= newest:
            raise UsageError(f"there is no split generation {generation}", expected=f"1 to {newest}")
        for number in range(1, generation + 1):
            checksum = _hash_sides(_collect_sides(connection, number))
            rows.freeze_generation(connection, number, checksum, now)
        if generation == newest:
            rows.open_generation(connection, newest + 1, now)


def _collect_sides(connection: Connection, generation: int) -> dict[Split, list[Assembled]]:
    assembled = assemble_documents(rows.list_examples(connection, generation))
    return {split: [item for item in assembled if item.split == split] for split in SPLITS}


def _hash_sides(sides: Mapping[Split, Sequence[Assembled]]) -> str:
    return hash_documents({split: [item.doc for item in sides[split]] for split in SPLITS})


def _check_sizes(sides: Mapping[Split, Sequence[Assembled]], needed: int) -> None:
    sizes = {split: len(sides[split]) for split in SPLITS}
    total = sum(sizes.values())
    if total >= needed and all(sizes[split] >= MIN_DOCUMENTS[split] for split in SPLITS):
        return
    least = ", ".join(f"{count} {split}" for split, count in MIN_DOCUMENTS.items())
    found = ", ".join(f"{size:,} {split}" for split, size in sizes.items())
    raise InputError(
        f"{total:,} labelled document{'' if total == 1 else 's'} ({found}) are too few to train a model",
        expected=f"at least {needed:,} (data.min_documents), of them {least}",
        hint="seamark examples import FILE",
    )


def _count(sides: Mapping[Split, Sequence[Assembled]]) -> dict[str, int]:
    counts: dict[str, int] = {split: len(sides[split]) for split in SPLITS}
    examples = sum(len(item.example_ids) for side in sides.values() for item in side)
    return counts | {"examples": examples}


def _write_files(
    workspace: Workspace, number: int, sides: Mapping[Split, Sequence[Assembled]]
) -> dict[str, str]:
    keys: dict[str, str] = {split: f"data/{number}/{split}.parquet" for split in SPLITS}
    for split in SPLITS:
        workspace.store.put(keys[split], write_parquet(sides[split]))
    return keys


def _read_file(workspace: Workspace, version: DataVersion, split: Split) -> tuple[LabelledDocument, ...]:
    import polars as pl

    data = workspace.store.get(version.object_keys[split])
    try:
        return read_parquet(data)
    except (pl.exceptions.PolarsError, KeyError, TypeError) as error:
        raise _explain_damage(version, f"can't be read ({split})") from error


def _explain_damage(version: DataVersion, what: str) -> StorageError:
    folder = f"data/{version.number}/"
    return StorageError(
        f"the data version {version.number} {what}",
        expected="files that nobody changed",
        hint=f"put {folder} back from a backup, or build from a new data version",
    )
