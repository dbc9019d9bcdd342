"""From a name or a path to a taxonomy."""

from __future__ import annotations

import re
from pathlib import Path

from seamark.errors import UsageError
from seamark.taxonomy.taxonomy import STARTER, Taxonomy

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:@\d+\.\d+\.\d+)?")


def load_taxonomy(source: str | Path, *, home: Path | None = None) -> Taxonomy:
    """The taxonomy that ``source`` names; see :meth:`Taxonomy.load`."""
    if isinstance(source, str):
        named = _load_named(source, home)
        if named is not None:
            return named
    path = Path(source).expanduser()
    if str(source) and path.exists():
        from seamark.taxonomy.readers import read_taxonomy

        return read_taxonomy(path).taxonomy
    raise _explain_missing(str(source), home)


def _load_named(source: str, home: Path | None) -> Taxonomy | None:
    if source == STARTER:
        return Taxonomy.starter()
    if not _NAME.fullmatch(source):
        return None
    from seamark.taxonomy import release

    name, _, number = source.partition("@")
    folder = _find_home(home)
    if not release.list_releases(name, folder):
        return None
    return release.load_release(name, folder, number=number or None).taxonomy


def _find_home(home: Path | None) -> Path:
    if home is not None:
        return home
    from seamark.settings import read_settings

    return read_settings().home


def _explain_missing(source: str, home: Path | None) -> UsageError:
    from seamark.taxonomy.release import list_taxonomies

    names = [STARTER, *list_taxonomies(_find_home(home))]
    return UsageError(
        f"no file, folder or imported taxonomy is called {source!r}",
        expected="a path, or one of " + ", ".join(names),
        hint="seamark taxonomy import FILE --name NAME gives a taxonomy a name",
    )
