"""`seamark versions`: list, show, compare and verify model versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._facts import (
    print_differences,
    print_facts,
    print_figures,
    show_minute,
    show_time,
    show_value,
)
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.registry.health import VersionHealth
    from seamark.registry.lineage import Lineage
    from seamark.registry.versions import VersionDiff
    from seamark.storage.versions import VersionRecord
    from seamark.storage.workspace import Workspace

_MEGABYTE = 1_000_000
_DIGITS = 12  # of digests in tables

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_Number = Annotated[str, typer.Argument(metavar="X.Y.Z", help="A version's number.")]

app = typer.Typer(help="List, show, compare and verify model versions.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``versions`` to the command line."""
    parent.add_typer(app, name="versions")


@app.command("list")
def list_command(workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """Print the registered versions, the newest first."""
    from seamark.cli.output import print_json, print_table, say
    from seamark.registry.versions import describe_version, find_stages, list_versions

    with open_from(workspace) as opened:
        found, stages = list_versions(opened)[::-1], find_stages(opened)
    if as_json:
        print_json({"versions": [describe_version(record, stages) for record in found]})
    elif found:
        columns = ("version", "change", "taxonomy", "jaccard", "size", "stages", "registered")
        print_table("", columns, [_make_row(record, stages) for record in found])
    else:
        say("no version yet; `seamark build` makes the first one")


@app.command("show")
def show_command(
    number: Annotated[str, typer.Argument(metavar="X.Y.Z", help="Default: the newest version.")] = "",
    card: Annotated[bool, typer.Option("--card", help="Print the model card (Markdown) instead.")] = False,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print what a version is and where it came from."""
    from seamark.cli.output import print_json
    from seamark.registry.lineage import trace_lineage
    from seamark.registry.model_card import render_model_card
    from seamark.registry.versions import describe_version, find_stages, read_manifest

    with open_from(workspace) as opened:
        record = _find(opened, number)
        if card:
            typer.echo(render_model_card(read_manifest(opened, record)), nl=False)
            return
        stages, lineage = find_stages(opened), trace_lineage(opened, record)
    if as_json:
        print_json(describe_version(record, stages) | {"lineage": _describe_lineage(lineage)})
    else:
        _print_version(record, stages, lineage)


@app.command("diff")
def diff_command(
    before: _Number,
    after: _Number,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print what is different between two versions."""
    from seamark.cli.output import print_json
    from seamark.registry.versions import diff_versions

    with open_from(workspace) as opened:
        diff = diff_versions(opened, before, after)
    if as_json:
        print_json(_describe_diff(diff))
    else:
        _print_diff(diff)


@app.command("verify")
def verify_command(
    number: Annotated[str, typer.Argument(metavar="X.Y.Z", help="Default: every version.")] = "",
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Read every byte of versions and compare digests; exits with 1 where one is damaged."""
    from seamark.cli.output import make_progress, print_json
    from seamark.errors import ExitCode
    from seamark.registry.health import verify_versions

    with open_from(workspace) as opened, make_progress() as bars:
        task = bars.add_task("versions", total=None)
        found = verify_versions(
            opened,
            number or None,
            on_version=lambda done, total: bars.update(task, completed=done, total=total),
        )
    if as_json:
        print_json({"versions": [_describe_health(health) for health in found]})
    else:
        _print_health(found)
    if not all(health.ok for health in found):
        raise typer.Exit(ExitCode.FAILED)


def _find(workspace: Workspace, number: str) -> VersionRecord:
    from seamark.errors import UsageError
    from seamark.registry.versions import get_champion, get_version

    if number:
        return get_version(workspace, number)
    if champion := get_champion(workspace):
        return champion
    raise UsageError("there is no version yet", hint="`seamark build` makes the first one")


def _describe_lineage(lineage: Lineage) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(lineage)


def _describe_diff(diff: VersionDiff) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "before": diff.before.number,
        "after": diff.after.number,
        "recipe": [asdict(row) for row in diff.recipe],
        "weights": [asdict(row) for row in diff.weights],
        "skills": dict(diff.skills),
        "metrics": [asdict(row) for row in diff.metrics],
        "files": [asdict(change) for change in diff.files],
    }


def _describe_health(health: VersionHealth) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "version": health.number,
        "ok": health.ok,
        "damages": [asdict(damage) for damage in health.damages],
    }


def _make_row(record: VersionRecord, stages: dict[str, list[str]]) -> tuple[str, ...]:
    return (
        record.number,
        record.change,
        f"{record.taxonomy_name}@{record.taxonomy_number}",
        show_value(record.metrics.get("jaccard")),
        _show_size(record.size),
        " ".join(stages.get(record.number, [])) or "-",
        show_minute(record.registered_at),
    )


def _print_version(record: VersionRecord, stages: dict[str, list[str]], lineage: Lineage) -> None:
    from seamark.cli.output import print_table
    from seamark.registry.comparing import flatten

    facts = [
        ("version", record.number),
        ("what changed", record.change),
        ("stages", " ".join(stages.get(record.number, [])) or "-"),
        ("taxonomy", f"{lineage.taxonomy}, {record.taxonomy_digest[:_DIGITS]}"),
        ("made from", " ← ".join(lineage.ancestors) or "the base model"),
        ("data", lineage.data_version or "no labelled examples"),
        *((f"data: {side}", key) for side, key in lineage.data_paths.items()),
        ("experiment", lineage.experiment_id),
        ("run", f"{lineage.run_id}, {lineage.trigger or 'no trigger recorded'}"),
        ("code", lineage.code_commit or "not recorded"),
        ("bundle", f"{record.path}, {_show_size(record.size)}"),
        ("manifest", record.manifest_digest),
        ("registered", show_time(record.registered_at)),
    ]
    print_table("", ("what", "value"), facts)
    print_facts("Metrics", ("metric", "value"), flatten(record.metrics))
    print_facts("Recipe", ("setting", "value"), flatten(record.recipe))


def _print_diff(diff: VersionDiff) -> None:
    from seamark.cli.output import print_table, say

    pair = (diff.before.number, diff.after.number)
    print_differences("Recipe", pair, diff.recipe)
    print_differences("Weights", pair, diff.weights, digits=_DIGITS)
    print_facts("Skills", ("what", "skills"), diff.skills)
    print_figures("Metrics", pair, diff.metrics)
    if diff.files:
        rows = [(change.path, _show_size(change.before), _show_size(change.after)) for change in diff.files]
        print_table("Files", ("file", *pair), rows)
    if not (diff.recipe or diff.weights or diff.skills or diff.files):
        say("nothing is different")


def _print_health(found: Sequence[VersionHealth]) -> None:
    from seamark.cli.output import print_table, say

    if not found:
        say("no version yet; `seamark build` makes the first one")
        return
    print_table("", ("version", "state"), [(each.number, "ok" if each.ok else "damaged") for each in found])
    rows = [
        (each.number, damage.path, damage.found[:80], damage.expected[:80])
        for each in found
        for damage in each.damages
    ]
    if rows:
        print_table("Damaged", ("version", "file", "found", "expected"), rows)
        say("restore what is damaged from a backup of the object store")


def _show_size(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{size / _MEGABYTE:.1f} MB" if size >= _MEGABYTE / 10 else f"{size} bytes"
