"""What both kinds of client tell httpx, and how they read what it gives."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from seamark import __version__
from seamark.client.steps import Answer, Call, Lost, Send
from seamark.errors import InputError, StorageError, UsageError

_CONNECT_SECONDS = 5.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError, httpx.TooManyRedirects)


def check_address(url: str) -> str:
    """The service's address without a slash at its end.

    Raises:
        UsageError: it is no address of a service, or has a password in it.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise UsageError("the service's address can't be read", expected="http(s)://HOST[:PORT]") from error
    if not sound or parts.query or parts.fragment:
        raise UsageError(f"the service's address {url!r}", expected="http(s)://HOST[:PORT]")
    if parts.username or parts.password:
        raise UsageError("the service's address has a name or password in it", hint="give the token instead")
    return url.rstrip("/")


def heeds_environment(url: str) -> bool:
    """Whether the machine's proxies are used: never for the machine itself, which no proxy leads to."""
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def make_headers(token: str) -> dict[str, str]:
    """The headers of every request.

    Raises:
        UsageError: the token can't be one; the message does not show it.
    """
    headers = {"User-Agent": f"seamark/{__version__}", "Accept": "application/json"}
    if not token:
        return headers
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            "the token has characters that no token has", hint="is there a line's end behind it?"
        )
    return headers | {"Authorization": f"Bearer {token}"}


def make_call_headers(call: Call) -> dict[str, str]:
    """The headers of one request; a file's length is given, so that a server can refuse it before it is sent.

    Raises:
        InputError: the file can't be read.
    """
    if call.file is None:
        return {"Content-Type": "application/json"} if call.body else {}
    try:
        with call.file.open("rb") as stream:  # here, before anything is sent
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise InputError(f"the file {call.file} can't be read: {error.strerror or error}") from error
    return {"Content-Type": "application/octet-stream", "Content-Length": str(size)}


def make_timeout(send: Send) -> httpx.Timeout:
    """How long each wait for the network may take."""
    return httpx.Timeout(send.seconds, connect=min(_CONNECT_SECONDS, send.seconds))


def lose(error: Exception) -> Lost:
    """What became of a request that failed on its way."""
    return Lost(error, arrived=not isinstance(error, _NEVER_SENT), hopeless=isinstance(error, _HOPELESS))


def make_answer(response: httpx.Response, body: bytes) -> Answer:
    """The answer with its headers' names in lower case."""
    headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body)


def name_part(output: Path) -> Path:
    """Where an answer is written to until it is whole; another name each time."""
    return output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")


def explain_writing(output: Path, error: OSError) -> StorageError:
    """The error for a file that can't be written."""
    return StorageError(f"{output} can't be written: {error.strerror or error}")
