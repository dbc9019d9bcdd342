"""How `seamark taxonomy` works with a workspace: which one, its releases, and their impact reports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seamark.registry.releases import ImportOutcome
    from seamark.storage.releases import StoredRelease
    from seamark.storage.workspace import Workspace
    from seamark.taxonomy import Taxonomy

_SHOWN = 20


@contextmanager
def open_if_any(option: Path | None) -> Iterator[Workspace | None]:
    """The workspace that a command works on, or None where it stands outside of any.

    Without one nothing of the platform is imported: the extraction library alone knows taxonomies too.
    """
    if option is None and not os.environ.get("SEAMARK_WORKSPACE") and not _is_inside():
        yield None
        return
    from seamark.cli._workspace import open_from

    with open_from(option) as workspace:
        yield workspace


def _is_inside() -> bool:
    from seamark.settings import SETTINGS_FILE

    here = Path.cwd()
    return any((folder / SETTINGS_FILE).is_file() for folder in (here, *here.parents))


def load_named(workspace: Workspace | None, source: str) -> Taxonomy:
    """The taxonomy that ``source`` names: one of the workspace's, else what :meth:`Taxonomy.load` finds."""
    from seamark.taxonomy import Taxonomy

    if workspace is None:
        return Taxonomy.load(source or "starter")
    from seamark.registry.releases import find_release, get_live_release, list_releases, load_taxonomy

    if source and not list_releases(workspace, source.partition("@")[0]):
        return Taxonomy.load(source)
    release = find_release(workspace, source) if source else get_live_release(workspace)
    return load_taxonomy(workspace, release.name, release.number)


def import_into(
    workspace: Workspace, source: Path, *, name: str | None, format_name: str | None, force: bool
) -> ImportOutcome:
    """Import a source into the workspace; ``starter``, where no file is called so, is the package's own."""
    from seamark.cli._people import who_asks
    from seamark.registry.releases import import_taxonomy

    given = None if str(source) == "starter" and not source.exists() else source
    return import_taxonomy(workspace, who_asks(workspace), given, name=name, format=format_name, force=force)


def report_impact(workspace: Workspace, reference: str, *, again: bool = False) -> dict[str, Any]:
    """The impact report of a release as JSON; made where there is none yet, or where it is asked for again."""
    from seamark.building.release_impact import load_impact, make_impact
    from seamark.cli.output import make_progress
    from seamark.registry.releases import find_release

    release = find_release(workspace, reference)
    stored = None if again else load_impact(workspace, release)
    if stored is not None:
        return dict(stored.content)
    with make_progress() as bar:
        task = bar.add_task("texts", total=None)
        impact = make_impact(
            workspace, release, on_progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    return impact.to_dict()


def try_impact(workspace: Workspace, reference: str) -> dict[str, Any] | None:
    """The impact report after an import; None, and a line that says why, where it can't be made.

    The release is stored by then: a model that can't be opened is no reason to call the import failed.
    """
    from seamark.cli.output import say
    from seamark.errors import SeamarkError

    try:
        return report_impact(workspace, reference)
    except SeamarkError as error:
        say(f"the impact report could not be made: {error}")
        say(f"`seamark taxonomy impact {reference}` tries again")
        return None


def write_page(workspace: Workspace, reference: str, path: Path) -> None:
    """Write a release's impact page to ``path``.

    Raises:
        OSError: the file can't be written.
    """
    from seamark.building.release_impact import load_impact
    from seamark.registry.releases import find_release

    report = load_impact(workspace, find_release(workspace, reference))
    if report is not None:
        path.write_text(report.page, encoding="utf-8")


def print_impact(report: Mapping[str, Any]) -> None:
    """Print an impact report: counts, and the predictions that change most."""
    from seamark.cli.output import print_table, say

    if report["skills"] is None:
        say(f"{report['after']} is the first release: there is nothing to compare it with")
        return
    if not report["model"]:
        say("no model version predicts with this taxonomy yet: only the skills were compared")
        return
    facts = [
        ("compared", f"{report['before']} → {report['after']}"),
        ("model version", report["model"]),
        *((name.replace("_", " "), f"{count:,}") for name, count in report["totals"].items()),
    ]
    print_table("Impact", ("what", "value"), facts)
    changes = [(text["title"], change) for text in report["texts"] for change in text["changes"]]
    changes.sort(key=lambda item: -abs((item[1]["after"] or 0.0) - (item[1]["before"] or 0.0)))
    rows = [
        (title, change["title"], _show(change["before"]), _show(change["after"]), change["cause"])
        for title, change in changes[:_SHOWN]
    ]
    if rows:
        print_table("Predictions that change", ("text", "skill", "before", "after", "because"), rows)
    if len(changes) > _SHOWN:
        say(f"the {_SHOWN} largest of {len(changes):,} are listed; --html FILE or --json has them all")


def print_releases(releases: list[StoredRelease], live: str) -> None:
    """Print releases, those of the live taxonomy marked."""
    from seamark.cli._facts import show_minute
    from seamark.cli.output import print_table

    rows = [
        (
            one.name,
            one.number,
            "live" if _is_live(one, releases, live) else "",
            f"{one.skills:,}",
            one.source,
            show_minute(one.imported_at),
        )
        for one in releases
    ]
    print_table("", ("taxonomy", "release", "", "skills", "source", "imported"), rows)


def describe_releases(releases: list[StoredRelease], live: str) -> list[dict[str, Any]]:
    """The releases ready for JSON."""
    return [
        {
            "name": one.name,
            "release": one.number,
            "live": _is_live(one, releases, live),
            "skills": one.skills,
            "digest": one.digest,
            "source": one.source,
            "imported_at": one.imported_at.isoformat(),
            "changes": one.changes or None,
            "object_key": one.object_key,
        }
        for one in releases
    ]


def _is_live(release: StoredRelease, releases: list[StoredRelease], live: str) -> bool:
    """Whether it is the newest release of the live taxonomy; ``releases`` are sorted, the oldest first."""
    own = [one for one in releases if one.name == live]
    return bool(own) and release is own[-1]


def _show(confidence: float | None) -> str:
    return "-" if confidence is None else f"{confidence:.2f}"
