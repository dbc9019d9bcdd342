"""What goes in: a document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One input text.

    Attributes:
        text: the text itself, as it came; offsets everywhere count its characters.
        doc_id: the caller's name for it; may be empty.
        kind: ``posting``, ``course`` or ``other``.
    """

    text: str
    doc_id: str = ""
    kind: str = "other"
