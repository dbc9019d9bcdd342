"""`seamark stages`: which version each stage has, what runs beside it, how it is served."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._facts import show_minute, show_time, show_value
from seamark.cli._options import ReasonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.delivery.describing import StageState
    from seamark.delivery.desired import DesiredContender

_Stage = Annotated[str, typer.Argument(metavar="STAGE", help="dev, uat or prod.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

# What numbers stand for that are none.
_MEANINGS = {
    ("threshold", -1): "the version's own",
    ("top", 0): "all above the threshold",
    ("requests_per_minute", 0): "no limit",
}

app = typer.Typer(help="See and set the stages DEV, UAT and PROD.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``stages`` to the command line."""
    parent.add_typer(app, name="stages")


@app.command("list")
def list_command(workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """Print what every stage should run."""
    from seamark.cli.output import print_json, print_table
    from seamark.delivery.describing import describe_stage_state, read_stage_states

    with open_from(workspace) as opened:
        states = read_stage_states(opened).values()
    if as_json:
        print_json({"stages": [describe_stage_state(state) for state in states]})
    else:
        columns = ("stage", "version", "status", "since", "before", "shadow", "canary")
        print_table("", columns, [_make_row(state) for state in states])


@app.command("show")
def show_command(stage: _Stage, workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """Print a stage with its settings."""
    from seamark.cli.output import print_json, print_table
    from seamark.delivery.describing import describe_stage_state, read_stage_state

    with open_from(workspace) as opened:
        state = read_stage_state(opened, stage)
    if as_json:
        print_json(describe_stage_state(state))
        return
    desired = state.desired
    facts = [
        ("stage", desired.stage),
        ("version", show_value(desired.version)),
        ("status", desired.promotion_status or "-"),
        ("promotion", show_value(desired.promotion_id)),
        ("since", show_time(state.changed_at)),
        ("a rollback gives", state.previous.version if state.previous else "-"),
        ("history", " → ".join(entry.version for entry in state.history) or "-"),
        ("shadow", _name_contender(desired.shadow)),
        ("canary", _name_contender(desired.canary)),
    ]
    print_table("", ("what", "value"), facts)
    _print_settings(asdict(desired.settings), title="Settings")


@app.command("set")
def set_command(
    stage: _Stage,
    settings: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE...", help="KEY=default gives back the default."),
    ],
    reason: ReasonOption = "",
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Change how a stage is served; servers follow within a second."""
    from seamark.cli.output import print_json
    from seamark.delivery.stage_settings import set_stage

    changes = _parse_changes(settings)
    with open_from(workspace) as opened:
        values = asdict(set_stage(opened, who_asks(opened), stage, changes, reason=reason))
    if as_json:
        print_json({"stage": stage, "settings": values})
    else:
        _print_settings({name: value for name, value in values.items() if name in changes})


def _parse_changes(settings: list[str]) -> dict[str, str | None]:
    from seamark.errors import UsageError

    changes: dict[str, str | None] = {}
    for text in settings:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"the setting '{text}' can't be read", expected="KEY=VALUE")
        changes[key.strip()] = None if value == "default" else value.strip()
    return changes


def _make_row(state: StageState) -> tuple[str, ...]:
    desired = state.desired
    return (
        desired.stage,
        show_value(desired.version),
        desired.promotion_status or "-",
        show_minute(state.changed_at),
        state.previous.version if state.previous else "-",
        _name_contender(desired.shadow),
        _name_contender(desired.canary),
    )


def _name_contender(contender: DesiredContender | None) -> str:
    return f"{contender.version} ({contender.share:g}%)" if contender else "-"


def _print_settings(values: dict[str, Any], *, title: str = "") -> None:
    from seamark.cli.output import print_table

    rows = [(name, _show_setting(name, value)) for name, value in values.items()]
    print_table(title, ("setting", "value"), rows)


def _show_setting(name: str, value: Any) -> str:
    if (meaning := _MEANINGS.get((name, value))) and not isinstance(value, bool):
        return f"{value:g} ({meaning})"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
