"""`seamark experiments`: list, show and compare experiments, whether they won or lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._facts import print_differences, print_facts, print_figures, show_time, show_value
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.registry.experiments import ExperimentComparison
    from seamark.storage.experiments import ExperimentRecord
    from seamark.storage.workspace import Workspace

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

app = typer.Typer(help="List, show and compare experiments.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``experiments`` to the command line."""
    parent.add_typer(app, name="experiments")


@app.command("list")
def list_command(workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """Print every experiment, the newest first."""
    from seamark.cli.output import print_json, print_table, say
    from seamark.registry.experiments import list_experiments

    with open_from(workspace) as opened:
        found = list_experiments(opened)[::-1]
    if as_json:
        print_json({"experiments": [_describe(experiment) for experiment in found]})
    elif found:
        # Its id says when, and `show` the rest.
        columns = ("experiment", "trigger", "status", "version", "jaccard")
        print_table("", columns, [_make_row(experiment) for experiment in found])
    else:
        say("no experiment yet; `seamark build` makes the first one")


@app.command("show")
def show_command(
    experiment_id: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Default: the newest one.")] = "",
    log: Annotated[bool, typer.Option("--log", help="Print its log instead, an event a line.")] = False,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print what an experiment tried, what was measured, and why it won or lost."""
    from seamark.cli.output import print_json
    from seamark.registry.experiments import read_log

    with open_from(workspace) as opened:
        experiment = _find(opened, experiment_id)
        if log:
            for event in read_log(opened, experiment):
                typer.echo(json.dumps(event, ensure_ascii=False))
            return
        places = _locate_objects(opened, experiment)
    if as_json:
        print_json(_describe(experiment) | {"files": places})
    else:
        _print_experiment(experiment, places)


@app.command("compare")
def compare_command(
    experiment_ids: Annotated[list[str], typer.Argument(metavar="EXPERIMENT...", help="Two or more.")],
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print the recipes' differences and the metrics of experiments side by side."""
    from seamark.cli.output import print_json
    from seamark.registry.experiments import compare_experiments

    with open_from(workspace) as opened:
        comparison = compare_experiments(opened, experiment_ids)
    if as_json:
        print_json(_describe_comparison(comparison))
    else:
        _print_comparison(comparison)


def _find(workspace: Workspace, experiment_id: str) -> ExperimentRecord:
    from seamark.errors import UsageError
    from seamark.registry.experiments import get_experiment, list_experiments

    if experiment_id:
        return get_experiment(workspace, experiment_id)
    if found := list_experiments(workspace):
        return found[-1]
    raise UsageError("there is no experiment yet", hint="`seamark build` makes the first one")


def _locate_objects(workspace: Workspace, experiment: ExperimentRecord) -> dict[str, str]:
    """Name → file, or address in the object store where that is no folder."""
    store = workspace.store
    return {
        name: str(store.local_path(key) or f"{store.url.partition('?')[0].rstrip('/')}/{key}")
        for name, key in experiment.object_keys.items()
    }


def _describe(experiment: ExperimentRecord) -> dict[str, Any]:
    from dataclasses import asdict

    finished = experiment.finished_at.isoformat() if experiment.finished_at else None
    return asdict(experiment) | {"started_at": experiment.started_at.isoformat(), "finished_at": finished}


def _describe_comparison(comparison: ExperimentComparison) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "experiments": [_describe(experiment) for experiment in comparison.experiments],
        "recipe": [asdict(row) for row in comparison.recipe],
        "metrics": [asdict(row) for row in comparison.metrics],
    }


def _make_row(experiment: ExperimentRecord) -> tuple[str, ...]:
    return (
        experiment.id,
        show_value(experiment.trigger_kind or experiment.kind),
        experiment.status,
        show_value(experiment.version),
        show_value(experiment.metrics.get("jaccard")),
    )


def _print_experiment(experiment: ExperimentRecord, places: dict[str, str]) -> None:
    from seamark.cli.output import print_table
    from seamark.registry.comparing import flatten

    taxonomy = experiment.taxonomy
    facts = [
        ("experiment", experiment.id),
        ("kind", show_value(experiment.kind)),
        ("run", f"{experiment.run_id}, {experiment.trigger_kind or 'no trigger recorded'}"),
        ("status", experiment.status),
        *([("error", experiment.error)] if experiment.error else []),
        ("champion", show_value(experiment.champion)),
        ("version", show_value(experiment.version)),
        ("taxonomy", f"{taxonomy['name']}@{taxonomy.get('number')}" if taxonomy.get("name") else "-"),
        ("data", show_value(experiment.data_version)),
        ("started", show_time(experiment.started_at)),
        ("finished", show_time(experiment.finished_at)),
        *((name.replace("_", " "), place) for name, place in places.items()),
    ]
    print_table("", ("what", "value"), facts)
    _print_decision(experiment)
    print_facts("Metrics", ("metric", "value"), flatten(experiment.metrics))
    print_facts("Recipe", ("setting", "value"), flatten(experiment.recipe))


def _print_decision(experiment: ExperimentRecord) -> None:
    from seamark.cli.output import print_table

    reasons, notes = (experiment.decision.get(name, []) for name in ("reasons", "notes"))
    rows = [("reason", reason) for reason in reasons] + [("note", note) for note in notes]
    if rows:
        won = "won" if experiment.decision.get("won") else "lost"
        print_table(f"It {won}", ("", "because"), rows)


def _print_comparison(comparison: ExperimentComparison) -> None:
    from seamark.cli.output import print_table, say

    columns = [f"#{i}" for i in range(1, len(comparison.experiments) + 1)]
    rows = [
        (column, each.id, each.status, show_value(each.version))
        for column, each in zip(columns, comparison.experiments, strict=True)
    ]
    print_table("", ("", "experiment", "status", "version"), rows)
    print_differences("Recipe", columns, comparison.recipe)
    print_figures("Metrics", columns, comparison.metrics)
    if not comparison.recipe:
        say("their recipes are the same")
