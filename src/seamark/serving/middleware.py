"""Around every request: its id, its line in the log, its figures, and an answer whatever happens."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from seamark.serving.logs import log_event, log_failure
from seamark.serving.problems import translate

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from seamark.serving.runtime import Runtime

REQUEST_ID = "X-Request-ID"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Texts, people and secrets must not stay in a cache on the way, nor be taken for a page by a browser.
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_GONE = 499  # what the log calls a request whose client went away before its answer


class RequestMiddleware:
    """Pure ASGI, so that it costs next to nothing and streams nothing twice.

    Args:
        app: what answers.
        runtime: whose figures are kept.
    """

    def __init__(self, app: ASGIApp, *, runtime: Runtime) -> None:
        self._app = app
        self._metrics = runtime.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _choose_id(Headers(scope=scope).get(REQUEST_ID))
        state["started"] = started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = status or _GONE
        except Exception as error:
            log_failure("request.failed", error, request_id=request_id)
            if status:  # the answer had begun: nothing can be said any more
                raise
            await translate(error, request_id)(scope, receive, send_with_id)
        finally:
            self._metrics.in_flight.dec()
            self._tell(scope, state, status or _GONE, time.perf_counter() - started)

    def _tell(self, scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
        path, stage, version = _name_path(scope), state.get("stage", ""), state.get("version", "")
        self._metrics.requests.labels(path, _name_method(scope), status, stage, version).inc()
        self._metrics.latency.labels(path, stage).observe(seconds)
        log_event(
            "request",
            request_id=state["request_id"],
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 2),
            **{
                name: state[name]
                for name in ("stage", "version", "caller", "texts", "error")
                if name in state
            },
        )


def _choose_id(sent: str | None) -> str:
    """The client's own id where it is well-formed, else a new one."""
    return sent if sent is not None and _WELL_FORMED.fullmatch(sent) else secrets.token_hex(16)


def _name_path(scope: Scope) -> str:
    """The route's pattern: paths that people make up must not become labels without number."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "none"


def _name_method(scope: Scope) -> str:
    known = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
