"""Every setting, declared once: its meaning, its default and what values it takes.

From these declarations come the reader, the error messages and the commented default file, so that none of
them can say something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

RUNTIME = "runtime"
"""The section of the settings that belong to no other."""

SETTINGS_FILE = "seamark.toml"
"""The name of a workspace's settings file."""
METRICS = (
    "jaccard",
    "precision",
    "recall",
    "f1",
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "mrr",
    "rp@1",
    "rp@5",
    "rp@10",
)
"""The metrics of a model version that can be compared, and that are better when higher."""


def setting(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    expected: str = "",
) -> Any:
    """A field with what the reader needs: its limits (inclusive), or its choices, or its form in words."""
    metadata = {
        "meaning": meaning,
        "default": default,
        "low": low,
        "high": high,
        "choices": choices,
        "pattern": re.compile(pattern) if pattern else None,
        "expected": expected,
    }
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata, hash=False)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the workspace's database is."""

    url: str = setting(
        "",
        "The database; nothing for the SQLite file seamark.db in the workspace.",
        pattern=r"(sqlite:///.+|postgresql(\+psycopg)?://.+)?",
        expected="sqlite:///FILE or postgresql://USER@HOST/NAME, or nothing",
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the workspace's object store is."""

    url: str = setting(
        "",
        "The object store; nothing for the folder store/ in the workspace. A service other than "
        "AWS is given behind a bucket: ?endpoint=URL&region=NAME. The keys are read from "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        pattern=r"(s3://.+|file:///.+|(?!.*://).+)?",
        expected="a folder or s3://BUCKET/PREFIX, or nothing",
    )


@dataclass(frozen=True, slots=True)
class DataSettings:
    """How labelled documents are split."""

    test_share: float = setting(0.2, "Share of the labelled documents kept for judging.", low=0, high=1)
    validation_share: float = setting(
        0.1, "Share of the labelled documents kept for choosing thresholds and calibration.", low=0, high=1
    )
    min_documents: int = setting(20, "Labelled documents needed before a model is trained.", low=1)
    linking_gold: str = setting(
        "",
        "Gold files whose linking measures every build records: NAME=FILE, several parted by commas.",
    )


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the embedding model is fine-tuned."""

    base: str = setting(
        "default",
        "The base model: default (MiniLM with the shipped adapter), or all-MiniLM-L6-v2 or "
        "all-mpnet-base-v2 as published.",
        pattern=r".+",
        expected="the name of a base model",
    )
    start: str = setting("champion", "Whose weights a retraining starts from.", choices=("champion", "base"))
    epochs: int = setting(2, "Passes over the training pairs.", low=1, high=1000)
    batch_size: int = setting(64, "Pairs in a batch; each is a negative for the others.", low=2, high=65536)
    learning_rate: float = setting(3e-4, "The highest learning rate.", low=1e-8, high=1)
    rank: int = setting(48, "Rank of the low-rank adapter that is trained.", low=1, high=4096)
    scale: float = setting(20.0, "Factor on the cosine in the contrastive loss.", low=1e-3, high=1000)
    max_tokens: int = setting(64, "Tokens of a phrase that are read.", low=8, high=512)
    hard_negatives: int = setting(2, "Mined wrong skills for each pair.", low=0, high=100)
    negative_margin: float = setting(
        0.05, "Cosine by which a mined wrong skill must lie below the right one.", low=0, high=2
    )
    warm_start_epochs: int = setting(
        1, "Passes over the taxonomy's own titles and descriptions with --warm-start.", low=1, high=1000
    )
    warm_start_batch_size: int = setting(128, "Pairs in a batch of the warm start.", low=2, high=65536)
    warm_start_learning_rate: float = setting(
        1e-3, "The highest learning rate of the warm start.", low=1e-8, high=1
    )
    checkpoint_steps: int = setting(100, "Steps between two checkpoints.", low=1)
    seed: int = setting(13, "Seed of everything random in training.", low=0, high=2**32 - 1)


_HOME = setting(
    "", "Folder for base models and caches; nothing for the user's data folder.", expected="a folder"
).metadata
_GUARDS = {"precision": 0.05, "recall": 0.05, "micro_f1": 0.02, "ece": 0.05, "rp@5": 0.05}


@dataclass(frozen=True, slots=True)
class ChampionSettings:
    """When a contender replaces the champion."""

    primary: str = setting("jaccard", "The metric that must rise.", choices=METRICS)
    min_gain: float = setting(0.0, "By how much it must rise, above 0.", low=0, high=1)
    guards: dict[str, float] = setting(  # noqa: RUF009 (a field: each object gets its own default)
        _GUARDS,
        "How far each of these metrics may worsen (ece, the calibration error, worsens upwards).",
        low=0,
        high=1,
        choices=(*METRICS, "ece"),
    )
    slice_tolerance: float = setting(
        0.1, "How far the primary metric may fall on one slice (a sector, skill type or kind).", low=0, high=1
    )
    slice_min_documents: int = setting(20, "Documents that a slice needs to count.", low=1)
    resamples: int = setting(2000, "Resamples of the paired bootstrap.", low=100, high=1_000_000)
    seed: int = setting(13, "Seed of the bootstrap.", low=0, high=2**32 - 1)


@dataclass(frozen=True, slots=True)
class ChecksSettings:
    """What a candidate must pass before it is registered."""

    own_title_rank: int = setting(
        1, "A skill is found when it is among this many first for its own title.", low=1, high=1000
    )
    own_title_share: float = setting(
        0.98, "Share of the new or changed skills that must be found by their own title.", low=0, high=1
    )
    latency_p95_ms: float = setting(
        1000.0, "95th percentile of the time for one sample text, in milliseconds.", low=1
    )
    memory_mb: float = setting(4096.0, "Memory of the process that predicts, in MB.", low=64)
    sample_texts: int = setting(20, "Sample texts that the checks use.", low=1)


@dataclass(frozen=True, slots=True)
class TaxonomySettings:
    """What an import of a taxonomy release may do unasked."""

    max_removed_share: float = setting(
        0.2, "Share of the skills that a release may lose without --force.", low=0, high=1
    )
    impact_texts: int = setting(
        50, "Texts whose predictions are compared in the impact report.", low=0, high=100_000
    )


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How the worker behaves."""

    poll_seconds: float = setting(0.5, "Seconds between two looks for work or progress.", low=0.01, high=3600)
    schedule: str = setting(
        "", "When to retrain, as a cron expression in UTC such as '0 3 * * 1'; empty for never."
    )


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How a server behaves; what belongs to one stage is in :class:`StageSettings`."""

    host: str = setting("127.0.0.1", "The address that the service listens on.")
    port: int = setting(8080, "The port that the service listens on; 0 takes a free one.", low=0, high=65535)
    stages: str = setting(
        "dev,uat,prod",
        "The stages that a server serves, parted by commas.",
        pattern=r"(dev|uat|prod)(,(dev|uat|prod))*",
        expected="dev, uat or prod, several parted by commas",
    )
    default_stage: str = setting(
        "prod", "The stage that answers where the path names none.", choices=("dev", "uat", "prod")
    )
    poll_seconds: float = setting(
        0.5, "Seconds between two looks at what the stages should run.", low=0.05, high=60
    )
    batch_texts: int = setting(
        32, "Texts of concurrent requests that are predicted together at most.", low=1, high=1024
    )
    batch_mb: int = setting(512, "Megabytes of a file that a batch job takes at most.", low=1)
    drain_seconds: float = setting(
        20.0, "Seconds that a stopping server gives the requests under way.", low=0, high=3600
    )
    anonymous_predict: bool = setting(
        False, "Predict without a token, where something before the service has checked who asks."
    )
    threads: int = setting(
        0, "Processor threads for inference in a server; 0 takes the runtime setting.", low=0
    )
    log_requests: bool = setting(True, "Write a line of JSON for every request, without its text.")


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How predictions are captured; whether, and how many, is in :class:`StageSettings`."""

    redact: bool = setting(
        True, "Mask e-mail addresses, phone numbers and identity numbers before anything is written."
    )
    sync_seconds: float = setting(
        1.0, "Seconds of captures that a power cut may take at most.", low=0.05, high=3600
    )
    move_seconds: float = setting(
        1.0, "Seconds between two moves from the spool to the database.", low=0.05, high=3600
    )
    spool_mb: int = setting(
        2048, "Megabytes that the spool may take; beyond, captures are dropped and counted.", low=1
    )
    database_days: int = setting(
        30, "Days after which captures move from the database to the archive.", low=0
    )
    archive_days: int = setting(365, "Days after which archived captures are removed; 0 keeps them.", low=0)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How one stage is served; people set it with ``seamark stages set``, and servers follow at once."""

    instances: int = setting(1, "Processes that `seamark serve` starts.", low=1, high=64)
    capture: bool = setting(True, "Whether predictions are captured.")
    sampling_percent: float = setting(
        100.0, "Percentage of the predictions that are captured.", low=0, high=100
    )
    threshold: float = setting(
        -1.0, "Least confidence of a skill, 0-1; -1 takes the version's own.", low=-1, high=1
    )
    top: int = setting(0, "Skills of a prediction at most; 0 gives all above the threshold.", low=0)
    max_request_kb: int = setting(1024, "Kilobytes of a request's body at most.", low=1, high=1_048_576)
    max_texts: int = setting(32, "Texts of one request at most.", low=1, high=1024)
    max_text_characters: int = setting(100_000, "Characters of one text at most.", low=1, high=1_000_000)
    requests_per_minute: int = setting(
        0, "Requests a minute that one caller may make; 0 sets no limit.", low=0
    )
    queue_texts: int = setting(256, "Texts that may wait or be at work at once; more get 503.", low=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings decide, as read by :func:`read_settings`.

    Attributes:
        home: folder for base models, imported taxonomies and cached embeddings
            (``SEAMARK_HOME``; default: the user's data folder).
        offline: forbid every download (``SEAMARK_OFFLINE``; default false).
        engine: the inference engine, ``openvino`` or ``onnxruntime`` (``SEAMARK_ENGINE``).
        threads: processor threads for inference; 0 takes every core (``SEAMARK_THREADS``).
        database, store, data, training, champion, checks, taxonomy, pipelines, service, capture: one
            section each of the settings file; ``SEAMARK_<SECTION>_<KEY>`` in the environment.
    """

    home: Path = field(metadata=_HOME)
    offline: bool = setting(False, "Forbid every download.")
    engine: str = setting("openvino", "The inference engine.", choices=("openvino", "onnxruntime"))
    threads: int = setting(0, "Processor threads for inference; 0 takes every core.", low=0)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    champion: ChampionSettings = field(default_factory=ChampionSettings)
    checks: ChecksSettings = field(default_factory=ChecksSettings)
    taxonomy: TaxonomySettings = field(default_factory=TaxonomySettings)
    pipelines: PipelineSettings = field(default_factory=PipelineSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    capture: CaptureSettings = field(default_factory=CaptureSettings)


def list_sections() -> Iterator[tuple[str, Any]]:
    """Every section's name with its kind, in the order of the file."""
    for item in fields(Settings):
        if item.default_factory is not MISSING:
            yield item.name, item.default_factory


def list_settings(kind: Any) -> list[Field[Any]]:
    """The settings that a section declares."""
    return [item for item in fields(kind) if "meaning" in item.metadata]


def name_variable(section: str, key: str) -> str:
    """The environment variable of a setting."""
    return f"SEAMARK_{key}".upper() if section == RUNTIME else f"SEAMARK_{section}_{key}".upper()
