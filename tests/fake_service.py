"""A service that speaks the protocol over a real socket and says what a test wants it to say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from seamark.extraction.result import ExtractedSkill, Span, make_prediction


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes out; `hang_up` closes the connection without an answer."""

    status: int = 200
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang_up: bool = False
    delay: float = 0.0
    drip: float = 0.0

    @property
    def body(self) -> bytes:
        return json.dumps(self.value).encode() if self.raw is None else self.raw


Handler = Callable[[Request], Reply]


class FakeService:
    """The requests that came, and the replies that wait; when none waits, `otherwise` answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.otherwise: Handler = answer_extraction

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if self.replies else self.otherwise(request)


def make_wire(text: str, version: str = "1.2.3") -> dict[str, Any]:
    """A prediction of one skill for a text."""
    span = Span(0, min(4, len(text)), text[:4], "skill", 0.75)
    skill = ExtractedSkill(
        "S-1", f"about {text}", "tsc", 0.5, text[:4] or "full text", 2, ("new",), "3", (span,)
    )
    return make_prediction(text, (skill,), model_version=version, nonce=b"n").to_wire()


def answer_extraction(request: Request) -> Reply:
    """As /v1/extract answers one text, or several."""
    asked = request.json
    if "texts" in asked:
        texts = [item if isinstance(item, str) else item["text"] for item in asked["texts"]]
        return Reply(200, {"predictions": [make_wire(text) for text in texts]})
    return Reply(200, make_wire(asked["text"]))


def make_problem(status: int, name: str = "problem", **more: Any) -> Reply:
    """Problem details."""
    headers = {"Content-Type": "application/problem+json", "X-Request-ID": "req-1"} | more.pop("headers", {})
    value = {"type": f"/problems/{name}", "title": name, "status": status, "detail": "d", "instance": "req-1"}
    return Reply(status, value | more, headers)


@contextmanager
def run_service() -> Iterator[FakeService]:
    """A service on a free port for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    fake = FakeService(f"http://127.0.0.1:{server.server_address[1]}")
    server.fake = fake  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # whole answers, as servers send them

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        self._send(self.server.fake.reply(request))  # type: ignore[attr-defined]

    def _send(self, reply: Reply) -> None:
        time.sleep(reply.delay)
        if reply.hang_up:
            self.close_connection = True
            return
        headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body))} | reply.headers
        try:
            self.send_response(reply.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._write(reply)
        except OSError:
            self.close_connection = True  # whoever asked is gone

    def _write(self, reply: Reply) -> None:
        if not reply.drip:
            self.wfile.write(reply.body)
            return
        for byte in reply.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(reply.drip)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 (http.server names them so)

    def log_message(self, *arguments: Any) -> None:
        """Nothing: a test's output is its own."""
