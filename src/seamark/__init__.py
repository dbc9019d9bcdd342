"""Seamark: which standardised skills a text calls for.

>>> from seamark import Extractor, Taxonomy
>>> extractor = Extractor.load(taxonomy="starter")          # doctest: +SKIP
>>> extractor.extract("You will build dashboards in SQL.")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seamark.errors import SeamarkError
    from seamark.extraction.document import Document
    from seamark.extraction.extractor import Extractor
    from seamark.extraction.result import ExtractedSkill, Prediction, Span
    from seamark.taxonomy import Skill, Taxonomy

__version__ = "0.1.0"

# Loaded on first use, so that `import seamark` costs nothing.
_WHERE = {
    "Document": "seamark.extraction.document",
    "ExtractedSkill": "seamark.extraction.result",
    "Extractor": "seamark.extraction.extractor",
    "Prediction": "seamark.extraction.result",
    "SeamarkError": "seamark.errors",
    "Skill": "seamark.taxonomy",
    "Span": "seamark.extraction.result",
    "Taxonomy": "seamark.taxonomy",
}

__all__ = [
    "Document",
    "ExtractedSkill",
    "Extractor",
    "Prediction",
    "SeamarkError",
    "Skill",
    "Span",
    "Taxonomy",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'seamark' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
