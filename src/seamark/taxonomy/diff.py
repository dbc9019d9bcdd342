"""What changed between two taxonomies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seamark.taxonomy._records import SET_FIELDS
from seamark.taxonomy.skill import Skill
from seamark.taxonomy.taxonomy import Taxonomy

_OTHER_FIELDS = (*SET_FIELDS, "broader", "status")


@dataclass(frozen=True, slots=True)
class ChangedSkill:
    """A skill of both taxonomies that is not the same in both.

    Attributes:
        old: as it was.
        new: as it is.
        fields: the names of the fields that differ, in the order of :class:`Skill`.
    """

    old: Skill
    new: Skill
    fields: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The skill's id and title, and each field's old and new value."""
        changes = {
            name: _show_change(getattr(self.old, name), getattr(self.new, name)) for name in self.fields
        }
        return {"skill_id": self.new.skill_id, "title": self.new.title, "changes": changes}


def _show_change(old: Any, new: Any) -> dict[str, Any]:
    if not isinstance(old, tuple):
        return {"old": old, "new": new}
    added, removed = [item for item in new if item not in old], [item for item in old if item not in new]
    return {"added": added, "removed": removed} if added or removed else {"old": list(old), "new": list(new)}


@dataclass(frozen=True, slots=True)
class TaxonomyDiff:
    """What changed, each list in the order of skill_ids.

    A skill may stand in several lists: one with a new title and a new description is in both.

    Attributes:
        added: skills of the new taxonomy alone.
        removed: skills of the old one alone.
        retitled: another title.
        redescribed: another description.
        retyped: another type.
        changed_otherwise: another field: alternative titles, tags, codes, sectors, proficiency
            levels, broader groups, status. A new order is a change of ``broader`` only.
    """

    added: tuple[Skill, ...]
    removed: tuple[Skill, ...]
    retitled: tuple[ChangedSkill, ...]
    redescribed: tuple[ChangedSkill, ...]
    retyped: tuple[ChangedSkill, ...]
    changed_otherwise: tuple[ChangedSkill, ...]

    def __bool__(self) -> bool:
        """True where anything changed."""
        return any(self.counts.values())

    @property
    def changed(self) -> tuple[ChangedSkill, ...]:
        """Every skill that changed, once, in the order of skill_ids."""
        lists = (self.retitled, self.redescribed, self.retyped, self.changed_otherwise)
        by_id = {change.new.skill_id: change for changes in lists for change in changes}
        return tuple(by_id[skill_id] for skill_id in sorted(by_id))

    @property
    def counts(self) -> dict[str, int]:
        """How long each list is."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "retitled": len(self.retitled),
            "redescribed": len(self.redescribed),
            "retyped": len(self.retyped),
            "changed_otherwise": len(self.changed_otherwise),
        }

    def to_dict(self) -> dict[str, Any]:
        """The counts and every change, ready for JSON."""
        return {
            "counts": self.counts,
            "added": [{"skill_id": skill.skill_id, "title": skill.title} for skill in self.added],
            "removed": [{"skill_id": skill.skill_id, "title": skill.title} for skill in self.removed],
            "changed": [change.to_dict() for change in self.changed],
        }


def diff_taxonomies(old: Taxonomy, new: Taxonomy) -> TaxonomyDiff:
    """What changed from ``old`` to ``new``; skills are the same where their skill_id is."""
    before = {skill.skill_id: skill for skill in old}
    after = {skill.skill_id: skill for skill in new}
    changes = [
        ChangedSkill(before[skill_id], after[skill_id], fields)
        for skill_id in sorted(before.keys() & after.keys())
        if (fields := tuple(_find_changes(before[skill_id], after[skill_id])))
    ]
    return TaxonomyDiff(
        added=tuple(after[skill_id] for skill_id in sorted(after.keys() - before.keys())),
        removed=tuple(before[skill_id] for skill_id in sorted(before.keys() - after.keys())),
        retitled=tuple(change for change in changes if "title" in change.fields),
        redescribed=tuple(change for change in changes if "description" in change.fields),
        retyped=tuple(change for change in changes if "type" in change.fields),
        changed_otherwise=tuple(change for change in changes if set(change.fields) & set(_OTHER_FIELDS)),
    )


def _find_changes(old: Skill, new: Skill) -> Iterator[str]:
    if old == new:
        return
    for name in ("title", "description", "type"):
        if getattr(old, name) != getattr(new, name):
            yield name
    for name in _OTHER_FIELDS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after and (name not in SET_FIELDS or sorted(before) != sorted(after)):
            yield name
