"""`seamark promote`, `approve`, `reject`, `withdraw`, `rollback`: what changes a stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seamark.cli._options import JsonOption, ReasonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.promotions import PromotionRecord
    from seamark.storage.workspace import Workspace

_Id = Annotated[
    str,
    typer.Argument(metavar="PROMOTION", help="Its id; default: the only one that waits."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for command in (promote, approve, reject, withdraw, rollback):
        app.command(command.__name__)(command)


def promote(
    version: Annotated[str, typer.Argument(metavar="X.Y.Z", help="A version's number.")],
    stage: Annotated[str, typer.Option("--to", metavar="uat|prod", help="Where it should go.")],
    canary: Annotated[
        float | None,
        typer.Option("--canary", metavar="PERCENT", help="Let it answer so much of the stage's requests."),
    ] = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask for a version on UAT or PROD, with its evidence; somebody has to approve it."""
    from seamark.cli.output import make_progress
    from seamark.delivery.promotions import request_promotion

    with open_from(workspace) as opened:
        actor = who_asks(opened)
        with make_progress() as bars:
            task = bars.add_task("sample texts", total=None)
            asked = request_promotion(
                opened,
                actor,
                version,
                stage=stage,
                reason=reason,
                canary=canary,
                on_progress=lambda done, total: bars.update(task, completed=done, total=total),
            )
        place = locate_page(opened, asked)
    _show(asked, as_json, f"waits for approval: `seamark approve {asked.id}`; evidence: {place}")


def approve(
    promotion_id: _Id = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Approve a promotion: servers of the stage take the version over."""
    from seamark.delivery.promotions import approve_promotion

    done = _decide(approve_promotion, workspace, promotion_id, reason)
    what = f"answers {done.share:g}% of {done.stage}" if done.kind == "canary" else f"is on {done.stage}"
    _show(done, as_json, f"approved: {done.version} {what}")


def reject(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    promotion_id: _Id = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Reject a promotion; the stage stays as it is."""
    from seamark.delivery.promotions import reject_promotion

    done = _decide(reject_promotion, workspace, promotion_id, reason)
    _show(done, as_json, f"rejected: {done.stage} stays as it is")


def withdraw(
    promotion_id: _Id = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Withdraw a promotion that you asked for."""
    from seamark.delivery.promotions import withdraw_promotion

    done = _decide(withdraw_promotion, workspace, promotion_id, reason)
    _show(done, as_json, f"withdrawn: {done.stage} stays as it is")


def rollback(
    stage: Annotated[str, typer.Option("--stage", metavar="dev|uat|prod", help="Which stage.")],
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Put the version before the present one back on a stage."""
    from seamark.delivery.rollback import roll_back

    with open_from(workspace) as opened:
        done = roll_back(opened, who_asks(opened), stage=stage, reason=reason)
    _show(done, as_json, f"{done.version} is on {done.stage} again, in place of {done.replaces}")


def locate_page(workspace: Workspace, promotion: PromotionRecord) -> str:
    """The page of a promotion's evidence: a file, or an address in the object store; empty without one."""
    key = promotion.object_keys.get("evidence_html")
    if key is None:
        return ""
    store = workspace.store
    return str(store.local_path(key) or f"{store.url.partition('?')[0].rstrip('/')}/{key}")


def _decide(
    decide: Callable[..., PromotionRecord], workspace: Path | None, promotion_id: str, reason: str
) -> PromotionRecord:
    """The promotion after somebody's word on it."""
    with open_from(workspace) as opened:
        actor = who_asks(opened)
        return decide(opened, actor, _choose(opened, promotion_id), reason=reason)


def _choose(workspace: Workspace, promotion_id: str) -> str:
    """The promotion that is named, or else the only one that waits."""
    from seamark.delivery.promotions import list_promotions
    from seamark.errors import UsageError

    if promotion_id:
        return promotion_id
    waiting = list_promotions(workspace, status="waiting")
    if len(waiting) == 1:
        return waiting[0].id
    if not waiting:
        raise UsageError("no promotion waits", hint="`seamark promotions list`")
    named = ", ".join(f"{each.id} ({each.version} for {each.stage})" for each in waiting)
    raise UsageError(f"{len(waiting)} promotions wait: {named}", expected="the id of one of them")


def _show(promotion: PromotionRecord, as_json: bool, said: str) -> None:
    from seamark.cli.output import print_json, say
    from seamark.delivery.describing import describe_promotion

    if as_json:
        print_json(describe_promotion(promotion))
    else:
        say(f"{promotion.id}: {said}")
