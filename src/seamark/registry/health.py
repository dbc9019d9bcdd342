"""Whether every version still is what was registered: each byte of each file, and the database beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seamark.errors import InputError
from seamark.extraction.bundle import Damage
from seamark.registry.bundles import VERSIONS, locate_version, verify_stored
from seamark.registry.numbering import parse_number
from seamark.registry.versions import explain_missing
from seamark.storage import versions as rows
from seamark.storage.versions import VersionRecord

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

OnVersion = Callable[[int, int], None]
"""Told how many versions of how many are verified."""


@dataclass(frozen=True, slots=True)
class VersionHealth:
    """What verifying a version found.

    Attributes:
        number: the version's; or the name of a folder among the versions that belongs to none.
        damages: every file that is not what it should be, and what is missing.
    """

    number: str
    damages: tuple[Damage, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.damages


def verify_versions(
    workspace: Workspace, number: str | None = None, *, on_version: OnVersion | None = None
) -> list[VersionHealth]:
    """What is wrong with each version, the lowest number first; every byte of every file is read.

    A version is damaged where a file is missing, has other bytes or does not belong to it, where its manifest is not
    the one that was registered, where it has no bundle, and where it has a bundle but no row in the database.

    Args:
        workspace: whose versions.
        number: the only version to verify; default: all.
        on_version: told after each version how many of how many are done.

    Raises:
        UsageError: there is no such version.
        StorageError: database or object store can't be used.
    """
    folders = _list_folders(workspace)
    with workspace.database.read() as connection:
        known = {record.number: record for record in rows.list_versions(connection)}
    # A bundle that is being put in its place is neither whole nor damaged yet.
    registered = {each.number: each for each in known.values() if each.status == "registered"}
    numbers = sorted(registered.keys() | (folders - known.keys()), key=_order)
    if number is not None and number not in numbers:
        raise explain_missing(number, [each for each in numbers if each in registered])
    chosen = numbers if number is None else [number]
    found = []
    for done, each in enumerate(chosen, start=1):
        found.append(_verify(workspace, each, registered))
        if on_version:
            on_version(done, len(chosen))
    return found


def _verify(workspace: Workspace, number: str, registered: Mapping[str, VersionRecord]) -> VersionHealth:
    record = registered.get(number)
    if record is None:
        stray = Damage(locate_version(number), "a folder", "no folder: the database has no such version")
        return VersionHealth(number, (stray,))
    damages = verify_stored(workspace.store, record.path, record.manifest_digest)
    return VersionHealth(number, tuple(damages))


def _list_folders(workspace: Workspace) -> set[str]:
    """The names of the folders among the versions' bundles, whatever they hold."""
    keys = workspace.store.list(VERSIONS)
    return {key.removeprefix(f"{VERSIONS}/").partition("/")[0] for key in keys}


def _order(name: str) -> tuple[int, tuple[int, ...], str]:
    try:
        return 0, parse_number(name), name
    except InputError:  # somebody's own folder
        return 1, (), name
