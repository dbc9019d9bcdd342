"""The commented settings file of a new workspace, from the declarations."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import Field
from typing import Any

from seamark.settings.sections import RUNTIME, Settings, list_sections, list_settings
from seamark.settings.values import describe_values


def render_default_file() -> str:
    """The settings file of a new workspace: every setting with its meaning, its values and its default."""
    lines = [
        "# Settings of this Seamark workspace. Remove the # before a line to change its value.",
        "# An environment variable wins over this file: SEAMARK_<SECTION>_<KEY>, and for [runtime]",
        "# SEAMARK_<KEY>. Relative folders start at this file's folder.",
    ]
    for section, kind in [(RUNTIME, Settings), *list_sections()]:
        lines += ["", f"[{section}]"]
        for item in list_settings(kind):
            lines += [*_wrap_comment(item), f"#{item.name} = {_render_value(item.metadata['default'])}"]
    return "\n".join(lines) + "\n"


def _wrap_comment(item: Field[Any]) -> list[str]:
    text = f"{item.metadata['meaning']} Takes {describe_values(item)}."
    return textwrap.wrap(text, width=100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _render_value(value: Any) -> str:
    """``value`` in TOML."""
    if isinstance(value, dict):
        pairs = (f"{_render_key(name)} = {_render_value(one)}" for name, one in value.items())
        return f"{{ {', '.join(pairs)} }}"
    return json.dumps(value)


def _render_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
