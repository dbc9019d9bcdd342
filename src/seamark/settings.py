"""One typed settings object, read once at the edge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seamark.errors import UsageError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings decide, as read by :func:`read_settings`.

    Attributes:
        home: folder for base models, imported taxonomies and cached embeddings
            (``SEAMARK_HOME``; default: the user's data folder).
        offline: forbid every download (``SEAMARK_OFFLINE``; default false).
        engine: the inference engine, ``openvino`` or ``onnxruntime`` (``SEAMARK_ENGINE``).
        threads: processor threads for inference; 0 takes every core (``SEAMARK_THREADS``).
    """

    home: Path
    offline: bool = False
    engine: str = "openvino"
    threads: int = 0


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables.

    Raises:
        UsageError: a value is malformed; the message names the variable and the value.
    """
    env = os.environ if environ is None else environ
    return Settings(
        home=_read_home(env),
        offline=_read_flag(env, "SEAMARK_OFFLINE"),
        engine=_read_engine(env),
        threads=_read_threads(env),
    )


def _read_home(env: Mapping[str, str]) -> Path:
    if home := env.get("SEAMARK_HOME", ""):
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("seamark", appauthor=False)


def _read_flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise UsageError(f"{name}={env[name]!r}", expected="1 or 0")


def _read_engine(env: Mapping[str, str]) -> str:
    value = env.get("SEAMARK_ENGINE", "").strip().lower() or "openvino"
    if value not in ("openvino", "onnxruntime"):
        raise UsageError(f"SEAMARK_ENGINE={value!r}", expected="openvino or onnxruntime")
    return value


def _read_threads(env: Mapping[str, str]) -> int:
    value = env.get("SEAMARK_THREADS", "").strip() or "0"
    if not value.isdecimal():
        raise UsageError(f"SEAMARK_THREADS={value!r}", expected="a whole number of 0 or more")
    return int(value)
