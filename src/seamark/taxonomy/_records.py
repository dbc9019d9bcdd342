"""A skill as a JSON record, and the digest of many."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from seamark.taxonomy.skill import Skill

TEXT_FIELDS = ("skill_id", "title", "description", "type", "status")
LIST_FIELDS = ("tags", "alternative_titles", "codes", "sectors", "proficiency_levels", "broader")
# `broader` is an order (the nearest first); a new order of the others is no change.
SET_FIELDS = tuple(name for name in LIST_FIELDS if name != "broader")
FIELDS = (
    "skill_id", "title", "description", "type", "tags", "alternative_titles",
    "codes", "sectors", "proficiency_levels", "broader", "status",
)  # fmt: skip


def make_record(skill: Skill) -> dict[str, Any]:
    """The skill's fields that differ from their defaults, lists as lists."""
    record: dict[str, Any] = {"skill_id": skill.skill_id, "title": skill.title}
    if skill.description:
        record["description"] = skill.description
    if skill.type:
        record["type"] = skill.type
    for name in LIST_FIELDS:
        if value := getattr(skill, name):
            record[name] = list(value)
    if skill.status != "active":
        record["status"] = skill.status
    return record


def parse_record(record: Mapping[str, Any]) -> Skill:
    """The skill that :func:`make_record` wrote; unknown keys are left out.

    Raises:
        KeyError: no ``skill_id`` or no ``title``.
    """
    texts = {name: str(record[name]) for name in TEXT_FIELDS[2:] if name in record}
    lists = {name: tuple(map(str, record[name])) for name in LIST_FIELDS if name in record}
    return Skill(str(record["skill_id"]), str(record["title"]), **texts, **lists)  # type: ignore[arg-type]


def hash_skills(skills: Iterable[Skill]) -> str:
    """SHA-256 in hex of the skills' content; their order, and that of their set-like lists, is no part.

    Fields at their default are left out, so that a new field does not change old digests.
    """
    digest = hashlib.sha256()
    encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
    for skill in sorted(skills, key=lambda item: item.skill_id):
        record = make_record(skill)
        for name in SET_FIELDS:
            if name in record:
                record[name].sort()
        digest.update(encode(record).encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()
