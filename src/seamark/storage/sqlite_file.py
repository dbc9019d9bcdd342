"""The one file behind a SQLite engine: noticed when it is moved away, replaced or put back.

Without this a process would go on in the file that was moved away, or begin an empty one in its place.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

_FILE = "seamark_file"


class SqliteFile:
    """Watches over every connection of an engine.

    Args:
        path: the file; it is made at the first connection where there is none, and never again.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        self._known = False

    def watch(self, engine: Engine) -> None:
        """Begin to look, whenever a connection is made or taken from the pool."""
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", self._note)
        event.listen(engine, "checkout", self._compare)

    def _connect(self, _dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> Any:
        if not self._known:
            return None  # the driver's own way, which makes the file
        return sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, **options)

    def _note(self, _connection: Any, record: Any) -> None:
        record.info[_FILE] = self._identify()
        self._known = True

    def _compare(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """Have another connection made where this one is to a file that is elsewhere by now."""
        if record.info.get(_FILE) != self._identify():
            raise DisconnectionError(f"{self._path} is another file now, or none")

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
