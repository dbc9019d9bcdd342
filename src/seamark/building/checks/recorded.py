"""Whether a bundle, loaded from the store, predicts again what it predicted when it was written."""

from __future__ import annotations

from seamark.building.checks.result import CheckResult, conclude, leave_out
from seamark.building.checks.subject import (
    CONFIDENCE_TOLERANCE,
    Subject,
    find_differences,
    name_skills,
    shorten,
)

RECORDED = "recorded predictions"


def check_recorded(subject: Subject) -> CheckResult:
    """Whether every recorded text gives the same skills again, confidences within the tolerance."""
    if not subject.recorded:
        return leave_out(RECORDED, "the candidate came without recorded predictions")
    predicted = subject.predict([record.text for record in subject.recorded])
    threshold = subject.extractor.threshold
    changed = [
        f"“{shorten(record.text)}”: {name_skills(subject.release, differing)}"
        for record, found in zip(subject.recorded, predicted, strict=True)
        if (differing := find_differences(record.skills, found, threshold=threshold))
    ]
    same = len(subject.recorded) - len(changed)
    return conclude(
        RECORDED,
        passed=not changed,
        found=f"{same} of {len(subject.recorded)} recorded texts are predicted again",
        expected=f"all, with the same skills and confidences within {CONFIDENCE_TOLERANCE}",
        hint="what was stored is not what was tried: verify the bundle's files, and compare engine and package "
        "versions with those in its manifest",
        examples=tuple(changed),
    )
