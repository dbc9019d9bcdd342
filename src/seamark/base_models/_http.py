"""Downloads that go on where they stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.base_models._intake import SourceError

if TYPE_CHECKING:
    import httpx

    from seamark.base_models._intake import Progress

_CONNECT_SECONDS = 3.0  # a hub that can't be reached must not hold up the next source
_READ_SECONDS = 30.0
_TRIES = 4
_SHA256 = re.compile(r"[0-9a-f]{64}")


class NotThereError(SourceError):
    """The server has no such file."""


@contextmanager
def open_client() -> Iterator[httpx.Client]:
    """An HTTP client with the machine's proxies and certificates, which follows redirects."""
    import httpx

    timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    # Compressed answers and byte ranges don't go together.
    headers = {"Accept-Encoding": "identity", "User-Agent": "seamark"}
    with httpx.Client(timeout=timeout, headers=headers, follow_redirects=True) as client:
        yield client


def download(
    client: httpx.Client, url: str, part: Path, *, label: str, size: int, progress: Progress
) -> tuple[str, bool]:
    """Bring ``url`` to ``part``, going on after the bytes that are there already.

    A connection that breaks is tried again, up to four times in all.

    Args:
        client: from :func:`open_client`.
        url: where from.
        part: where to.
        label: the name that ``progress`` is told.
        size: bytes expected; 0 where unknown.
        progress: told after every chunk.

    Returns:
        The SHA-256 that the server promised (empty where it promised none), and whether earlier
        bytes were built upon.

    Raises:
        NotThereError: the server has no such file.
        SourceError: the server refused, can't be reached, or the connection kept breaking.
    """
    import httpx

    resumed = False
    for remaining in reversed(range(_TRIES)):
        start = part.stat().st_size if part.exists() else 0
        try:
            promised, went_on = _download_once(client, url, part, start, label, size, progress)
        except httpx.TransportError as error:
            # A server that gave nothing this time will not give more the next.
            gained = part.exists() and part.stat().st_size != start
            if not remaining or not gained:
                raise SourceError(f"{url}: {_explain(error)}") from error
            resumed = resumed or start > 0
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{url}: {_explain(error)}") from error
        else:
            return promised, resumed or went_on
    raise AssertionError("the last try returns or raises")


def _download_once(
    client: httpx.Client, url: str, part: Path, start: int, label: str, size: int, progress: Progress
) -> tuple[str, bool]:
    headers = {"Range": f"bytes={start}-"} if start else {}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416:
            # Nothing lies behind our last byte: it is whole, or the digest will say otherwise.
            return find_promised_digest(response), True
        check_status(response)
        goes_on = response.status_code == 206 and _starts_at(response, start)
        done = start if goes_on else 0
        total = size or done + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if goes_on else "wb") as stream:
            for chunk in response.iter_bytes():
                stream.write(chunk)
                done += len(chunk)
                progress(label, done, total)
        return find_promised_digest(response), goes_on


def _starts_at(response: httpx.Response, start: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def check_status(response: httpx.Response) -> None:
    """Raise :class:`SourceError` for an answer that is not a success, in words."""
    code = response.status_code
    if code in (200, 206):
        return
    if code == 404:
        raise NotThereError(f"{response.url} is not there (404)")
    if code in (401, 403):
        raise SourceError(f"{response.url} may not be read without signing in, or doesn't exist ({code})")
    raise SourceError(f"{response.url} answered {code} {response.reason_phrase}".rstrip())


def find_promised_digest(response: httpx.Response) -> str:
    """The SHA-256 that the model hub names in its headers; empty where it names none.

    The hub sends it with the redirect to its file store, whose own ETag means something else.
    """
    for answer in (*response.history, response):
        if digest := _read_digest(answer, "X-Linked-Etag"):
            return digest
    return "" if response.history else _read_digest(response, "ETag")


def _read_digest(response: httpx.Response, header: str) -> str:
    value = str(response.headers.get(header, "")).removeprefix("W/").strip('"').lower()
    return value if _SHA256.fullmatch(value) else ""


def _explain(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
