"""Telling tools that read the object store what the stages have now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seamark.errors import StorageError
from seamark.registry.log import publish_log

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_log = logging.getLogger(__name__)


def publish_stages(workspace: Workspace) -> None:
    """Bring ``logs.json`` and the stages' files up to date after a change that is committed already.

    Where the object store can't be written they stay behind until the next change, or until a server answers
    with the version; that is logged, and no error, for the database has the truth.
    """
    try:
        publish_log(workspace)
    except StorageError as error:
        _log.warning("logs.json and the stages' files could not be written: %s", error)
