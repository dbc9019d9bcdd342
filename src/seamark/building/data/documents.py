"""Labelled documents, and the three sides that they are split into."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("posting", "course", "other")
"""What a document can be."""


@dataclass(frozen=True, slots=True)
class LabelledPhrase:
    """A stretch of a document that was said to call for a skill, or not to.

    Attributes:
        text: the stretch, as it stands in the document where the document's text is known.
        skill_id: the skill that was judged.
        relevant: whether the phrase calls for the skill.
    """

    text: str
    skill_id: str
    relevant: bool


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """A document with the verdicts that people gave on its skills.

    Attributes:
        document_id: the name it was imported under.
        text: the whole text; empty where only phrases are known.
        relevant: ids of the skills that it calls for, those of its relevant phrases among them.
        rejected: ids of the skills that a reviewer said it does not call for; never in ``relevant``.
        phrases: the judged phrases, sorted.
        kind: one of :data:`KINDS`.
        sector: the sector it comes from; may be empty.
    """

    document_id: str
    text: str
    relevant: frozenset[str]
    rejected: frozenset[str] = frozenset()
    phrases: tuple[LabelledPhrase, ...] = ()
    kind: str = "other"
    sector: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One data version, read back: what a model is trained on, tuned on and judged by.

    Attributes:
        train: documents to train on.
        validation: documents to choose by while training.
        test: documents that champion and contender are judged by; never trained on.
        data_version: the number of the data version, as text.
        data_checksum: SHA-256 in hex of all that it holds.
        generation: the newest split generation in it.
    """

    train: tuple[LabelledDocument, ...]
    validation: tuple[LabelledDocument, ...]
    test: tuple[LabelledDocument, ...]
    data_version: str
    data_checksum: str
    generation: int
