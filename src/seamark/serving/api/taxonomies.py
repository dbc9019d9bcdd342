"""Taxonomy releases: importing one, and choosing the live taxonomy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from seamark.governance.actors import Actor
from seamark.registry import releases
from seamark.serving.api.fields import Answer, OpenWorkspace, StrictBody, Time
from seamark.serving.api.uploads import FILE_BODY, receive_file
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.releases import StoredRelease

router = make_router(tag="taxonomies")

_Format = Literal["skillsfuture", "esco", "onet", "lightcast", "plain"]


class LiveBody(StrictBody):
    """Which taxonomy models are made for from now on: ``NAME``, or ``NAME@X.Y.Z`` of its newest release."""

    taxonomy: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Release(Answer):
    """A release of a taxonomy."""

    name: str
    release: str
    live: bool
    skills: int
    digest: str
    source: str
    imported_at: Time


class Releases(Answer):
    """Every release, by name, the oldest first."""

    taxonomies: list[Release]


class Imported(Release):
    """What an import did."""

    created: bool
    became_live: bool
    rows_read: int
    rows_rejected: int
    rows_repaired: int


@router.get("/taxonomies", response_model=Releases)
def list_taxonomies(
    workspace: OpenWorkspace, _actor: Annotated[Actor, Depends(require_action("read"))]
) -> dict[str, Any]:
    """Every release of every taxonomy."""
    found = releases.list_releases(workspace)
    live = releases.get_live_release(workspace) if found else None
    return {"taxonomies": [_describe(one, live=one == live) for one in found]}


@router.post("/taxonomies", response_model=Imported, openapi_extra=FILE_BODY)
async def import_taxonomy(
    request: Request,
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("taxonomy.import"))],
    filename: Annotated[str, Query(min_length=1, max_length=200, description="The file's name.")],
    name: Annotated[
        str | None, Query(max_length=64, description="The taxonomy's; default: the format's.")
    ] = None,
    format: Annotated[_Format | None, Query(description="Default: recognised.")] = None,  # noqa: A002 - the word users know
    force: Annotated[bool, Query(description="Also where it lost many skills.")] = False,
) -> dict[str, Any]:
    """Store the file as the next release of a taxonomy; the body is the file."""
    async with receive_file(request, workspace, filename) as file:
        outcome = await run_in_threadpool(
            releases.import_taxonomy, workspace, actor, file, name=name, format=format, force=force
        )
    live = await run_in_threadpool(releases.get_live_release, workspace)
    stored = await run_in_threadpool(
        releases.find_release, workspace, f"{outcome.release.name}@{outcome.release.number}"
    )
    return {
        **_describe(stored, live=stored == live),
        "created": outcome.created,
        "became_live": outcome.became_live,
        "rows_read": outcome.report.rows_read,
        "rows_rejected": len(outcome.report.rejected),
        "rows_repaired": len(outcome.report.repaired),
    }


@router.post("/taxonomies/live", response_model=Release)
def use_taxonomy(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("taxonomy.use"))],
    body: LiveBody,
) -> dict[str, Any]:
    """Make a taxonomy the live one: the next version is made for its newest release."""
    return _describe(releases.use_taxonomy(workspace, actor, body.taxonomy), live=True)


def _describe(release: StoredRelease, *, live: bool) -> dict[str, Any]:
    return {
        "name": release.name,
        "release": release.number,
        "live": live,
        "skills": release.skills,
        "digest": release.digest,
        "source": release.source,
        "imported_at": release.imported_at,
    }
