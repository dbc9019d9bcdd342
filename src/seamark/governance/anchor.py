"""The newest event's number and digest, kept outside the database.

Whoever can change the database can cut the newest rows off and set the head back; the anchor in the object
store then knows of more events than the database has. So that the next event does not wipe that out, an anchor
gives way only to a trail that has the event that it knows of.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from seamark.errors import InputError, StorageError
from seamark.storage.audit import AuditHead, read_digest, read_head

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

ANCHOR = "audit/head.json"

_log = logging.getLogger(__name__)


def publish_anchor(workspace: Workspace) -> None:
    """Write the newest event's number and digest to the object store.

    The event itself is committed by then. Where the store can't be written, the anchor stays behind until the
    next event, which weakens no other check; so that is logged, and no error. An anchor of an event that the
    trail does not have, and one that can't be read, stays: it is what shows that somebody was at work.
    """
    try:
        known = read_anchor(workspace)  # before the head, which is then never behind it
        with workspace.database.read() as connection:
            head = read_head(connection)
            fits = known is None or read_digest(connection, known.seq) == known.digest
        if not fits:
            _log.error("the audit trail lacks an event that its anchor knows of: `seamark audit verify`")
        elif head is not None and (known is None or known.seq < head.seq):
            workspace.store.put_json(ANCHOR, {"seq": head.seq, "digest": head.digest})
    except (StorageError, InputError) as error:
        _log.warning("the audit anchor could not be written: %s", error)


def read_anchor(workspace: Workspace) -> AuditHead | None:
    """The anchor; None where none was written yet.

    Raises:
        StorageError: it can't be read.
        InputError: it is not what was written there.
    """
    if not workspace.store.exists(ANCHOR):
        return None
    try:
        kept = json.loads(workspace.store.get(ANCHOR))
        return AuditHead(int(kept["seq"]), str(kept["digest"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{ANCHOR} in the object store is damaged") from error
