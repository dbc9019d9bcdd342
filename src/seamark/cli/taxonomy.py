"""`seamark taxonomy`: import, list, show, diff and validate taxonomies, and say what a release changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._workspace import WorkspaceOption

if TYPE_CHECKING:
    from seamark.registry.releases import ImportOutcome as WorkspaceOutcome
    from seamark.taxonomy import ImportOutcome, RowReport, Skill, Taxonomy, TaxonomyDiff

_SHOWN = 20
_EXAMPLES = 10

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_Format = Annotated[
    str | None,
    typer.Option("--format", help="skillsfuture, esco, onet, lightcast or plain; default: recognised."),
]

app = typer.Typer(help="Import, show, compare and check taxonomies.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``taxonomy`` to the command line."""
    parent.add_typer(app, name="taxonomy")


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="A file, or a folder with a bundle of files.")],
    name: Annotated[str | None, typer.Option(help="The taxonomy's name; default: the format's.")] = None,
    format_name: _Format = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take a release that lost many skills, too (in a workspace).")
    ] = False,
    impact: Annotated[
        bool, typer.Option("--impact/--no-impact", help="Say what the release changes (in a workspace).")
    ] = True,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Store a source as the next release of a taxonomy: in the workspace, or in Seamark's home without one."""
    from seamark.cli._releases import open_if_any

    with open_if_any(workspace) as opened:
        if opened is None:
            _import_at_home(source, name, format_name, as_json=as_json)
            return
        from seamark.cli._releases import import_into, try_impact

        outcome = import_into(opened, source, name=name, format_name=format_name, force=force)
        release = f"{outcome.release.name}@{outcome.release.number}"
        report = try_impact(opened, release) if impact else None
    if as_json:
        _print_import_json(outcome, report)
    else:
        _print_import(outcome)
        _print_import_more(outcome, report)


@app.command("list")
def list_command(workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """List the workspace's taxonomy releases and say which one is live."""
    from seamark.cli._releases import describe_releases, print_releases
    from seamark.cli._workspace import open_from
    from seamark.cli.output import print_json, say

    with open_from(workspace) as opened:
        from seamark.registry.releases import get_live_release, list_releases

        releases = list_releases(opened)
        live = get_live_release(opened).name if releases else ""
    if as_json:
        print_json(describe_releases(releases, live))
    elif releases:
        print_releases(releases, live)
    else:
        say("the workspace has no taxonomy yet: seamark taxonomy import FILE")


@app.command("use")
def use_command(
    name: Annotated[str, typer.Argument(help="One of the workspace's taxonomies.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Make a taxonomy the live one: the next model version is made for its newest release."""
    from seamark.cli._people import who_asks
    from seamark.cli._workspace import open_from
    from seamark.cli.output import say

    with open_from(workspace) as opened:
        from seamark.registry.releases import use_taxonomy

        release = use_taxonomy(opened, who_asks(opened), name)
    say(f"{release.name}@{release.number} is live")


@app.command("impact")
def impact_command(
    release: Annotated[str, typer.Argument(help="A release of the workspace: NAME or NAME@X.Y.Z.")],
    page: Annotated[Path | None, typer.Option("--html", help="Write the report as a web page, too.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make it anew, with the newest model version.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Say what a release changes: skills, and predictions for a sample of texts."""
    from seamark.cli._releases import print_impact, report_impact, write_page
    from seamark.cli._workspace import open_from
    from seamark.cli.output import print_json, print_table, say

    with open_from(workspace) as opened:
        report = report_impact(opened, release, again=again)
        if page is not None:
            write_page(opened, release, page)
            say(f"the page is in {page}")
    if as_json:
        print_json(report)
        return
    if report["skills"]:
        counts = [(name.replace("_", " "), count) for name, count in report["skills"]["counts"].items()]
        print_table("Changes", ("what", "skills"), counts)
    print_impact(report)


@app.command("show")
def show_command(
    source: Annotated[
        str,
        typer.Argument(
            help="An imported taxonomy (NAME or NAME@X.Y.Z), starter, a file or a folder; "
            "default: the workspace's live one, or starter."
        ),
    ] = "",
    search: Annotated[str, typer.Option(help="Only skills whose names share words with this.")] = "",
    skill_id: Annotated[str, typer.Option("--skill", help="Only the skill with this id.")] = "",
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print what a taxonomy holds."""
    from seamark.cli._releases import load_named, open_if_any

    with open_if_any(workspace) as opened:
        taxonomy = load_named(opened, source)
    if skill_id:
        _print_skill(taxonomy[skill_id], as_json=as_json)
    elif search:
        _print_skills(taxonomy.search(search, _SHOWN), as_json=as_json)
    else:
        _print_summary(taxonomy, as_json=as_json)


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(help="A taxonomy: a name, NAME@X.Y.Z, a file or a folder.")],
    new: Annotated[str, typer.Argument(help="The taxonomy to compare it with.")],
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print what changed from OLD to NEW."""
    from seamark.cli._releases import load_named, open_if_any
    from seamark.cli.output import print_json
    from seamark.taxonomy import diff_taxonomies

    with open_if_any(workspace) as opened:
        diff = diff_taxonomies(load_named(opened, old), load_named(opened, new))
    if as_json:
        print_json(diff.to_dict())
    else:
        _print_diff(diff)


@app.command("validate")
def validate_command(
    source: Annotated[Path, typer.Argument(help="A file, or a folder with a bundle of files.")],
    report: Annotated[Path | None, typer.Option(help="Write every row to this .csv or .json file.")] = None,
    format_name: _Format = None,
    as_json: _Json = False,
) -> None:
    """Read a source and print every rejected or repaired row."""
    from seamark.taxonomy import NoUsableRowError, read_taxonomy

    _check_report_name(report)
    try:
        found = read_taxonomy(source, format=format_name).report
    except NoUsableRowError as error:
        _publish_report(error.report, report, as_json=as_json)
        raise
    _publish_report(found, report, as_json=as_json)


def _check_report_name(path: Path | None) -> None:
    from seamark.errors import UsageError

    if path is not None and path.suffix.lower() not in (".csv", ".json"):
        raise UsageError(f"a report can't be written to {path.name}", expected="a .csv or .json file")


def _publish_report(found: RowReport, path: Path | None, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, say

    if path is not None:
        from seamark.taxonomy.report import write_report

        write_report(found, path)
        say(f"the report is in {path}")
    if as_json:
        print_json(found.to_dict())
    else:
        _print_report(found)


def _print_report(found: RowReport) -> None:
    from seamark.cli.output import print_table, say

    _print_reading(found)
    if not found.issues:
        say("no row was rejected or repaired")
        return
    print_table("Reasons", ("action", "reason", "rows"), found.count_reasons())
    rows = [
        (issue.file, issue.row or "-", issue.column, issue.reason, issue.value) for issue in found.rejected
    ]
    if rows:
        print_table("Rejected", ("file", "row", "column", "reason", "value"), rows)
    rows = [
        (issue.file, issue.row or "-", issue.column, issue.reason, issue.value)
        for issue in found.repaired[:_SHOWN]
    ]
    if rows:
        print_table("Repaired", ("file", "row", "column", "reason", "value"), rows)
    if len(found.repaired) > _SHOWN:
        say(f"… and {len(found.repaired) - _SHOWN} more repaired; --report FILE.csv has them all")


def _print_reading(found: RowReport) -> None:
    from seamark.cli.output import print_table

    facts = [
        ("format", found.format),
        ("files", ", ".join(found.files)),
        *([("not used", ", ".join(found.ignored))] if found.ignored else []),
        ("rows read", found.rows_read),
        ("skills", found.skills),
        ("rejected", len(found.rejected)),
        ("repaired", len(found.repaired)),
    ]
    print_table("", ("what", "value"), facts)


def _import_at_home(source: Path, name: str | None, format_name: str | None, *, as_json: bool) -> None:
    from seamark.cli.output import print_json
    from seamark.settings import read_settings
    from seamark.taxonomy import import_release

    outcome = import_release(source, name, read_settings().home, format=format_name)
    if as_json:
        print_json(_describe_import(outcome))
    else:
        _print_import(outcome)


def _print_import_json(outcome: WorkspaceOutcome, impact: dict[str, Any] | None) -> None:
    from seamark.cli.output import print_json

    shown = {name: impact[name] for name in ("before", "after", "model", "totals")} if impact else None
    more = {"live": outcome.live, "became_live": outcome.became_live, "impact": shown}
    print_json(_describe_import(outcome) | more)


def _print_import_more(outcome: WorkspaceOutcome, impact: dict[str, Any] | None) -> None:
    from seamark.cli._releases import print_impact
    from seamark.cli.output import say

    name = outcome.release.name
    if outcome.became_live:
        say(f"'{name}' is the live taxonomy now")
    elif outcome.live != name:
        say(f"'{outcome.live}' stays the live taxonomy; `seamark taxonomy use {name}` changes that")
    if impact is not None and outcome.diff is not None:
        print_impact(impact)


def _describe_import(outcome: ImportOutcome) -> dict[str, Any]:
    release = outcome.release
    return {
        "name": release.name,
        "release": release.number,
        "created": outcome.created,
        "skills": len(release.taxonomy),
        "digest": release.digest,
        "source": release.source,
        "imported_at": release.imported_at.isoformat(),
        "diff": outcome.diff.counts if outcome.diff else None,
        "report": outcome.report.to_dict(),
    }


def _print_import(outcome: ImportOutcome) -> None:
    from seamark.cli.output import print_table, say

    release, report = outcome.release, outcome.report
    facts = [
        ("taxonomy", f"{release.name}@{release.number}"),
        ("new", "yes" if outcome.created else "no: the same content was imported before"),
        ("skills", len(release.taxonomy)),
        ("rejected rows", len(report.rejected)),
        ("repaired rows", len(report.repaired)),
        ("digest", release.digest),
    ]
    print_table("", ("what", "value"), facts)
    if outcome.created and outcome.diff:
        _print_counts(outcome.diff)
    if report.issues:
        say("`seamark taxonomy validate SOURCE` lists the rejected and repaired rows")


def _print_counts(diff: TaxonomyDiff) -> None:
    from seamark.cli.output import print_table

    rows = [(name.replace("_", " "), count) for name, count in diff.counts.items()]
    print_table("Changes", ("what", "skills"), rows)


def _print_diff(diff: TaxonomyDiff) -> None:
    from seamark.cli.output import print_table, say

    _print_counts(diff)
    for name, skills in (("Added", diff.added), ("Removed", diff.removed)):
        if skills:
            print_table(name, ("title", "skill_id"), [(one.title, one.skill_id) for one in skills[:_SHOWN]])
    if diff.retitled:
        rows = [(one.old.title, one.new.title, one.new.skill_id) for one in diff.retitled[:_SHOWN]]
        print_table("Retitled", ("old title", "new title", "skill_id"), rows)
    if any(count > _SHOWN for count in diff.counts.values()):
        say(f"at most {_SHOWN} of each are listed; --json has them all")


def _print_skill(skill: Skill, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, print_table

    fields = _describe_skill(skill)
    if as_json:
        print_json(fields)
        return
    rows = [
        (name.replace("_", " "), _show_value(value))
        for name, value in fields.items()
        if value not in ("", [])
    ]
    print_table("", ("field", "value"), rows)


def _show_value(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _describe_skill(skill: Skill) -> dict[str, Any]:
    from dataclasses import asdict

    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(skill).items()}


def _print_skills(skills: Sequence[Skill], *, as_json: bool) -> None:
    from seamark.cli.output import print_json, print_table, say

    if as_json:
        print_json([_describe_skill(skill) for skill in skills])
    elif skills:
        rows = [(skill.title, skill.type, skill.skill_id) for skill in skills]
        print_table("", ("title", "type", "skill_id"), rows)
    else:
        say("no skill has a name like that")


def _print_summary(taxonomy: Taxonomy, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, print_table

    summary = _summarise(taxonomy)
    if as_json:
        print_json(summary)
        return
    facts = [
        (name.replace("_", " "), summary[name]) for name in ("name", "version", "skills", "active", "digest")
    ]
    print_table("", ("what", "value"), [fact for fact in facts if fact[1] != ""])
    for name, title in (("types", "Types"), ("tags", "Tags"), ("sectors", "Sectors")):
        if summary[name]:
            print_table(title, (name[:-1], "skills"), list(summary[name].items())[:_SHOWN])
    rows = [(skill["title"], skill["type"], skill["skill_id"]) for skill in summary["examples"]]
    print_table("Examples", ("title", "type", "skill_id"), rows)


def _summarise(taxonomy: Taxonomy) -> dict[str, Any]:
    from collections import Counter

    step = max(1, len(taxonomy) // _EXAMPLES)
    return {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "digest": taxonomy.digest,
        "skills": len(taxonomy),
        "active": len(taxonomy.active),
        "alternative_titles": sum(len(skill.alternative_titles) for skill in taxonomy),
        "types": dict(Counter(skill.type or "(none)" for skill in taxonomy).most_common()),
        "tags": dict(Counter(tag for skill in taxonomy for tag in skill.tags).most_common()),
        "sectors": dict(Counter(sector for skill in taxonomy for sector in skill.sectors).most_common()),
        "examples": [_describe_skill(skill) for skill in taxonomy.skills[::step][:_EXAMPLES]],
    }
