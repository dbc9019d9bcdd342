"""HTTP/1.1 as uvicorn speaks it, with bounds that it has not.

Choices:

- A request's head is bounded in size, and so is the time without a byte of a request that is not whole: who
  connects and sends nothing more would hold their connection for ever.
- Who has sent a whole request and says that nothing more will come (a half-closed connection) is answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_KB = 64
"""Kilobytes of a request's line and headers at most."""

WAIT_SECONDS = 60.0
"""How long the next byte of a request that is not whole is waited for."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that does not end before it fills the memory, and hangs up on who sends no more."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head: int | None = None  # bytes that came since the head began; None outside a head
        self._heard_at = 0.0
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Somebody connects."""
        super().connection_made(transport)
        self._heard_at = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._heard_at = self.loop.time()
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > HEAD_KB * 1024 and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's always hangs up
        """Nothing more will come; True keeps the connection until what came whole is answered."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole; one that came in a single piece is measured here."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_KB * 1024:
            raise ValueError("the head is too large")  # uvicorn answers 400
        self._head = None
        super().on_headers_complete()

    def _look_later(self) -> None:
        self._look = self.loop.call_later(WAIT_SECONDS / 4, self._hang_up_on_silence)

    def _hang_up_on_silence(self) -> None:
        if self._waits() and self.loop.time() - self._heard_at >= WAIT_SECONDS:
            self.transport.close()
        else:
            self._look_later()

    def _waits(self) -> bool:
        """Whether the client's next byte is what is missing. Between two requests uvicorn itself counts."""
        if self.cycle is None or self._head is not None:
            return True
        return bool(self.cycle.more_body) and not self.cycle.response_complete and not self.flow.read_paused
