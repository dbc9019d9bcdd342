"""Connections that send too much, too little, or no more."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from seamark.serving import protocol
from seamark.serving.protocol import HEAD_KB, BoundedProtocol

_REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
_RESET = b"HTTP/1.1 400 as good as said"


async def _echo(_scope, receive, send) -> None:
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    if message["type"] == "http.disconnect":
        return
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _talk(*parts: bytes, pause: float = 0.0, half_close: bool = False) -> bytes:
    """All that the server sends until it hangs up."""

    async def talk() -> bytes:
        config = uvicorn.Config(_echo, lifespan="off", log_config=None, timeout_keep_alive=1)
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: BoundedProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause)
            if half_close:
                writer.write_eof()
            try:
                return await asyncio.wait_for(reader.read(), 30)
            except ConnectionResetError:  # it hung up before it had read all that was sent
                return _RESET
            finally:
                writer.close()

    return asyncio.run(talk())


@pytest.mark.parametrize("end", [0, 10, len(_REQUEST) - 3, len(_REQUEST) - 1])
def test_who_sends_no_more_of_a_request_is_hung_up_on(monkeypatch, end):
    monkeypatch.setattr(protocol, "WAIT_SECONDS", 0.2)
    assert _talk(*([_REQUEST[:end]] if end else [])) == b""


def test_who_sends_slowly_is_answered(monkeypatch):
    monkeypatch.setattr(protocol, "WAIT_SECONDS", 0.4)
    parts = [_REQUEST[at : at + 8] for at in range(0, len(_REQUEST), 8)]
    assert len(parts) * 0.1 > 0.4
    assert _talk(*parts, pause=0.1).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_takes_longer_is_waited_for(monkeypatch):
    monkeypatch.setattr(protocol, "WAIT_SECONDS", 0.01)
    assert _talk(_REQUEST).endswith(b"ok")


def test_who_will_send_no_more_is_answered_when_their_request_was_whole():
    assert _talk(_REQUEST, half_close=True).endswith(b"ok")
    assert _talk(_REQUEST + _REQUEST, half_close=True).count(b"HTTP/1.1 200 ") == 2
    assert _talk(_REQUEST[:-1], half_close=True) == b""


@pytest.mark.parametrize("size", [HEAD_KB * 1024 + 1, 4 * HEAD_KB * 1024])
def test_a_head_that_is_too_large_is_refused_in_one_piece_or_several(size):
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * size + b"\r\n\r\n"
    assert _talk(head).startswith(b"HTTP/1.1 400 ")
    assert _talk(head[:50_000], head[50_000:], pause=0.05).startswith(b"HTTP/1.1 400 ")
