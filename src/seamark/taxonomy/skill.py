"""A skill: one entry of a taxonomy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """One recognised skill.

    Attributes:
        skill_id: its identifier in the taxonomy (an ESCO URI, an O*NET element ID, …).
        title: its preferred name.
        description: what it means; may be empty.
        type: ``tsc``, ``ccs``, ``skill/competence``, ``knowledge``, …; may be empty.
        tags: such as ``Emerging TSC``.
        alternative_titles: other names, without the title itself.
        codes: codes that the taxonomy's owner uses for it (TSC codes, …).
        sectors: where it is used.
        proficiency_levels: the levels at which it is defined, as the source writes them.
        broader: titles of the groups above it, the nearest first.
        status: ``active`` or ``retired``; retired skills are kept but never predicted.
    """

    skill_id: str
    title: str
    description: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    alternative_titles: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    proficiency_levels: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    status: str = "active"
