"""What a conversation with the service consists of, whoever carries it out.

An operation is a generator: it yields what is to be done next (send this, wait so long), is given what came
of it, and returns its result. :class:`~seamark.client.blocking.Client` carries the steps out one way and
:class:`~seamark.client.asynchronous.AsyncClient` the other, so that there is one account of what is sent,
read and tried again.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        method: as HTTP names it.
        path: below the service's address, with its slash.
        query: what stands behind the question mark.
        body: JSON; empty where there is none.
        file: a file that is sent as the body instead.
        into: the file that the answer's body goes to instead of memory.
        repeatable: whether it does no harm that it is done twice, where nobody knows whether it arrived.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: Path | None = None
    into: Path | None = None
    repeatable: bool = True

    @property
    def moves_file(self) -> bool:
        """Whether it takes as long as a file takes, so that only a standstill counts against it."""
        return self.file is not None or self.into is not None


@dataclass(frozen=True, slots=True)
class Send:
    """Send this now, and give an :class:`Answer` or a :class:`Lost` for it within so many seconds."""

    call: Call
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said; header names in lower case, the body empty where it went into a file."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def worked(self) -> bool:
        """Whether what was asked for was done."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came.

    Attributes:
        error: why.
        arrived: whether the request may have reached the service.
        hopeless: whether another try would end the same.
    """

    error: Exception
    arrived: bool = True
    hopeless: bool = False


Steps = Generator[Send | Wait, Answer | Lost | None, Result]
