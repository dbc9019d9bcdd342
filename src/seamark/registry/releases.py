"""Taxonomy releases of a workspace: immutable, numbered X.Y.Z, one of the taxonomies live.

A release is an object, created once, and a row. The object comes first, so that a crash between the two
leaves a whole release without a row; the next import of that taxonomy finds it and adds the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.errors import ConflictError, NotFoundError, StorageError, TaxonomyError, UsageError
from seamark.governance.acting import act, require
from seamark.governance.actors import SYSTEM
from seamark.registry.release_checks import check_size
from seamark.storage import releases as rows
from seamark.storage.releases import StoredRelease
from seamark.storage.versions import find_newest_version
from seamark.taxonomy.diff import TaxonomyDiff, diff_taxonomies
from seamark.taxonomy.release import (
    FIRST_NUMBER,
    NUMBER,
    TaxonomyRelease,
    check_name,
    choose_number,
    format_release,
    make_name,
    parse_number,
    parse_release,
)
from seamark.taxonomy.release import ImportOutcome as TaxonomyOutcome
from seamark.taxonomy.report import ReadResult, RowReport
from seamark.taxonomy.taxonomy import STARTER, Taxonomy

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

_IMPORT = "taxonomy.import"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class ImportOutcome(TaxonomyOutcome):
    """What an import into a workspace did.

    Attributes:
        live: the name of the taxonomy that is live now.
        became_live: whether this import made its taxonomy the live one.
    """

    live: str
    became_live: bool


def import_taxonomy(
    workspace: Workspace,
    actor: Actor,
    source: Path | None,
    *,
    name: str | None = None,
    format: str | None = None,  # noqa: A002 - the word users know
    force: bool = False,
) -> ImportOutcome:
    """Read a source and store it as the next release of a taxonomy in the workspace.

    Numbers follow from what changed, as :func:`seamark.taxonomy.release.choose_number` says. Content
    that is the same as the latest release's changes nothing. The first taxonomy of a workspace is live;
    one of another name becomes live by itself only while the workspace has no model version.

    Args:
        workspace: where to.
        actor: who asks.
        source: a file or folder; None: the starter taxonomy.
        name: the taxonomy's name; default: the format's or the file's, ``starter`` for the starter.
        format: the source's format; default: recognised.
        force: store it also when it lost more skills than the settings allow.

    Raises:
        NotAllowedError: the actor may not import taxonomies.
        UsageError: a name that can't be one, or that is taken by Seamark itself.
        TaxonomyError: the source can't be read, has no active skill, or has lost more of them than
            ``taxonomy.max_removed_share``; or the latest release is damaged.
        StorageError: the release can't be written.
    """
    label = STARTER if source is None else Path(source).resolve().name
    require(workspace, actor, _IMPORT, subject=name or label)
    if name is not None:
        check_name(name)
    read = _read_source(source, format)
    name = name or (STARTER if source is None else make_name(read.taxonomy.name))
    if source is not None:
        check_name(name)
    for _ in range(_ATTEMPTS):  # another process may take the number first
        outcome = _store_next(workspace, actor, read, name, label, force=force)
        if outcome is not None:
            return outcome
    raise StorageError(f"the releases of '{name}' change too fast to add one", hint="import it again")


def list_releases(workspace: Workspace, name: str | None = None) -> list[StoredRelease]:
    """The releases of one taxonomy, or of all, by name, the oldest first."""
    with workspace.database.read() as connection:
        return rows.list_releases(connection, name)


def find_release(workspace: Workspace, reference: str) -> StoredRelease:
    """The release that ``NAME`` (its newest) or ``NAME@X.Y.Z`` means.

    Raises:
        NotFoundError: the workspace has none such; the message lists what it has.
    """
    name, _, number = reference.partition("@")
    found = list_releases(workspace, name)
    chosen = [release for release in found if number in ("", release.number)]
    if chosen:
        return chosen[-1]
    if found:
        numbers = ", ".join(release.number for release in found)
        raise NotFoundError(f"the taxonomy '{name}' has no release {number}", expected=f"one of {numbers}")
    names = ", ".join(dict.fromkeys(release.name for release in list_releases(workspace)))
    raise NotFoundError(
        f"no taxonomy of this workspace is called '{name}'",
        expected=f"one of: {names or 'none is imported'}",
        hint="seamark taxonomy import FILE --name NAME",
    )


def load_taxonomy(workspace: Workspace, name: str, number: str | None = None) -> Taxonomy:
    """The skills of a release, checked against its digest.

    Args:
        workspace: where from.
        name: the taxonomy's name.
        number: X.Y.Z; default: the newest.

    Raises:
        NotFoundError: the workspace has no such release.
        TaxonomyError: what is stored is damaged.
        StorageError: the object is missing or can't be read.
    """
    release = find_release(workspace, f"{name}@{number}" if number else name)
    return _load(workspace, release).taxonomy


def get_live_release(workspace: Workspace) -> StoredRelease:
    """The newest release of the live taxonomy: what the next model version is made for.

    Raises:
        UsageError: nothing was imported yet.
    """
    with workspace.database.read() as connection:
        name = rows.read_live(connection)
    if name is None:
        raise UsageError("the workspace has no taxonomy yet", hint="seamark taxonomy import FILE --name NAME")
    return find_release(workspace, name)


def use_taxonomy(workspace: Workspace, actor: Actor, reference: str) -> StoredRelease:
    """Make a taxonomy the live one; its newest release, which is returned, is what models are made for.

    Args:
        workspace: where.
        actor: who asks.
        reference: ``NAME``, or ``NAME@X.Y.Z`` of its newest release.

    Raises:
        NotAllowedError: the actor may not choose the live taxonomy.
        NotFoundError: the workspace has no such taxonomy.
        ConflictError: the release is not its newest.
    """
    require(workspace, actor, "taxonomy.use", subject=reference)
    release = find_release(workspace, reference)
    newest = find_release(workspace, release.name)
    if release != newest:
        raise ConflictError(
            f"{release.name}@{release.number} is not the newest release of '{release.name}'",
            expected=f"{newest.name}@{newest.number}",
            hint="to go back, import the older source again: it becomes the newest release",
        )
    with act(workspace, actor, "taxonomy.use", subject=release.name) as deed:
        live = rows.read_live(deed.connection)
        deed.before, deed.after = {"live": live}, {"live": release.name}
        deed.nothing = live == release.name
        if not deed.nothing:
            rows.write_live(deed.connection, release.name)
    return release


def make_release_key(name: str, number: str) -> str:
    """Where a release's document is in the object store."""
    return f"taxonomies/{name}/{number}.json"


def _read_source(source: Path | None, format_name: str | None) -> ReadResult:
    if source is None:
        starter = Taxonomy.starter()
        report = RowReport("plain", ("skills.csv",), (), len(starter), len(starter), ())
        return ReadResult(starter, report)
    from seamark.taxonomy.readers import read_taxonomy

    return read_taxonomy(Path(source), format=format_name)


def _store_next(
    workspace: Workspace, actor: Actor, read: ReadResult, name: str, label: str, *, force: bool
) -> ImportOutcome | None:
    """What the import did; None where another process was faster."""
    _adopt_lost(workspace, name)
    latest = _load_latest(workspace, name)
    diff = diff_taxonomies(latest.taxonomy, read.taxonomy) if latest else None
    if latest is not None and latest.digest == read.taxonomy.digest:
        live = get_live_release(workspace).name
        return ImportOutcome(latest, False, read.report, diff, live, became_live=False)
    check_size(read.taxonomy, latest, workspace.settings.taxonomy.max_removed_share, force=force)
    number = choose_number(latest.number, diff) if latest and diff else FIRST_NUMBER
    stored = Taxonomy(name, read.taxonomy.skills, number)
    release = TaxonomyRelease(number, stored, stored.digest, label, datetime.now(UTC))
    if not workspace.store.put(make_release_key(name, number), format_release(release), create=True):
        return None
    recorded = _record(workspace, actor, release, read.report, diff)
    if recorded is None:
        return None
    live, became_live = recorded
    return ImportOutcome(release, True, read.report, diff, live, became_live)


def _load_latest(workspace: Workspace, name: str) -> TaxonomyRelease | None:
    found = list_releases(workspace, name)
    return _load(workspace, found[-1]) if found else None


def _load(workspace: Workspace, stored: StoredRelease) -> TaxonomyRelease:
    release = _read_object(workspace, stored.name, stored.number)
    if release.digest != stored.digest:
        raise TaxonomyError(
            f"the stored release {stored.name}@{stored.number} is not the one that was imported",
            expected=f"the digest {stored.digest}",
            hint=f"put the object {stored.object_key} back from a backup",
        )
    return release


def _read_object(workspace: Workspace, name: str, number: str) -> TaxonomyRelease:
    key = make_release_key(name, number)
    return parse_release(workspace.store.get(key), name, number, where=f"the object {key}")


def _adopt_lost(workspace: Workspace, name: str) -> None:
    """Add the rows that a crash, after the object was written, kept from being added.

    Seamark does so itself: whoever imports now did not ask for what another import had left.
    """
    known = {release.number for release in list_releases(workspace, name)}
    keys = workspace.store.list(f"taxonomies/{name}/")
    numbers = {Path(key).stem for key in keys if key.endswith(".json")}
    lost = [number for number in numbers - known if NUMBER.fullmatch(number)]
    for number in sorted(lost, key=parse_number):
        before = _load_latest(workspace, name)
        release = _read_object(workspace, name, number)
        diff = diff_taxonomies(before.taxonomy, release.taxonomy) if before else None
        reason = "the import that wrote it was cut off before its end"
        _record(workspace, SYSTEM, release, None, diff, reason=reason)


def _record(
    workspace: Workspace,
    actor: Actor,
    release: TaxonomyRelease,
    report: RowReport | None,
    diff: TaxonomyDiff | None,
    *,
    reason: str = "",
) -> tuple[str, bool] | None:
    """The live taxonomy's name and whether it is new; None where another content has the number."""
    stored = StoredRelease(
        name=release.name,
        number=release.number,
        digest=release.digest,
        skills=len(release.taxonomy),
        source=release.source,
        imported_at=release.imported_at,
        object_key=make_release_key(release.name, release.number),
        report=report.to_dict() if report else {},
        changes=diff.counts if diff else {},
    )
    subject = f"{release.name}@{release.number}"
    with act(workspace, actor, _IMPORT, subject=subject, reason=reason) as deed:
        if rows.add_release(deed.connection, stored).digest != release.digest:
            deed.nothing = True
            return None
        live = rows.read_live(deed.connection)
        becomes_live = live is None or (live != release.name and find_newest_version(deed.connection) is None)
        if becomes_live:
            rows.write_live(deed.connection, release.name)
        now_live = release.name if becomes_live else live
        facts = {"digest": stored.digest, "skills": stored.skills, "source": stored.source}
        deed.before, deed.after = {"live": live}, {"live": now_live, **facts}
    return now_live or release.name, becomes_live
