"""What no well-behaved client sends, to a real `seamark serve`: each has its documented answer."""

from __future__ import annotations

import http.client
import json
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from service_process import ServerProcess
from service_stand import Stand, call, make_stand, predict
from sqlalchemy import update

from people import ADMIN
from seamark.errors import ExitCode
from seamark.extraction.bundle import Bundle
from seamark.governance.tokens import create_token, revoke_token
from seamark.settings import Settings
from seamark.storage.captures import list_captures
from seamark.storage.tables import tokens
from waiting import wait_until

pytestmark = pytest.mark.slow

_GOOD = b'{"text": "teach Python"}'
_PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def stand(
    tmp_path_factory: pytest.TempPathFactory, tiny_settings: Settings, tiny_bundle: Bundle
) -> Iterator[Stand]:
    environ = {"SEAMARK_HOME": str(tiny_settings.home), "SEAMARK_CAPTURE_MOVE_SECONDS": "0.1"}
    folder = tmp_path_factory.mktemp("bad-input") / "workspace"
    with make_stand(folder, {"1.0.0": tiny_bundle}, environ) as stand:
        yield stand


@pytest.fixture(scope="module")
def server(stand: Stand) -> Iterator[ServerProcess]:
    """It serves every test of this module, so each sees that the ones before left it well."""
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        yield server
        assert server.stop() == ExitCode.WORKED


@pytest.fixture(autouse=True)
def answers_others_afterwards(server: ServerProcess, stand: Stand) -> Iterator[None]:
    yield
    assert predict(server.port, stand.secret)[1] == "1.0.0"


@dataclass(frozen=True)
class Told:
    """An answer as it came over the wire."""

    status: int
    kind: str
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def problem(self) -> str:
        """The problem's name; fails where the answer is none."""
        assert self.headers["content-type"] == _PROBLEM, self
        told = json.loads(self.body)
        assert told["status"] == self.status
        assert told["instance"] == self.headers["x-request-id"]
        return str(told["type"]).removeprefix("/problems/")


def connect(server: ServerProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def receive(connection: socket.socket) -> Told:
    """The next answer on the connection."""
    answer = http.client.HTTPResponse(connection, method="POST")
    try:
        answer.begin()
        return Told(answer.status, answer.headers["content-type"] or "", answer.read(), answer.headers)
    finally:
        answer.close()


def make_head(secret: str, *lines: str, path: str = "/v1/extract") -> bytes:
    """The head of a request for a prediction, with these lines besides."""
    head = [f"POST {path} HTTP/1.1", "Host: a", f"Authorization: Bearer {secret}"]
    return "\r\n".join([*head, "Content-Type: application/json", *lines, "", ""]).encode("latin-1")


def send(server: ServerProcess, *parts: bytes) -> Told:
    """The answer to what is sent in these parts."""
    with connect(server) as connection:
        for part in parts:
            connection.sendall(part)
        return receive(connection)


def post(server: ServerProcess, stand: Stand, body: bytes, *lines: str, path: str = "/v1/extract") -> Told:
    return send(server, make_head(stand.secret, f"Content-Length: {len(body)}", *lines, path=path), body)


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


# ---- bodies

_BODIES = {
    "cut off": (b'{"text": "a', 400, "not-json"),
    "nested 100,000 lists": (b"[" * 100_000, 400, "not-json"),
    "nested objects in the text": (b'{"text": ' * 50_000 + b"1" + b"}" * 50_000, 400, "not-json"),
    "nested as far as JSON may be": (b'{"text": ' + b"[" * 150 + b"]" * 150 + b"}", 422, "invalid-fields"),
    "latin-1": ('{"text": "Pädagogik"}'.encode("latin-1"), 400, "not-json"),
    "utf-16": ('{"text": "teach"}'.encode("utf-16"), 400, "not-json"),
    "utf-32": ('{"text": "teach"}'.encode("utf-32-be"), 400, "not-json"),
    "utf-8 with a mark": (b"\xef\xbb\xbf" + _GOOD, 400, "not-json"),
    "overlong utf-8": (b'{"text": "\xc0\xaf"}', 400, "not-json"),
    "half of a character": (b'{"text": "\\ud83d"}', 400, "not-json"),
    "half of a character in a name": (b'{"\\udc00": 1}', 400, "not-json"),
    "compressed": (b"\x1f\x8b\x08\x00" + b"a" * 30, 400, "not-json"),
    "nothing but NULs": (b"\x00" * 1000, 400, "not-json"),
    "two values": (_GOOD + _GOOD, 400, "not-json"),
    "infinite": (b'{"text": Infinity}', 400, "not-json"),
    "a number beyond all": (b'{"text": 1e999999}', 422, "invalid-fields"),
    "a number of 10,000 digits": (b'{"text": ' + b"1" * 10_000 + b"}", 400, "not-json"),
    "a list": (b'["teach"]', 422, "invalid-fields"),
    "a string": (b'"teach"', 422, "invalid-fields"),
    "a number": (b'{"text": 1}', 422, "invalid-fields"),
    "true": (b'{"text": true}', 422, "invalid-fields"),
    "nobody": (b"", 422, "invalid-fields"),
    "10,000 unknown fields": (
        json.dumps({"text": "a", **{str(n): n for n in range(10_000)}}).encode(),
        422,
        "invalid-fields",
    ),
    "2,000 wrong texts": (json.dumps({"texts": [1] * 2000}).encode(), 422, "invalid-fields"),
    "more texts than the stage takes": (json.dumps({"texts": ["a"] * 33}).encode(), 413, "too-large"),
    "a text longer than the stage takes": (json.dumps({"text": "a" * 100_001}).encode(), 413, "too-large"),
    "more bytes than the stage takes": (b'{"text": "' + b"a" * 1024 * 1024 + b'"}', 413, "too-large"),
}


@pytest.mark.parametrize("name", _BODIES)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_wrong_body_has_its_documented_answer(server, stand, name, chunked):
    body, status, problem = _BODIES[name]
    if chunked:
        head = make_head(stand.secret, "Transfer-Encoding: chunked")
        parts = [chunk(body[at : at + 60_000]) for at in range(0, len(body), 60_000)]
        told = send(server, head, b"".join([*parts, b"0\r\n\r\n"]))
    else:
        told = post(server, stand, body)
    assert (told.status, told.problem) == (status, problem)
    assert len(told.body) < 10_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "teach \x00 Python",
        "\u202e\u200d\ufeff",
        "\U0001f9d1\u200d\U0001f3eb" * 1000,
        "a" * 100_000,
        "\n" * 9999,
    ],
    ids=["empty", "blank", "NUL", "NUL within", "marks", "pictures", "one long word", "lines"],
)
def test_a_text_that_is_none_is_a_text(server, stand, text):
    told = post(server, stand, json.dumps({"text": text, "id": text[:100], "sector": text[:100]}).encode())
    assert told.status == 200
    request_id = json.loads(told.body)["requestId"]
    wait_until(lambda: request_id in stand.list_request_ids())


def test_a_body_that_does_not_end_is_refused_at_the_limit(server, stand):
    with connect(server) as connection:
        connection.sendall(make_head(stand.secret, "Transfer-Encoding: chunked"))
        for _ in range(1000):
            if select.select([connection], [], [], 0)[0]:
                break
            connection.sendall(chunk(b" " * 65_536))
        told = receive(connection)
    assert (told.status, told.problem) == (413, "too-large")


# ---- what frames a body

_FRAMES = {
    "a length that is too large for memory": (["Content-Length: 99999999999"], 413, "too-large"),
    "a length beyond all numbers": ([f"Content-Length: {'9' * 40}"], 400, ""),
    "a negative length": (["Content-Length: -1"], 400, ""),
    "a length in words": (["Content-Length: many"], 400, ""),
    "two lengths": (["Content-Length: 24", "Content-Length: 2"], 400, ""),
    "a length and chunks": (["Content-Length: 24", "Transfer-Encoding: chunked"], 400, ""),
    "an unknown transfer encoding": (["Transfer-Encoding: gzip"], 400, ""),
}


@pytest.mark.parametrize("name", _FRAMES)
def test_a_false_frame_is_refused_at_once(server, stand, name):
    lines, status, problem = _FRAMES[name]
    told = send(server, make_head(stand.secret, *lines))
    assert told.status == status
    if problem:
        assert told.problem == problem
    else:
        assert told.kind.startswith("text/plain")


def test_a_length_that_is_too_short_cuts_the_body_and_the_rest_is_no_request(server, stand):
    with connect(server) as connection:
        connection.sendall(make_head(stand.secret, "Content-Length: 10") + _GOOD)
        told = receive(connection)
        assert told.status == 400


def test_a_chunk_that_is_none_is_refused(server, stand):
    told = send(server, make_head(stand.secret, "Transfer-Encoding: chunked"), b"zz\r\n{}\r\n0\r\n\r\n")
    assert told.status == 400


def test_a_body_shorter_than_its_length_predicts_nothing(server, stand):
    with connect(server) as connection:
        connection.sendall(make_head(stand.secret, "Content-Length: 1000") + b'{"text": "a", "id": "cut"}')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    later, _ = predict(server.port, stand.secret)
    wait_until(lambda: later in stand.list_request_ids())
    with stand.workspace.database.read() as connection:
        assert all(one.document_id != "cut" for one in list_captures(connection, limit=100_000))


def test_whoever_hangs_up_within_a_request_harms_nobody(server, stand):
    head = make_head(stand.secret, f"Content-Length: {len(_GOOD)}")
    for end in (10, len(head) - 1, len(head), len(head) + 5, len(head) + len(_GOOD)):
        with connect(server) as connection:
            connection.sendall((head + _GOOD)[:end])


def test_whoever_says_that_they_are_done_is_answered(server, stand):
    with connect(server) as connection:
        connection.sendall(make_head(stand.secret, f"Content-Length: {len(_GOOD)}") + _GOOD)
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection).status == 200


# ---- Expect


def test_a_body_is_asked_for_where_the_client_waits_for_that(server, stand):
    with connect(server) as connection:
        connection.sendall(make_head(stand.secret, "Expect: 100-continue", f"Content-Length: {len(_GOOD)}"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(_GOOD)
        assert receive(connection).status == 200


@pytest.mark.parametrize(
    ("secret", "size", "problem"), [("", 99_999_999, "too-large"), ("smk_wrong", 24, "sign-in")]
)
def test_no_body_is_asked_for_that_would_be_refused(server, stand, secret, size, problem):
    head = make_head(secret or stand.secret, "Expect: 100-continue", f"Content-Length: {size}")
    assert send(server, head).problem == problem


# ---- slow clients, heads


def test_a_slow_client_is_answered_and_keeps_nobody_waiting(server, stand):
    message = make_head(stand.secret, f"Content-Length: {len(_GOOD)}") + _GOOD
    with connect(server) as connection:
        for at in range(0, len(message), 7):
            connection.sendall(message[at : at + 7])
            if at % 5 == 0:
                predict(server.port, stand.secret)
        assert receive(connection).status == 200


def test_a_hundred_clients_that_send_no_more_keep_nobody_waiting(server, stand):
    message = make_head(stand.secret, "Content-Length: 1000") + b"{"
    idle = [connect(server) for _ in range(100)]
    try:
        for number, connection in enumerate(idle):
            connection.sendall(message[: number * len(message) // 99])
        for _ in range(20):
            predict(server.port, stand.secret)
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([f"X-Long: {'a' * 10_000}"], 200),
        ([f"X-{number}: a" for number in range(2000)], 200),
        ([f"X-Request-ID: {'a' * 10_000}"], 200),
        ([f"Cookie: {'a=b; ' * 2000}"], 200),
        ([f"X-Long: {'a' * 100_000}"], 400),
        ([f"X-{number}: a" for number in range(20_000)], 400),
        (["X-Bytes: \xff\xfe"], 200),
        (["no colon"], 400),
        ([": no name"], 400),
        (["X-Folded: a", " b"], 400),
        (["X-NUL: \x00"], 400),
    ],
    ids=[
        "10,000 bytes",
        "2,000",
        "id",
        "cookies",
        "100,000",
        "20,000",
        "bytes",
        "colon",
        "name",
        "folded",
        "NUL",
    ],
)
def test_headers_are_taken_or_refused_whole(server, stand, lines, status):
    message = make_head(stand.secret, *lines, f"Content-Length: {len(_GOOD)}") + _GOOD
    with connect(server) as connection:
        try:
            connection.sendall(message)
            told = receive(connection)
        except ConnectionError:
            assert len(message) > 100_000  # it hung up before it had read everything
            return
    assert told.status == status
    if status == 200:
        assert len(told.headers["x-request-id"]) <= 128


@pytest.mark.parametrize(
    "message",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/health HTTP/9.9\r\nHost: a\r\n\r\n",
        b"BREW /v1/health HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\r\n\r\n\x00\x00\x00\x00",
        b"GET /v1/health HTTP/1.1 x\r\n\r\n",
    ],
    ids=["TLS", "HTTP/2", "HTTP/9.9", "method", "NULs", "line"],
)
def test_what_is_no_http_1_1_is_refused(server, message):
    told = send(server, message)
    assert told.status == 400
    assert told.kind.startswith("text/plain")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/" + "a" * 30_000, 404),
        ("/%00", 404),
        ("/%ff%fe", 404),
        ("/v1/../../etc/passwd", 404),
        ("/v1/stages/%2e%2e/extract", 404),
        ("/v1/stages/prod%00/extract", 404),
        ("/v1/stages/" + "a" * 10_000 + "/extract", 404),
        ("/v1/extract/", 404),
        ("//v1/extract", 404),
        ("/v1/extract?a=" + "b" * 30_000, 200),
        ("/v1/extract?%ff=%00", 200),
        ("/v1/health", 405),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_path_that_is_none_is_404(server, stand, path, status):
    told = post(server, stand, _GOOD, path=path)
    assert told.status == status
    if status != 200:
        assert told.problem == {404: "not-found", 405: "method-not-allowed"}[status]
        assert len(told.body) < 2000


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_nobody_is_upgraded(server, stand, protocol):
    lines = [f"Upgrade: {protocol}", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    told = post(server, stand, _GOOD, *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert (told.status, told.problem) == (422, "invalid-fields")  # the body is not read


def test_requests_that_do_not_wait_for_answers_are_answered_in_turn(server, stand):
    bodies = [json.dumps({"text": "teach", "id": str(n)}).encode() for n in range(20)]
    with connect(server) as connection:
        connection.sendall(
            b"".join(
                make_head(stand.secret, f"Content-Length: {len(body)}", f"X-Request-ID: {n}") + body
                for n, body in enumerate(bodies)
            )
        )
        reader = connection.makefile("rb")
        told = []
        for _ in bodies:
            assert b" 200 " in reader.readline()
            headers = http.client.parse_headers(reader)
            reader.read(int(headers["content-length"]))
            told.append(headers["x-request-id"])
        reader.close()
    assert told == [str(n) for n in range(len(bodies))]


# ---- tokens, empty stages


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer smk_" + "a" * 43,
        "Bearer " + "a" * 10_000,
        "Bearer smk_\xff",
        "Bearer ' OR 1=1 --",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/extract"), ("GET", "/v1/promotions")])
def test_a_wrong_token_is_401(server, header, method, path):
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: a",
        f"Content-Length: {len(_GOOD)}",
        "Content-Type: application/json",
    ]
    lines += [] if header is None else [f"Authorization: {header}"]
    told = send(server, "\r\n".join([*lines, "", ""]).encode("latin-1"), _GOOD)
    assert (told.status, told.problem) == (401, "sign-in")
    assert told.headers["www-authenticate"].startswith("Bearer")


def test_a_token_that_expired_or_was_revoked_is_401(server, stand):
    expired, first = create_token(stand.workspace, ADMIN, scopes=["predict"])
    revoked, second = create_token(stand.workspace, ADMIN, scopes=["predict"])
    with stand.workspace.database.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(tokens).where(tokens.c.id == expired.id).values(expires_at=past))
    revoke_token(stand.workspace, ADMIN, revoked.id)
    for secret in (first, second):
        status, told = call(server.port, "POST", "/v1/extract", secret, {"text": "teach"})
        assert (status, told["type"]) == (401, "/problems/sign-in")
        assert secret not in json.dumps(told)


def test_a_stage_with_nothing_on_it_is_404_and_one_that_is_not_served_too(stand):
    with ServerProcess(stand.folder, port=0, stages=("uat", "prod"), **stand.environ) as server:
        status, told = call(server.port, "POST", "/v1/stages/uat/extract", stand.secret, {"text": "teach"})
        assert (status, told["type"]) == (404, "/problems/stage-empty")
        assert "seamark promote" in str(told["hint"])
        status, told = call(server.port, "POST", "/v1/stages/dev/extract", stand.secret, {"text": "teach"})
        assert (status, told["type"]) == (404, "/problems/not-found")
