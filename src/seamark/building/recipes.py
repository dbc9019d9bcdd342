"""What a build starts from when nobody made a choice, and what a manifest says of how its weights came to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seamark.base_models import find_base_model, verify_base_model
from seamark.building.finetuning.starts import DEFAULT_START, SHIPPED_ENCODER
from seamark.building.ranker.recipe import RANKER, THRESHOLD
from seamark.errors import WeightsError
from seamark.extraction.ranking import Ranker
from seamark.extraction.shipped import open_part
from seamark.settings import Settings, TrainingSettings

LOSS = "symmetric InfoNCE with masked positives"

_SPANS, _RANKER = "span-tagger-v1", "ranker-v1"
_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Base:
    """What training begins with where there is no champion to begin with.

    Attributes:
        start: as ``write_start`` takes it: ``default``, or a base model's name.
        name: the base model's name.
        sha256: of its weights, in hex; empty where nobody published it.
    """

    start: str
    name: str
    sha256: str


def find_base(start: str) -> Base:
    """The base that ``default`` or a base model's name means.

    Raises:
        UsageError: there is no such base model.
    """
    name = str(open_part(SHIPPED_ENCODER).manifest["base_model"]) if start == DEFAULT_START else start
    model = find_base_model(name)
    digests = {file.path: file.sha256 for file in model.files}
    return Base(start if start == DEFAULT_START else model.name, model.name, digests.get(_WEIGHTS, ""))


def check_base(base: Base, settings: Settings) -> None:
    """Read every byte of a base model that is there; one that isn't will be fetched and verified.

    Raises:
        WeightsError: a file is not what was published.
    """
    report = verify_base_model(base.name, settings)
    damaged = [file for file in report.files if file.status == "damaged"]
    if damaged:
        first = damaged[0]
        raise WeightsError(
            f"the base model {base.name} in {report.folder} is damaged: {first.path} has sha256 {first.found[:16]}",
            expected=first.expected[:16],
            hint=f"seamark base-model fetch {base.name}",
        )


def get_spans() -> str:
    """The span extractor of a first version: the one that ships."""
    return _SPANS


def get_ranker() -> tuple[Ranker, float]:
    """The ranker of a first version, and its threshold: the ones that ship."""
    return Ranker.read(open_part(_RANKER).folder / RANKER), THRESHOLD


def describe_recipe(facts: Mapping[str, Any], training: TrainingSettings) -> dict[str, Any]:
    """How a candidate's weights came to be, as its manifest holds it.

    Args:
        facts: of the build: ``base``, ``start``, and ``training`` (None where nothing was trained).
        training: the settings.
    """
    base = find_base(facts["base"])
    return {
        "encoder": {
            "base_model": base.name,
            "base_sha256": base.sha256,
            "architecture": "mean over tokens, normalised",
            "max_tokens": training.max_tokens,
        },
        "loss": LOSS if facts["training"] else "",
        "start": facts["champion"] if facts["start"] == "champion" else facts["base"],
        "training": facts["training"],
        "seed": training.seed,
    }
