"""`seamark promotions`: what was asked for, what was decided, on which evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._facts import show_time, show_value
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.promotions import PromotionRecord
    from seamark.storage.workspace import Workspace

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

app = typer.Typer(help="List and show promotions and rollbacks.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``promotions`` to the command line."""
    parent.add_typer(app, name="promotions")


@app.command("list")
def list_command(
    stage: Annotated[str | None, typer.Option("--stage", help="Only those of this stage.")] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only waiting, approved, live, rejected, withdrawn or failed ones."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print every change of a stage, asked for or done, the newest first."""
    from seamark.cli.output import print_json, print_table, say
    from seamark.delivery.describing import describe_promotion
    from seamark.delivery.promotions import list_promotions

    with open_from(workspace) as opened:
        found = list_promotions(opened, stage=stage, status=status, limit=limit)
    if as_json:
        print_json({"promotions": [describe_promotion(each) for each in found]})
    elif found:
        columns = ("promotion", "version", "stage", "kind", "status", "asked for by", "decided by")
        print_table("", columns, [_make_row(each) for each in found])
    else:
        say("no promotion" + (f" is {status}" if status else " yet; `seamark promote` asks for one"))


@app.command("show")
def show_command(
    promotion_id: Annotated[
        str, typer.Argument(metavar="PROMOTION", help="Its id; default: the newest one.")
    ] = "",
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Print the whole evidence as JSON instead.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Print a promotion with a summary of its evidence."""
    from seamark.cli.output import print_json
    from seamark.cli.promote import locate_page
    from seamark.delivery.describing import describe_promotion
    from seamark.delivery.evidence import load_evidence

    with open_from(workspace) as opened:
        found = _find(opened, promotion_id)
        if evidence:
            print_json(load_evidence(opened, found))
            return
        page = locate_page(opened, found)
    if as_json:
        print_json(describe_promotion(found) | {"page": page or None})
    else:
        _print_promotion(found, page)


def _find(workspace: Workspace, promotion_id: str) -> PromotionRecord:
    from seamark.delivery.promotions import get_promotion, list_promotions
    from seamark.errors import NotFoundError

    if promotion_id:
        return get_promotion(workspace, promotion_id)
    if newest := list_promotions(workspace, limit=1):
        return newest[0]
    raise NotFoundError("there is no promotion yet", hint="`seamark promote` asks for one")


def _make_row(promotion: PromotionRecord) -> tuple[str, ...]:
    return (
        promotion.id,
        promotion.version,
        promotion.stage,
        _name_kind(promotion),
        promotion.status,
        promotion.requested_by,
        show_value(promotion.decided_by),
    )


def _name_kind(promotion: PromotionRecord) -> str:
    return promotion.kind if promotion.share is None else f"{promotion.kind} {promotion.share:g}%"


def _print_promotion(promotion: PromotionRecord, page: str) -> None:
    from seamark.cli.output import print_table

    facts = [
        ("promotion", promotion.id),
        ("version", promotion.version),
        ("stage", promotion.stage),
        ("kind", _name_kind(promotion)),
        ("status", promotion.status),
        ("replaces", show_value(promotion.replaces)),
        ("asked for", f"{show_time(promotion.requested_at)}, by {promotion.requested_by}"),
        ("because", promotion.reason),
        ("decided", _name_decision(promotion)),
        ("decided because", promotion.decision_reason),
        ("live since", promotion.live_at and show_time(promotion.live_at)),
        ("ended", promotion.ended_at and show_time(promotion.ended_at)),
        ("error", promotion.error),
        ("evidence", page),
    ]
    print_table("", ("what", "value"), [(name, value) for name, value in facts if value])
    _print_evidence(promotion.evidence)


def _name_decision(promotion: PromotionRecord) -> str:
    if promotion.decided_by is None:
        return ""
    return f"{show_time(promotion.decided_at)}, by {promotion.decided_by}"


def _print_evidence(evidence: dict[str, Any]) -> None:
    from seamark.cli.output import print_table

    metrics = evidence.get("metrics") or {}
    if metrics:
        columns = ("metric", show_value(evidence.get("against")), "this version")
        rows = [(name, show_value(before), show_value(after)) for name, (before, after) in metrics.items()]
        print_table("Metrics", columns, rows)
    told = {name: evidence[name] for name in ("tests", "impact", "bundle") if name in evidence}
    if told:
        print_table("Evidence", ("what", "found"), [(name, _sum_up(part)) for name, part in told.items()])


def _sum_up(part: dict[str, Any]) -> str:
    """A part of the evidence in a line."""
    if "skipped" in part:
        return f"not there: {part['skipped']}"
    if "summary" in part:
        return str(part["summary"])
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in part.items())
