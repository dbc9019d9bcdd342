"""Which side a document is on: training, validation or test.

Choices:
- The side follows from the document alone: no random state, no order, no other documents.
- Documents with the same text are one document here, whatever their ids: what decides is the text, without
  case and white space. Only where no text is known does the document's id decide.
- A workspace's shares are fixed by its first import. Other shares later would move documents from one side
  to the other, and a model would be judged by what an earlier one was trained on.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from seamark.building.evaluation.labels import normalise_sentence

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_STEPS = 2**64


def make_split_key(document_id: str, text: str) -> str:
    """What a document's side is worked out from: its text, or its id where it has no text."""
    return f"text:{normalise_sentence(text)}" if text.strip() else f"id:{document_id}"


def choose_split(key: str, *, test_share: float, validation_share: float) -> Split:
    """The side of the document with this key.

    Args:
        key: from :func:`make_split_key`.
        test_share: share of all documents that is for the test, 0-1.
        validation_share: share of all documents that is for validation, 0-1.

    >>> choose_split("id:posting-7", test_share=0.2, validation_share=0.1)
    'validation'
    """
    digest = hashlib.sha256(key.encode("utf-8")).digest()
    place = int.from_bytes(digest[:8], "big") / _STEPS
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"
