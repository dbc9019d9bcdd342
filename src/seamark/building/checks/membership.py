"""Whether every skill that is ever given is one of the release's."""

from __future__ import annotations

from seamark.building.checks.result import CheckResult, conclude
from seamark.building.checks.subject import Subject, shorten

KNOWN_IDS = "ids of the release"

DEPTH = 200
"""How deep the rankings are that are looked through besides the predictions."""


def check_known_ids(subject: Subject) -> CheckResult:
    """Whether predictions, and rankings far below the threshold, hold active skills of the release alone."""
    allowed = {skill.skill_id for skill in subject.release.active}
    rankings = subject.extractor.rank_many(subject.samples, depth=DEPTH)
    strangers: dict[str, str] = {}
    seen = 0
    for text, predicted, ranking in zip(subject.samples, subject.predicted, rankings, strict=True):
        ids = {*predicted, *(skill_id for skill_id, _ in ranking)}
        seen += len(ids)
        strangers = dict.fromkeys(sorted(ids - allowed), text) | strangers
    return conclude(
        KNOWN_IDS,
        passed=not strangers,
        found=f"{len(strangers):,} ids outside the release among {seen:,} given for {len(subject.samples)} texts",
        expected="none: only active skills of the release",
        hint="the bundle's vectors or its taxonomy are of another release: build it again from the release",
        examples=tuple(f"{skill_id} for “{shorten(text)}”" for skill_id, text in strangers.items()),
    )
