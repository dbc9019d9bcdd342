"""Settings read at the edge: environment over file over default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seamark.errors import UsageError
from seamark.settings.sections import (
    RUNTIME,
    DataSettings,
    Settings,
    StageSettings,
    list_sections,
    list_settings,
    name_variable,
)
from seamark.settings.values import check_value, explain_unknown, hide_password, parse_value


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
    values = {name: kind(**_read_section(name, kind, env, tables, file)) for name, kind in list_sections()}
    runtime = _read_section(RUNTIME, Settings, env, tables, file)
    named_by = None if env.get("SEAMARK_HOME", "").strip() else file
    home = _find_home(runtime.pop("home", ""), named_by)
    _check_shares(values["data"])
    return Settings(home=home, **runtime, **values)


def change_stage_settings(current: StageSettings, changes: Mapping[str, Any]) -> StageSettings:
    """``current`` with other values.

    Args:
        current: a stage's settings.
        changes: key → new value, or its text; None gives back the default.

    Raises:
        UsageError: there is no such key, or a value is malformed.
    """
    known = {item.name: item for item in list_settings(StageSettings)}
    values = {}
    for key, value in changes.items():
        if key not in known:
            raise explain_unknown(f"setting {key}", key, known, "a stage")
        item = known[key]
        parsed = parse_value(item, value) if isinstance(value, str) else value
        values[key] = (
            item.metadata["default"] if value is None else check_value(item, parsed, f"{key} = {value!r}")
        )
    return replace(current, **values)


def list_variables() -> list[str]:
    """The name of every environment variable that is a setting."""
    return [
        name_variable(section, item.name)
        for section, kind in [(RUNTIME, Settings), *list_sections()]
        for item in list_settings(kind)
    ]


def _read_tables(file: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the settings file {file} can't be read: {error}", expected="TOML") from error
    sections = {RUNTIME: Settings, **dict(list_sections())}
    for section, table in tables.items():
        if section not in sections:
            raise explain_unknown(f"section [{section}]", section, sections, str(file))
        if not isinstance(table, dict):
            raise UsageError(f"{file}: {section} = {table!r}", expected=f"a section [{section}]")
        known = [item.name for item in list_settings(sections[section])]
        for key in table:
            if key not in known:
                raise explain_unknown(f"setting {section}.{key}", key, known, str(file))
    return tables


def _check_variables(env: Mapping[str, str]) -> None:
    """Refuse a misspelt variable of a section; other variables may be anybody's."""
    known = list_variables()
    prefixes = tuple(f"SEAMARK_{section}_".upper() for section, _ in list_sections())
    for name in env:
        if name.startswith(prefixes) and name not in known:
            raise explain_unknown(f"setting {name}", name, known, "the environment")


def _read_section(
    section: str, kind: Any, env: Mapping[str, str], tables: Mapping[str, Any], file: Path | None
) -> dict[str, Any]:
    """The values given for one section, by key; what isn't given is left out."""
    table, found = tables.get(section, {}), {}
    for item in list_settings(kind):
        variable = name_variable(section, item.name)
        if text := env.get(variable, "").strip():
            found[item.name] = check_value(
                item, parse_value(item, text), f"{variable}={hide_password(text)!r}"
            )
        elif item.name in table:
            value = table[item.name]
            found[item.name] = check_value(
                item, value, f"{file}: {section}.{item.name} = {hide_password(value)!r}"
            )
    return found


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
