"""A stage's history as a stack: promotions and registrations push, rollbacks pop, what failed never was.

The newest placement that has not failed says what is on the stage. Below it is what a rollback gives back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seamark.storage.promotions import Placement


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a stage's history.

    Attributes:
        version: X.Y.Z.
        promotion_id: what put it there; None: it was there before promotions were recorded.
    """

    version: str
    promotion_id: str | None


def stack_placements(placements: Sequence[Placement]) -> list[Entry]:
    """The stage's versions, the present one last.

    A rollback takes away what is above the newest entry of its version. Where that entry is gone, because it
    failed later, the rollback stands for it.

    Args:
        placements: the stage's, in the order in which they were decided.
    """
    stack = [Entry(first.replaces, None) for first in placements[:1] if first.replaces]
    for placement in _drop_failed(placements):
        found = [i for i, entry in enumerate(stack) if entry.version == placement.version]
        if placement.kind == "rollback" and found:
            del stack[found[-1] + 1 :]
            continue
        if placement.kind == "rollback":
            while stack and stack[-1].version == placement.replaces:
                stack.pop()
        stack.append(Entry(placement.version, placement.id))
    return stack


def find_present(placements: Sequence[Placement]) -> str | None:
    """The version that the history leaves on the stage; None: none.

    >>> find_present([])
    """
    stack = stack_placements(placements)
    return stack[-1].version if stack else None


def find_previous(placements: Sequence[Placement]) -> Entry | None:
    """What a rollback gives back: the newest other version below the present one; None where there is none."""
    stack = stack_placements(placements)
    others = [entry for entry in stack if entry.version != stack[-1].version]
    return others[-1] if others else None


def is_signed_off(placements: Sequence[Placement], version: str) -> bool:
    """Whether a person put ``version`` on the stage, and nobody has rolled it back from there since."""
    signed = False
    for placement in _drop_failed(placements):
        if placement.kind == "promotion" and placement.version == version:
            signed = True
        elif placement.kind == "rollback" and placement.replaces == version:
            signed = False
    return signed


def _drop_failed(placements: Iterable[Placement]) -> list[Placement]:
    return [placement for placement in placements if placement.status != "failed"]
