"""Who asks: a person, a person's token, or Seamark itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ROLES = ("viewer", "reviewer", "data-scientist", "approver", "administrator")
"""What people can be; one person can be several."""

SCOPES = ("predict", "read", "write")
"""What a token may be used for: predictions; and looking; and whatever its person's roles allow."""

ActorKind = Literal["person", "token", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks for something, as the audit trail names them.

    Attributes:
        name: the person's; ``seamark`` for Seamark itself.
        roles: the person's.
        scopes: what the person's token is for; all of them where a person came without one.
        kind: ``person`` on the command line or with a session, ``token``, or ``system``.
        via: the door: ``cli``, ``http``, ``console`` or ``pipeline``.
        address: where from: a network address, or a host's name.
        token_id: the token's, where there was one.
    """

    name: str
    roles: frozenset[str]
    scopes: frozenset[str] = field(default=frozenset(SCOPES))
    kind: ActorKind = "person"
    via: str = "cli"
    address: str = ""
    token_id: str = ""


SYSTEM = Actor("seamark", frozenset(), kind="system", via="pipeline")
"""Seamark itself: what pipelines and servers do without a person."""
