"""What a worker does for captures about once an hour: it moves what servers left, and archives what is old."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from seamark.capture.archive import archive_captures
from seamark.capture.moving import move_once
from seamark.capture.segments import SPOOL
from seamark.errors import SeamarkError
from seamark.governance.actors import SYSTEM

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_SECONDS = 3600.0

_log = logging.getLogger(__name__)


class Housekeeping:
    """The hourly care for a workspace's captures; the first is due at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._due = time.monotonic()

    def run_due(self) -> bool:
        """Do it where it is due; returns whether it was. What fails is logged, and tried again in an hour."""
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + _SECONDS
        try:
            move_once(self._workspace, self._workspace.folder / SPOOL)
            archive_captures(self._workspace, SYSTEM)
        except SeamarkError as error:
            _log.warning("captures were not archived: %s", error)
        return True
