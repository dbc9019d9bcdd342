"""People who ask for something in tests."""

from __future__ import annotations

from typing import Literal

from seamark.governance.actors import Actor


def make_actor(
    name: str, *roles: str, via: str = "cli", kind: Literal["person", "token", "system"] = "person"
) -> Actor:
    """Somebody with these roles."""
    return Actor(name, frozenset(roles), via=via, kind=kind, address="test-host")


ADMIN = make_actor("ada", "administrator")
"""Somebody who may do everything a person may."""
