"""`seamark shadow`, `seamark canary`: versions that see a share of a stage's requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seamark.cli._options import JsonOption, ReasonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.contenders import ContenderRecord

_Stage = Annotated[str, typer.Option("--stage", metavar="dev|uat|prod", help="Whose requests.")]


def register(parent: typer.Typer) -> None:
    """Add ``shadow`` and ``canary`` to the command line."""
    shadow = typer.Typer(
        no_args_is_help=True, help="Let a version see a share of a stage's texts without answering."
    )
    shadow.command("start")(start)
    shadow.command("stop")(stop)
    parent.add_typer(shadow, name="shadow")
    canary = typer.Typer(
        no_args_is_help=True,
        help="End a version's answering a share of a stage's requests; `seamark promote --canary` begins it.",
    )
    canary.command("stop")(stop_answering)
    parent.add_typer(canary, name="canary")


def start(
    version: Annotated[str, typer.Argument(metavar="X.Y.Z", help="A version's number.")],
    stage: _Stage,
    share: Annotated[float, typer.Option("--share", metavar="PERCENT", help="How much of them.")],
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Start a shadow, in place of any before; its predictions are captured, and answer nobody."""
    from seamark.delivery.contenders import start_shadow

    with open_from(workspace) as opened:
        found = start_shadow(opened, who_asks(opened), version, stage=stage, share=share, reason=reason)
    _show(found, as_json, f"{version} sees {share:g}% of {stage}")


def stop(
    stage: _Stage, reason: ReasonOption = "", as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """End a stage's shadow."""
    from seamark.delivery.contenders import stop_shadow

    with open_from(workspace) as opened:
        found = stop_shadow(opened, who_asks(opened), stage=stage, reason=reason)
    _show(found, as_json, f"{found.version} sees nothing of {stage} any more")


def stop_answering(
    stage: _Stage, reason: ReasonOption = "", as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """End a stage's canary; the stage's own version answers everything again."""
    from seamark.delivery.contenders import stop_canary

    with open_from(workspace) as opened:
        found = stop_canary(opened, who_asks(opened), stage=stage, reason=reason)
    _show(found, as_json, f"{found.version} answers nothing of {stage} any more")


def _show(contender: ContenderRecord, as_json: bool, said: str) -> None:
    from seamark.cli.output import print_json, say

    if as_json:
        print_json(
            {
                "stage": contender.stage,
                "kind": contender.kind,
                "version": contender.version,
                "share": contender.share,
                "promotion": contender.promotion_id,
            }
        )
    else:
        say(said)
