"""Readers of taxonomies: the format is recognised by what a file or a folder holds."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from seamark.errors import TaxonomyError, UsageError
from seamark.taxonomy.readers._sources import Part, open_source
from seamark.taxonomy.report import NoUsableRowError, ReadResult, RowReport

# Each is a module here with `pick(parts) -> chosen parts` and `read(parts) -> ReadResult`.
_SPECIAL = ("skillsfuture", "esco", "onet", "lightcast")
FORMATS = (*_SPECIAL, "plain")


def read_taxonomy(source: Path, *, format: str | None = None) -> ReadResult:  # noqa: A002 - the word users know
    """The taxonomy in a file or folder, with a report of every rejected or repaired row.

    Args:
        source: a file, or a folder that holds a bundle of files.
        format: one of ``FORMATS``; default: recognised by headings, JSON shape and sheets.

    Raises:
        UsageError: there is no such file, or no such format.
        TaxonomyError: the source is not what its name says, or of no known format.
        NoUsableRowError: no row is usable; the error carries the report.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"the format {format!r} is unknown", expected="one of " + ", ".join(FORMATS))
    parts, unread = open_source(Path(source))
    reader, chosen = _recognise(parts, source, format)
    ignored = _list_ignored(parts, chosen, unread)
    try:
        result: ReadResult = reader.read(chosen)
    except NoUsableRowError as error:
        error.report = _add_ignored(error.report, ignored)
        raise
    return ReadResult(result.taxonomy, _add_ignored(result.report, ignored))


def _recognise(parts: list[Part], source: Path, name: str | None) -> tuple[ModuleType, list[Part]]:
    found = _pick_named(parts, name) if name else _pick_any(parts)
    if len(found) == 1:
        ((candidate, chosen),) = found.items()
        return _load_reader(candidate), chosen
    raise _explain_unrecognised(parts, source, name, list(found))


def _pick_named(parts: list[Part], name: str) -> dict[str, list[Part]]:
    reader = _load_reader(name)
    chosen = reader.pick(parts, forced=True) if name == "plain" else reader.pick(parts)
    return {name: chosen} if chosen else {}


def _pick_any(parts: list[Part]) -> dict[str, list[Part]]:
    found = {name: chosen for name in _SPECIAL if (chosen := _load_reader(name).pick(parts))}
    if not found and (chosen := _load_reader("plain").pick(parts)):
        return {"plain": chosen}
    return found


def _load_reader(name: str) -> ModuleType:
    return importlib.import_module(f"seamark.taxonomy.readers.{name}")


def _explain_unrecognised(
    parts: Sequence[Part], source: Path, name: str | None, found: list[str]
) -> TaxonomyError:
    if found:
        return TaxonomyError(
            f"{source} holds taxonomies of several formats: {', '.join(found)}",
            expected="one",
            hint="give the file or folder of one of them",
        )
    shown = next((", ".join(part.headers[:8]) for part in parts if part.headers), "JSON of an unknown shape")
    known = "files of SkillsFuture, ESCO, O*NET or Lightcast, or the columns skill_id and title"
    wanted = f"files of the format {name}" if name else known
    return TaxonomyError(
        f"{source} is no taxonomy that Seamark knows (found: {shown})",
        expected=wanted,
        hint="name the columns as docs/reference/taxonomy-formats.md says",
    )


def _list_ignored(parts: Sequence[Part], chosen: Sequence[Part], unread: Sequence[str]) -> tuple[str, ...]:
    used = {part.path for part in chosen}
    names = {part.path.name for part in parts if part.path not in used}
    return tuple(sorted(names | set(unread)))


def _add_ignored(report: RowReport, ignored: tuple[str, ...]) -> RowReport:
    return replace(report, ignored=tuple(sorted({*report.ignored, *ignored})))
