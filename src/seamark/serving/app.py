"""The service: its routes, its errors, and what runs behind them."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from seamark import __version__
from seamark.serving.auth import Authenticator
from seamark.serving.limits import RateLimiter
from seamark.serving.middleware import RequestMiddleware
from seamark.serving.problems import PROBLEM_SCHEMA, add_handlers
from seamark.serving.runtime import Runtime

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

# Modules of seamark.serving.api; each has a `router`.
_ROUTERS = (
    "predict",
    "skills",
    "status",
    "versions",
    "promotions",
    "stages",
    "runs",
    "taxonomies",
    "examples",
    "batch_jobs",
    "people",
    "tokens",
    "captures",
    "audit",
)

_DESCRIPTION = (
    "Extracts skills from texts, and carries model versions from DEV to UAT to PROD. "
    "Errors are problem details (RFC 9457)."
)


def make_app(
    workspace: Workspace, *, stages: Sequence[str] | None = None, default_stage: str | None = None
) -> FastAPI:
    """The service of a workspace; models are loaded and watched while its lifespan runs.

    Args:
        workspace: an open one, which stays open after the service.
        stages: which stages it serves; default: the settings' ``service.stages``.
        default_stage: which one answers where the path names none; default: the settings'
            ``service.default_stage`` where that is served, else the last one served.

    Raises:
        UsageError: a stage is unknown, or the default one is not served.
    """
    service = workspace.settings.service
    runtime = Runtime(workspace, stages=stages, default_stage=default_stage)

    @asynccontextmanager
    async def run(_app: FastAPI) -> AsyncIterator[None]:
        runtime.start()
        try:
            yield
        finally:
            await runtime.stop()

    app = FastAPI(
        title="Seamark",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=run,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a path that is none is 404, whatever Host the client made up
        generate_unique_id_function=_name_operation,
    )
    app.state.workspace = workspace
    app.state.runtime = runtime
    app.state.authenticate = Authenticator(
        workspace, anonymous=service.anonymous_predict, is_away=lambda: runtime.database_away
    )
    app.state.logins = RateLimiter()
    add_handlers(app)
    for name in _ROUTERS:
        app.include_router(importlib.import_module(f"seamark.serving.api.{name}").router)
    app.add_middleware(RequestMiddleware, runtime=runtime)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with problem details for every error."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    app.openapi_schema = document
    return document


def _name_operation(route: APIRoute) -> str:
    return route.name
