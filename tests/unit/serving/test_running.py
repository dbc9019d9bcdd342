from __future__ import annotations

import socket

import pytest

from seamark.errors import UsageError
from seamark.serving.running import _listen


def test_a_port_that_is_taken_is_told_with_its_address_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as failure, _listen("127.0.0.1", port):
            pass
    assert failure.value.found == f"127.0.0.1:{port} can't be listened on (Address already in use)"
    assert "0 takes a free one" in failure.value.hint


def test_a_host_that_has_no_address_is_told_in_words() -> None:
    with (
        pytest.raises(UsageError, match=r"no-such-host\.invalid:0 can't be listened on \(\w"),
        _listen("no-such-host.invalid", 0),
    ):
        pass
