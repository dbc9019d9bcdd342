"""HTTP/1.1 as uvicorn speaks it, with a bound on a request's head, which has none there."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_KB = 64
"""Kilobytes of a request's line and headers at most."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that does not end, before it fills the memory."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head: int | None = None  # bytes that came since the head began; None outside a head

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > HEAD_KB * 1024 and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head = None
        super().on_headers_complete()
