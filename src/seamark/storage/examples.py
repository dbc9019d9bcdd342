"""Rows of labelled examples, of split generations and of data versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, func, insert, select, update

from seamark.storage.inserting import try_insert
from seamark.storage.tables import data_versions, examples, generations, workspace_facts

_SHARES = "split_shares"
_CHUNK = 500  # ids in one query: SQLite and PostgreSQL bound the number of parameters


@dataclass(frozen=True, slots=True)
class Example:
    """One verdict as it is stored.

    Attributes:
        id: the row's own id, for lineage.
        row_hash: SHA-256 of document, text, phrase and skill: what the verdict is about.
        document_id: the document's.
        text: the document's; empty where only the phrase is known.
        phrase: the stretch concerned; empty for the document as a whole.
        skill_id: the skill; empty for a document that calls for none.
        relevant: the verdict.
        kind: the document's kind.
        sector: the document's sector.
        source: the file it came from, by its name.
        split: ``train``, ``validation`` or ``test``.
        generation: the split generation that was open when it came.
        imported_at: when, in UTC.
    """

    id: str
    row_hash: str
    document_id: str
    text: str
    phrase: str
    skill_id: str
    relevant: bool
    kind: str
    sector: str
    source: str
    split: str
    generation: int
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Generation:
    """A split generation.

    Attributes:
        number: from 1.
        opened_at: when, in UTC.
        frozen_at: when a champion was judged on its test split; None: not yet.
        checksum: of the data as it was frozen; empty: not yet.
    """

    number: int
    opened_at: datetime
    frozen_at: datetime | None
    checksum: str


@dataclass(frozen=True, slots=True)
class DataVersion:
    """What models are trained on and judged by, fixed.

    Attributes:
        number: from 1.
        checksum: SHA-256 in hex of the documents with their verdicts and sides.
        generation: the newest split generation in it.
        counts: documents of each side, and ``examples``: rows.
        object_keys: side → its Parquet file in the object store.
        created_at: when, in UTC.
    """

    number: int
    checksum: str
    generation: int
    counts: dict[str, int]
    object_keys: dict[str, str]
    created_at: datetime

    @property
    def data_version(self) -> str:
        """The number as manifests and logs name it."""
        return str(self.number)


_EXAMPLE = [examples.c[name] for name in Example.__dataclass_fields__]
_GENERATION = [generations.c[name] for name in Generation.__dataclass_fields__]
_DATA_VERSION = [data_versions.c[name] for name in DataVersion.__dataclass_fields__]


def find_examples(connection: Connection, document_ids: Sequence[str]) -> list[Example]:
    """The newest row of each verdict on these documents."""
    found: list[Example] = []
    for start in range(0, len(document_ids), _CHUNK):
        chosen = examples.c.document_id.in_(document_ids[start : start + _CHUNK])
        found += _keep_newest(connection.execute(select(*_EXAMPLE).where(chosen)))
    return found


def list_examples(connection: Connection, generation: int) -> list[Example]:
    """The rows of all generations up to this one, the newest of each verdict, sorted by row_hash."""
    query = select(*_EXAMPLE).where(examples.c.generation <= generation)
    return sorted(_keep_newest(connection.execute(query)), key=lambda example: example.row_hash)


def _keep_newest(rows: Iterable[Any]) -> Iterator[Example]:
    newest: dict[str, Example] = {}
    for row in rows:
        example = Example(*row)
        if example.row_hash not in newest or newest[example.row_hash].generation < example.generation:
            newest[example.row_hash] = example
    yield from newest.values()


def add_examples(connection: Connection, added: Sequence[Example]) -> None:
    """Insert rows."""
    if added:
        connection.execute(insert(examples), [asdict(example) for example in added])


def replace_examples(connection: Connection, replaced: Sequence[Example]) -> None:
    """Give the rows with these ids new verdicts; only for rows that no data version holds."""
    if not replaced:
        return
    names = ("relevant", "kind", "sector", "source", "imported_at")
    statement = (
        update(examples)
        .where(examples.c.id == bindparam("row_id"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    values = [
        {"row_id": example.id} | {f"new_{name}": getattr(example, name) for name in names}
        for example in replaced
    ]
    connection.execute(statement, values)


def lock_generations(connection: Connection, now: datetime) -> int:
    """The newest generation's number, the first one opened where there is none.

    Until the transaction ends, nobody else adds examples, opens, freezes or makes a data version: all of
    them come through here. SQLite's transactions exclude each other anyway; PostgreSQL needs the row.
    """
    first = select(generations.c.number).where(generations.c.number == 1).with_for_update()
    if connection.execute(first).first() is None:
        try_insert(connection, _make_generation(1, now))
        connection.execute(first)
    return int(connection.execute(select(func.max(generations.c.number))).scalar_one())


def open_generation(connection: Connection, number: int, now: datetime) -> None:
    """Open a generation."""
    connection.execute(_make_generation(number, now))


def _make_generation(number: int, now: datetime) -> Insert:
    return insert(generations).values(number=number, opened_at=now, checksum="")


def freeze_generation(connection: Connection, number: int, checksum: str, now: datetime) -> None:
    """Note that a champion was judged on a generation's test split."""
    chosen = generations.c.number == number, generations.c.frozen_at.is_(None)
    connection.execute(update(generations).where(*chosen).values(frozen_at=now, checksum=checksum))


def list_generations(connection: Connection) -> list[Generation]:
    """Every generation, the oldest first."""
    query = select(*_GENERATION).order_by(generations.c.number)
    return [Generation(*row) for row in connection.execute(query)]


def is_fixed(connection: Connection, generation: int) -> bool:
    """Whether a data version holds the generation, so that nothing may be added to it."""
    frozen = select(generations.c.number).where(
        generations.c.number == generation, generations.c.frozen_at.is_not(None)
    )
    used = select(data_versions.c.number).where(data_versions.c.generation == generation)
    return any(connection.execute(query.limit(1)).first() is not None for query in (frozen, used))


def list_data_versions(connection: Connection) -> list[DataVersion]:
    """Every data version, the oldest first."""
    query = select(*_DATA_VERSION).order_by(data_versions.c.number)
    return [DataVersion(*row) for row in connection.execute(query)]


def add_data_version(connection: Connection, version: DataVersion) -> None:
    """Insert a data version."""
    connection.execute(insert(data_versions).values(**asdict(version)))


def read_shares(connection: Connection) -> dict[str, float] | None:
    """The shares by which documents are split; None before the first import."""
    query = select(workspace_facts.c.value).where(workspace_facts.c.key == _SHARES)
    return connection.execute(query).scalar_one_or_none()


def write_shares(connection: Connection, shares: dict[str, float]) -> None:
    """Fix the shares by which documents are split, once and for all."""
    connection.execute(insert(workspace_facts).values(key=_SHARES, value=shares))
