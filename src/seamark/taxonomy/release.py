"""Taxonomy releases: immutable, numbered X.Y.Z, content-hashed, one file each.

``<home>/taxonomies/<name>/<X.Y.Z>.json`` is our plain JSON format with the digest, the source and
the time of the import; it is written once and never changed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seamark.errors import StorageError, TaxonomyError, UsageError
from seamark.taxonomy._files import write_file
from seamark.taxonomy._records import hash_skills, parse_record
from seamark.taxonomy.diff import TaxonomyDiff, diff_taxonomies
from seamark.taxonomy.report import RowReport
from seamark.taxonomy.taxonomy import STARTER, Taxonomy

FIRST_NUMBER = "1.0.0"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
"""What a release's number looks like."""
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class TaxonomyRelease:
    """One immutable release.

    Attributes:
        number: X.Y.Z.
        taxonomy: its skills; name and version are the release's.
        digest: SHA-256 of the content.
        source: the file or folder it was imported from, by its name.
        imported_at: when, in UTC.
    """

    number: str
    taxonomy: Taxonomy
    digest: str
    source: str
    imported_at: datetime

    @property
    def name(self) -> str:
        """The taxonomy's name."""
        return self.taxonomy.name


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did.

    Attributes:
        release: the new release, or the latest one where its content is the same.
        created: whether the release is new.
        report: every rejected or repaired row of the source.
        diff: what changed since the release before; None for the first one.
    """

    release: TaxonomyRelease
    created: bool
    report: RowReport
    diff: TaxonomyDiff | None


def list_taxonomies(home: Path) -> list[str]:
    """The names of the imported taxonomies, sorted."""
    folder = home / "taxonomies"
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if list_releases(path.name, home))


def list_releases(name: str, home: Path) -> list[str]:
    """The numbers of a taxonomy's releases, the oldest first; empty where there is none."""
    folder = _find_folder(name, home)
    if not folder.is_dir():
        return []
    numbers = [path.stem for path in folder.glob("*.json") if NUMBER.fullmatch(path.stem)]
    return sorted(numbers, key=parse_number)


def load_release(name: str, home: Path, *, number: str | None = None) -> TaxonomyRelease:
    """A stored release, its content checked against its digest.

    Args:
        name: the taxonomy's name.
        home: the settings' home folder.
        number: X.Y.Z; default: the latest.

    Raises:
        UsageError: there is no such taxonomy or release.
        TaxonomyError: the stored file is damaged.
    """
    numbers = list_releases(name, home)
    wanted = number or (numbers[-1] if numbers else "")
    if wanted not in numbers:
        raise _explain_missing(name, wanted, numbers, home)
    return _read_release(_find_folder(name, home) / f"{wanted}.json", name, wanted)


def import_release(source: Path, name: str | None, home: Path, *, format: str | None = None) -> ImportOutcome:  # noqa: A002
    """Read a source and store it as the next release of ``name``.

    The first release is 1.0.0. Then X grows where a skill was removed, Y where one was added,
    retitled or retyped, Z where only descriptions or other fields changed. Content that is the
    same as the latest release's changes nothing.

    Args:
        source: a file or folder.
        name: the taxonomy's name; default: the format's or the file's.
        home: the settings' home folder.
        format: the source's format; default: recognised.

    Raises:
        UsageError: a name that can't be one, or that is taken by Seamark itself.
        TaxonomyError: the source can't be read, or the latest release is damaged.
        StorageError: the release can't be written.
    """
    from seamark.taxonomy.readers import read_taxonomy

    if name is not None:
        check_name(name)
    result = read_taxonomy(Path(source), format=format)
    name = name or make_name(result.taxonomy.name)
    check_name(name)
    for _ in range(_ATTEMPTS):  # another process may take the number first
        outcome = _store_next(result.taxonomy, name, Path(source), home, result.report)
        if outcome is not None:
            return outcome
    raise StorageError(f"the releases of '{name}' change too fast to add one", hint="import it again")


def _store_next(
    taxonomy: Taxonomy, name: str, source: Path, home: Path, report: RowReport
) -> ImportOutcome | None:
    numbers = list_releases(name, home)
    latest = load_release(name, home) if numbers else None
    diff = diff_taxonomies(latest.taxonomy, taxonomy) if latest else None
    if latest is not None and latest.digest == taxonomy.digest:
        return ImportOutcome(latest, created=False, report=report, diff=diff)
    number = choose_number(latest.number, diff) if latest and diff else FIRST_NUMBER
    stored = Taxonomy(name, taxonomy.skills, number)
    release = TaxonomyRelease(number, stored, taxonomy.digest, source.resolve().name, datetime.now(UTC))
    if _write_release(release, home):
        return ImportOutcome(release, created=True, report=report, diff=diff)
    return None


def choose_number(latest: str, diff: TaxonomyDiff) -> str:
    """The number of the release that follows ``latest`` with these changes."""
    major, minor, patch = parse_number(latest)
    if diff.removed:
        return f"{major + 1}.0.0"
    if diff.added or diff.retitled or diff.retyped:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def parse_number(number: str) -> tuple[int, int, int]:
    """X, Y and Z of a release's number, to sort by."""
    match = NUMBER.fullmatch(number)
    assert match is not None
    return int(match[1]), int(match[2]), int(match[3])


def _find_folder(name: str, home: Path) -> Path:
    return home / "taxonomies" / name


def check_name(name: str) -> None:
    """Nothing, where a taxonomy may be imported under ``name``.

    Raises:
        UsageError: it can't be a name, or is taken by Seamark itself.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be a taxonomy's name",
            expected="letters, digits, '.', '-' and '_', a letter or digit first",
        )
    if name == STARTER:
        raise UsageError(
            f"the name '{STARTER}' belongs to the taxonomy that ships with Seamark", hint="another --name"
        )


def make_name(text: str) -> str:
    """A name that :func:`check_name` accepts, close to ``text``."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._")[:100]
    return f"my-{name}" if name == STARTER else name or "taxonomy"


def _write_release(release: TaxonomyRelease, home: Path) -> bool:
    path = _find_folder(release.name, home) / f"{release.number}.json"
    return write_file(path, format_release(release).decode("utf-8", "surrogatepass"), overwrite=False)


def format_release(release: TaxonomyRelease) -> bytes:
    """The release as the JSON document that is stored, in UTF-8; :func:`parse_release` reads it."""
    from seamark.taxonomy.writing import make_document

    document = make_document(release.taxonomy) | {
        "digest": release.digest,
        "source": release.source,
        "imported_at": release.imported_at.isoformat(),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", "surrogatepass")


def _read_release(path: Path, name: str, number: str) -> TaxonomyRelease:
    return parse_release(path.read_bytes(), name, number, where=str(path))


def parse_release(content: bytes, name: str, number: str, *, where: str) -> TaxonomyRelease:
    """The release in a stored document, its content checked against its digest.

    Args:
        content: what :func:`format_release` made.
        name: the taxonomy's name.
        number: the release's.
        where: the document's place, for the message.

    Raises:
        TaxonomyError: the document is damaged.
    """
    try:
        document: dict[str, Any] = json.loads(content.decode("utf-8", "surrogatepass"))
        taxonomy = Taxonomy(name, tuple(map(parse_record, document["skills"])), number)
        digest, source = str(document["digest"]), str(document["source"])
        imported_at = datetime.fromisoformat(document["imported_at"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _explain_damage(name, number, where, f"can't be read ({error})") from error
    if hash_skills(taxonomy) != digest:
        raise _explain_damage(name, number, where, "no longer has the content that it was stored with")
    return TaxonomyRelease(number, taxonomy, digest, source, imported_at)


def _explain_damage(name: str, number: str, where: str, what: str) -> TaxonomyError:
    return TaxonomyError(
        f"the stored release {name}@{number} {what}",
        expected="a file that nobody changed",
        hint=f"remove {where} and import the source again",
    )


def _explain_missing(name: str, number: str, numbers: list[str], home: Path) -> UsageError:
    if numbers:
        return UsageError(
            f"the taxonomy '{name}' has no release {number}", expected="one of " + ", ".join(numbers)
        )
    names = ", ".join(list_taxonomies(home)) or "none is imported"
    return UsageError(f"no taxonomy is called '{name}'", expected=f"one of: {names}")
