"""One typed settings object, read once at the edge: environment over file over default.

Every setting is declared once, as a field below, with its meaning, its default and what values it
takes. From these declarations come the reader, the error messages and the commented default file
(:func:`render_default_file`), so that none of them can say something else.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from seamark.errors import UsageError

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

_RUNTIME = "runtime"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_PASSWORD = re.compile(r"//[^/@]*@")


def _setting(
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

    url: str = _setting(
        "",
        "The database; nothing for the SQLite file seamark.db in the workspace.",
        pattern=r"(sqlite:///.+|postgresql(\+psycopg)?://.+)?",
        expected="sqlite:///FILE or postgresql://USER@HOST/NAME, or nothing",
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the workspace's object store is."""

    url: str = _setting(
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

    test_share: float = _setting(0.2, "Share of the labelled documents kept for judging.", low=0, high=1)
    validation_share: float = _setting(
        0.1, "Share of the labelled documents kept for choosing thresholds and calibration.", low=0, high=1
    )
    min_documents: int = _setting(20, "Labelled documents needed before a model is trained.", low=1)
    linking_gold: str = _setting(
        "",
        "Gold files whose linking measures every build records: NAME=FILE, several parted by commas.",
    )


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the embedding model is fine-tuned."""

    base: str = _setting(
        "default",
        "The base model: default (MiniLM with the shipped adapter), or all-MiniLM-L6-v2 or "
        "all-mpnet-base-v2 as published.",
        pattern=r".+",
        expected="the name of a base model",
    )
    start: str = _setting("champion", "Whose weights a retraining starts from.", choices=("champion", "base"))
    epochs: int = _setting(2, "Passes over the training pairs.", low=1, high=1000)
    batch_size: int = _setting(64, "Pairs in a batch; each is a negative for the others.", low=2, high=65536)
    learning_rate: float = _setting(3e-4, "The highest learning rate.", low=1e-8, high=1)
    rank: int = _setting(48, "Rank of the low-rank adapter that is trained.", low=1, high=4096)
    scale: float = _setting(20.0, "Factor on the cosine in the contrastive loss.", low=1e-3, high=1000)
    max_tokens: int = _setting(64, "Tokens of a phrase that are read.", low=8, high=512)
    hard_negatives: int = _setting(2, "Mined wrong skills for each pair.", low=0, high=100)
    negative_margin: float = _setting(
        0.05, "Cosine by which a mined wrong skill must lie below the right one.", low=0, high=2
    )
    warm_start_epochs: int = _setting(
        1, "Passes over the taxonomy's own titles and descriptions with --warm-start.", low=1, high=1000
    )
    warm_start_batch_size: int = _setting(128, "Pairs in a batch of the warm start.", low=2, high=65536)
    warm_start_learning_rate: float = _setting(
        1e-3, "The highest learning rate of the warm start.", low=1e-8, high=1
    )
    checkpoint_steps: int = _setting(100, "Steps between two checkpoints.", low=1)
    seed: int = _setting(13, "Seed of everything random in training.", low=0, high=2**32 - 1)


_HOME = _setting(
    "", "Folder for base models and caches; nothing for the user's data folder.", expected="a folder"
).metadata
_GUARDS = {"precision": 0.05, "recall": 0.05, "micro_f1": 0.02, "ece": 0.05, "rp@5": 0.05}


@dataclass(frozen=True, slots=True)
class ChampionSettings:
    """When a contender replaces the champion."""

    primary: str = _setting("jaccard", "The metric that must rise.", choices=METRICS)
    min_gain: float = _setting(0.0, "By how much it must rise, above 0.", low=0, high=1)
    guards: dict[str, float] = _setting(  # noqa: RUF009 (a field: each object gets its own default)
        _GUARDS,
        "How far each of these metrics may worsen (ece, the calibration error, worsens upwards).",
        low=0,
        high=1,
        choices=(*METRICS, "ece"),
    )
    slice_tolerance: float = _setting(
        0.1, "How far the primary metric may fall on one slice (a sector, skill type or kind).", low=0, high=1
    )
    slice_min_documents: int = _setting(20, "Documents that a slice needs to count.", low=1)
    resamples: int = _setting(2000, "Resamples of the paired bootstrap.", low=100, high=1_000_000)
    seed: int = _setting(13, "Seed of the bootstrap.", low=0, high=2**32 - 1)


@dataclass(frozen=True, slots=True)
class ChecksSettings:
    """What a candidate must pass before it is registered."""

    own_title_rank: int = _setting(
        1, "A skill is found when it is among this many first for its own title.", low=1, high=1000
    )
    own_title_share: float = _setting(
        0.98, "Share of the new or changed skills that must be found by their own title.", low=0, high=1
    )
    latency_p95_ms: float = _setting(
        1000.0, "95th percentile of the time for one sample text, in milliseconds.", low=1
    )
    memory_mb: float = _setting(4096.0, "Memory of the process that predicts, in MB.", low=64)
    sample_texts: int = _setting(20, "Sample texts that the checks use.", low=1)


@dataclass(frozen=True, slots=True)
class TaxonomySettings:
    """What an import of a taxonomy release may do unasked."""

    max_removed_share: float = _setting(
        0.2, "Share of the skills that a release may lose without --force.", low=0, high=1
    )
    impact_texts: int = _setting(
        50, "Texts whose predictions are compared in the impact report.", low=0, high=100_000
    )


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How the worker behaves."""

    poll_seconds: float = _setting(
        0.5, "Seconds between two looks for work or progress.", low=0.01, high=3600
    )
    schedule: str = _setting(
        "", "When to retrain, as a cron expression in UTC such as '0 3 * * 1'; empty for never."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings decide, as read by :func:`read_settings`.

    Attributes:
        home: folder for base models, imported taxonomies and cached embeddings
            (``SEAMARK_HOME``; default: the user's data folder).
        offline: forbid every download (``SEAMARK_OFFLINE``; default false).
        engine: the inference engine, ``openvino`` or ``onnxruntime`` (``SEAMARK_ENGINE``).
        threads: processor threads for inference; 0 takes every core (``SEAMARK_THREADS``).
        database, store, data, training, champion, checks, taxonomy, pipelines: one section each
            of the settings file; ``SEAMARK_<SECTION>_<KEY>`` in the environment.
    """

    home: Path = field(metadata=_HOME)
    offline: bool = _setting(False, "Forbid every download.")
    engine: str = _setting("openvino", "The inference engine.", choices=("openvino", "onnxruntime"))
    threads: int = _setting(0, "Processor threads for inference; 0 takes every core.", low=0)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    champion: ChampionSettings = field(default_factory=ChampionSettings)
    checks: ChecksSettings = field(default_factory=ChecksSettings)
    taxonomy: TaxonomySettings = field(default_factory=TaxonomySettings)
    pipelines: PipelineSettings = field(default_factory=PipelineSettings)


def read_settings(environ: Mapping[str, str] | None = None, *, file: Path | None = None) -> Settings:
    """Settings from environment variables over a settings file over the defaults.

    Args:
        environ: the variables; default: the process's. An empty one counts as not set.
        file: a ``seamark.toml``; default: none is read.

    Raises:
        UsageError: a value is malformed or a name unknown; the message says which, and where it stands.
    """
    env = os.environ if environ is None else environ
    tables = _read_tables(file) if file else {}
    _check_variables(env)
    values = {name: kind(**_read_section(name, kind, env, tables, file)) for name, kind in _list_sections()}
    runtime = _read_section(_RUNTIME, Settings, env, tables, file)
    named_by = None if env.get("SEAMARK_HOME", "").strip() else file
    home = _find_home(runtime.pop("home", ""), named_by)
    _check_shares(values["data"])
    return Settings(home=home, **runtime, **values)


def render_default_file() -> str:
    """The settings file of a new workspace: every setting with its meaning, its values and its default."""
    lines = [
        "# Settings of this Seamark workspace. Remove the # before a line to change its value.",
        "# An environment variable wins over this file: SEAMARK_<SECTION>_<KEY>, and for [runtime]",
        "# SEAMARK_<KEY>. Relative folders start at this file's folder.",
    ]
    for section, kind in [(_RUNTIME, Settings), *_list_sections()]:
        lines += ["", f"[{section}]"]
        for item in _list_settings(kind):
            lines += [*_wrap_comment(item), f"#{item.name} = {_render_value(item.metadata['default'])}"]
    return "\n".join(lines) + "\n"


def list_variables() -> list[str]:
    """The name of every environment variable that is a setting."""
    return [
        _name_variable(section, item.name)
        for section, kind in [(_RUNTIME, Settings), *_list_sections()]
        for item in _list_settings(kind)
    ]


def _list_sections() -> Iterator[tuple[str, Any]]:
    for item in fields(Settings):
        if item.default_factory is not MISSING:
            yield item.name, item.default_factory


def _list_settings(kind: Any) -> list[Field[Any]]:
    return [item for item in fields(kind) if "meaning" in item.metadata]


def _name_variable(section: str, key: str) -> str:
    return f"SEAMARK_{key}".upper() if section == _RUNTIME else f"SEAMARK_{section}_{key}".upper()


def _read_tables(file: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the settings file {file} can't be read: {error}", expected="TOML") from error
    sections = {_RUNTIME: Settings, **dict(_list_sections())}
    for section, table in tables.items():
        if section not in sections:
            raise _explain_unknown(f"section [{section}]", section, sections, str(file))
        if not isinstance(table, dict):
            raise UsageError(f"{file}: {section} = {table!r}", expected=f"a section [{section}]")
        known = [item.name for item in _list_settings(sections[section])]
        for key in table:
            if key not in known:
                raise _explain_unknown(f"setting {section}.{key}", key, known, str(file))
    return tables


def _check_variables(env: Mapping[str, str]) -> None:
    """Refuse a misspelt variable of a section; other variables may be anybody's."""
    known = list_variables()
    prefixes = tuple(f"SEAMARK_{section}_".upper() for section, _ in _list_sections())
    for name in env:
        if name.startswith(prefixes) and name not in known:
            raise _explain_unknown(f"setting {name}", name, known, "the environment")


def _explain_unknown(what: str, name: str, known: Iterable[str], where: str) -> UsageError:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        f"there is no {what} (in {where})",
        expected=", ".join(known),
        hint=f"{near[0]}?" if near else "",
    )


def _read_section(
    section: str, kind: Any, env: Mapping[str, str], tables: Mapping[str, Any], file: Path | None
) -> dict[str, Any]:
    """The values given for one section, by key; what isn't given is left out."""
    table, found = tables.get(section, {}), {}
    for item in _list_settings(kind):
        variable = _name_variable(section, item.name)
        if text := env.get(variable, "").strip():
            found[item.name] = _check(item, _parse(item, text), f"{variable}={_hide(text)!r}")
        elif item.name in table:
            value = table[item.name]
            found[item.name] = _check(item, value, f"{file}: {section}.{item.name} = {_hide(value)!r}")
    return found


def _hide(value: Any) -> Any:
    return _PASSWORD.sub("//***@", value) if isinstance(value, str) else value


def _parse(item: Field[Any], text: str) -> Any:
    """An environment variable's text as a value of the setting's type; as it is where that fails."""
    default = item.metadata["default"]
    if isinstance(default, bool):
        return text.lower() in _TRUE if text.lower() in _TRUE | _FALSE else text
    if isinstance(default, str):
        return text.lower() if item.metadata["choices"] else text
    try:
        return _parse_pairs(text) if isinstance(default, dict) else type(default)(text)
    except ValueError:
        return text


def _parse_pairs(text: str) -> Any:
    """JSON, or ``name=value,name=value``."""
    if text.startswith("{"):
        return json.loads(text)
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip(): float(value) for name, _, value in pairs}


def _check(item: Field[Any], value: Any, where: str) -> Any:
    """``value`` in the setting's type.

    Raises:
        UsageError: the type, the range or the form is wrong.
    """
    default = item.metadata["default"]
    if isinstance(default, dict) and isinstance(value, dict):
        good = set(value) <= set(item.metadata["choices"]) and all(
            _is_number(one, item) for one in value.values()
        )
        value = {name: float(one) for name, one in value.items()} if good else value
    elif isinstance(default, float):
        good = _is_number(value, item)
        value = float(value) if good else value
    elif isinstance(default, int) and not isinstance(default, bool):
        good = isinstance(value, int) and _is_number(value, item)
    else:
        good = type(value) is type(default) and _has_form(value, item)
    if not good:
        raise UsageError(where, expected=_describe(item))
    return value


def _is_number(value: Any, item: Field[Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    low, high = item.metadata["low"], item.metadata["high"]
    return (low is None or value >= low) and (high is None or value <= high)


def _has_form(value: Any, item: Field[Any]) -> bool:
    choices, pattern = item.metadata["choices"], item.metadata["pattern"]
    return (not choices or value in choices) and (pattern is None or bool(pattern.fullmatch(value)))


def _describe(item: Field[Any]) -> str:
    """What values a setting takes, in words."""
    default, choices = item.metadata["default"], item.metadata["choices"]
    if item.metadata["expected"]:
        return str(item.metadata["expected"])
    if isinstance(default, dict):
        return f"numbers {_describe_range(item)}, each named {_join(choices)}"
    if choices:
        return _join(choices)
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return "a text"
    return f"a {'whole ' if isinstance(default, int) else ''}number {_describe_range(item)}"


def _join(choices: Iterable[str]) -> str:
    *first, last = choices
    return f"{', '.join(first)} or {last}"


def _describe_range(item: Field[Any]) -> str:
    low, high = item.metadata["low"], item.metadata["high"]
    return f"of {low} or more" if high is None else f"from {low} to {high}"


def _find_home(home: str, file: Path | None) -> Path:
    """The home folder; one from the file starts at the file's folder."""
    if home:
        path = Path(home).expanduser()
        return file.parent / path if file else path
    from platformdirs import user_data_path

    return user_data_path("seamark", appauthor=False)


def _check_shares(data: DataSettings) -> None:
    if data.test_share + data.validation_share >= 1:
        raise UsageError(
            f"data.test_share = {data.test_share} and data.validation_share = {data.validation_share} "
            "leave nothing to train on",
            expected="a sum below 1",
        )


def _wrap_comment(item: Field[Any]) -> list[str]:
    import textwrap

    text = f"{item.metadata['meaning']} Takes {_describe(item)}."
    return textwrap.wrap(text, width=100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _render_value(value: Any) -> str:
    """``value`` in TOML."""
    if isinstance(value, dict):
        pairs = (f"{_render_key(name)} = {_render_value(one)}" for name, one in value.items())
        return f"{{ {', '.join(pairs)} }}"
    return json.dumps(value)


def _render_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
