"""What the service writes down: one line of JSON for every request and every event, never a text.

Each line has ``at``, ``level`` and ``action``; what else it has depends on the action.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_LOGGER = "seamark.serving"
_FIELDS = "seamark_fields"
# What uvicorn tells at INFO, the service tells itself.
_LEVELS = {"seamark": logging.INFO, "uvicorn": logging.WARNING, "asyncio": logging.WARNING}

_log = logging.getLogger(_LOGGER)


def log_event(action: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one event.

    Args:
        action: what happened, such as ``request`` or ``version.swapped``.
        level: of :mod:`logging`.
        fields: the facts; never a text, a password or a token.
    """
    if _log.isEnabledFor(level):
        _log.log(level, action, extra={_FIELDS: fields})


def log_failure(action: str, error: BaseException, **fields: Any) -> None:
    """Write an event of something unexpected, with its trace."""
    _log.error(action, exc_info=error, extra={_FIELDS: fields})


def configure_logs(*, requests: bool = True) -> None:
    """Write every event of this process to stderr, a line of JSON each.

    Args:
        requests: also a line for every request.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    if not requests:
        handler.addFilter(lambda record: not (record.name == _LOGGER and record.msg == "request"))
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(level)


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a record of other packages as the action ``log`` with its message."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, _FIELDS, None)
        if fields is None:
            line |= {"action": "log", "logger": record.name, "message": record.getMessage()}
        else:
            line |= {"action": record.getMessage(), **fields}
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
