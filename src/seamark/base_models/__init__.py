"""Pretrained weights: which there are, fetching them, and making sure that they are what they should be."""

from __future__ import annotations

from seamark.base_models._digests import FileReport
from seamark.base_models.catalogue import (
    CATALOGUE,
    DEFAULT_BASE_MODEL,
    BaseFile,
    BaseModel,
    find_base_model,
)
from seamark.base_models.store import (
    BaseModelReport,
    BaseModelStatus,
    ensure_base_model,
    fetch_base_model,
    list_base_models,
    locate_base_model,
    resolve_base_model,
    verify_base_model,
)

__all__ = [
    "CATALOGUE",
    "DEFAULT_BASE_MODEL",
    "BaseFile",
    "BaseModel",
    "BaseModelReport",
    "BaseModelStatus",
    "FileReport",
    "ensure_base_model",
    "fetch_base_model",
    "find_base_model",
    "list_base_models",
    "locate_base_model",
    "resolve_base_model",
    "verify_base_model",
]
