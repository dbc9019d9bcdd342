"""Where base models come from, in the order in which the sources are tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from seamark.base_models._hub import HubSource
from seamark.base_models._intake import Intake, Progress, SourceError
from seamark.base_models._local import LocalSource
from seamark.base_models._pypi import PypiSource
from seamark.errors import UsageError

__all__ = [
    "HubSource",
    "Intake",
    "LocalSource",
    "Progress",
    "PypiSource",
    "Source",
    "SourceError",
    "make_sources",
]


class Source(Protocol):
    """A place that may have a base model.

    Attributes:
        name: as in ``seamark base-model fetch --from``.
        downloads: whether it needs a network, and so is forbidden by ``SEAMARK_OFFLINE``.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def downloads(self) -> bool:
        """See the class."""
        ...

    def fetch(self, intake: Intake) -> None:
        """Bring the files that ``intake`` still wants; raise :class:`SourceError` where it can't."""
        ...


_MAKERS: dict[str, Callable[[], Source]] = {"local": LocalSource, "hub": HubSource, "pypi": PypiSource}


def make_sources(names: Sequence[str] = ()) -> list[Source]:
    """The sources of these names; without any, all: local folders, model hub, PyPI packages.

    Raises:
        UsageError: a name is none of ``local``, ``hub``, ``pypi``.
    """
    for name in names:
        if name not in _MAKERS:
            raise UsageError(f"unknown source {name!r}", expected=f"one of {', '.join(_MAKERS)}")
    return [_MAKERS[name]() for name in names or _MAKERS]
