"""Labelled examples: importing a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from seamark.errors import UsageError
from seamark.governance.actors import Actor
from seamark.serving.api.fields import Answer, Facts, OpenWorkspace
from seamark.serving.api.uploads import FILE_BODY, receive_file
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.workspace import Workspace

router = make_router(tag="examples")

_Pair = Annotated[str, Query(max_length=300, pattern=r"^[^\x00]*$")]


class ImportedExamples(Answer):
    """What an import of labelled examples did."""

    taxonomy: str
    generation: int
    documents: int
    new_documents: dict[str, int]
    added: int
    duplicates: int
    replaced: int
    report: Facts


@router.post("/examples", response_model=ImportedExamples, openapi_extra=FILE_BODY)
async def import_examples(
    request: Request,
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("examples.import"))],
    filename: Annotated[str, Query(min_length=1, max_length=200, description="The file's name.")],
    map: Annotated[  # noqa: A002 - as the command line's option
        list[_Pair] | None,
        Query(max_length=20, description="NAME=COLUMN: the file's heading for a column; repeatable."),
    ] = None,
    kind: Annotated[
        Literal["posting", "course", "other"] | None, Query(description="For rows that name no kind.")
    ] = None,
    taxonomy: Annotated[
        str,
        Query(
            max_length=200,
            pattern=r"^[^\x00]*$",
            description="NAME or NAME@X.Y.Z, whose skills the labels name; default: the live one.",
        ),
    ] = "",
) -> dict[str, Any]:
    """Import a file of labelled examples, wholly or not at all; the body is the file."""
    columns = _parse_columns(map or [])
    async with receive_file(request, workspace, filename) as file:
        return await run_in_threadpool(_import, workspace, actor, file, columns, kind or "", taxonomy)


def _import(
    workspace: Workspace, actor: Actor, file: Path, columns: dict[str, str], kind: str, reference: str
) -> dict[str, Any]:
    from seamark.building.data.importing import import_examples
    from seamark.registry.releases import find_release, get_live_release, load_taxonomy

    release = find_release(workspace, reference) if reference else get_live_release(workspace)
    taxonomy = load_taxonomy(workspace, release.name, release.number)
    report = import_examples(workspace, actor, file, taxonomy=taxonomy, columns=columns, kind=kind)
    return report.to_dict()


def _parse_columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        name, separator, heading = pair.partition("=")
        if not (separator and name.strip() and heading.strip()):
            raise UsageError(f"map={pair!r}", expected="NAME=COLUMN, such as text=sentence")
        columns[name.strip()] = heading.strip()
    return columns
