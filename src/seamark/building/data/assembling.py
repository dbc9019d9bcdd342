"""From stored verdicts to labelled documents, to their checksum, and to Parquet files and back."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.building.data.documents import LabelledDocument, LabelledPhrase
from seamark.building.data.splitting import SPLITS, Split
from seamark.storage.examples import Example

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Assembled:
    """A document, its side, and the rows that it was put together from.

    Attributes:
        doc: the document.
        split: its side.
        example_ids: ids of the rows, sorted.
    """

    doc: LabelledDocument
    split: str
    example_ids: tuple[str, ...]


def assemble_documents(examples: Iterable[Example]) -> list[Assembled]:
    """The documents of these rows, by document_id.

    A skill that one row calls relevant and another, on another phrase, does not is relevant.
    """
    groups: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda row: (row.generation, row.imported_at, row.row_hash)):
        groups.setdefault(example.document_id, []).append(example)
    return [_assemble(groups[document_id]) for document_id in sorted(groups)]


def _assemble(group: Sequence[Example]) -> Assembled:
    """One document, its kind and sector as the last import had them; ``group`` is sorted by time."""
    judged = [row for row in group if row.skill_id]
    relevant = frozenset(row.skill_id for row in judged if row.relevant)
    rejected = frozenset(row.skill_id for row in judged) - relevant
    phrases = {LabelledPhrase(row.phrase, row.skill_id, row.relevant) for row in judged if row.phrase}
    newest = group[-1]
    doc = LabelledDocument(
        document_id=newest.document_id,
        text=group[0].text,
        relevant=relevant,
        rejected=rejected,
        phrases=tuple(sorted(phrases, key=lambda phrase: (phrase.text, phrase.skill_id))),
        kind=newest.kind,
        sector=newest.sector,
    )
    return Assembled(doc, newest.split, tuple(sorted(row.id for row in group)))


def hash_documents(splits: Mapping[Split, Sequence[LabelledDocument]]) -> str:
    """SHA-256 in hex of the documents of each side; their order is no part, nor are the rows' ids."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for doc in sorted(splits[split], key=lambda doc: doc.document_id):
            record = {"split": split, **_make_record(doc)}
            digest.update(json.dumps(record, ensure_ascii=False, sort_keys=True).encode("utf-8"))
            digest.update(b"\n")
    return digest.hexdigest()


def _make_record(doc: LabelledDocument) -> dict[str, Any]:
    return {
        "document_id": doc.document_id,
        "text": doc.text,
        "relevant": sorted(doc.relevant),
        "rejected": sorted(doc.rejected),
        "phrases": [
            {"text": phrase.text, "skill_id": phrase.skill_id, "relevant": phrase.relevant}
            for phrase in doc.phrases
        ],
        "kind": doc.kind,
        "sector": doc.sector,
    }


def write_parquet(assembled: Sequence[Assembled]) -> bytes:
    """The documents as a Parquet file, with the ids of the rows that each came from."""
    import polars as pl

    records = [_make_record(item.doc) | {"example_ids": list(item.example_ids)} for item in assembled]
    buffer = io.BytesIO()
    pl.DataFrame(records, schema=_make_schema()).write_parquet(buffer)
    return buffer.getvalue()


def read_parquet(data: bytes) -> tuple[LabelledDocument, ...]:
    """The documents that :func:`write_parquet` wrote.

    Raises:
        polars.exceptions.PolarsError: the file is damaged.
    """
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(data))
    return tuple(_read_record(record) for record in frame.iter_rows(named=True))


def _read_record(record: Mapping[str, Any]) -> LabelledDocument:
    return LabelledDocument(
        document_id=record["document_id"],
        text=record["text"],
        relevant=frozenset(record["relevant"]),
        rejected=frozenset(record["rejected"]),
        phrases=tuple(LabelledPhrase(**phrase) for phrase in record["phrases"]),
        kind=record["kind"],
        sector=record["sector"],
    )


def _make_schema() -> dict[str, pl.DataType]:
    import polars as pl

    text, texts = pl.String(), pl.List(pl.String)
    phrase = pl.Struct({"text": pl.String, "skill_id": pl.String, "relevant": pl.Boolean})
    names = ("document_id", "text", "relevant", "rejected", "phrases", "kind", "sector", "example_ids")
    lists = {"relevant": texts, "rejected": texts, "phrases": pl.List(phrase), "example_ids": texts}
    return {name: lists.get(name, text) for name in names}
