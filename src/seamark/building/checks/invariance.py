"""Whether what should not matter does not: case, white space, order, and the batch around a text.

White space and the batch must change nothing. The order of sentences changes nothing in our extractor, but
lines that belong together may be torn apart, so a tenth is tolerated. Case is tolerated most: the encoder reads
lower-cased text, yet the span extractor sees the shapes of words, and ``SAP`` in a shouted line is no longer a
name. The shipped model agrees with itself to 0.97 (starter), 0.89 (ESCO 1.1.0) and 0.86 (SkillsFuture) there.
"""

from __future__ import annotations

from collections.abc import Sequence

from seamark.building.checks.result import CheckResult, conclude
from seamark.building.checks.subject import (
    CONFIDENCE_TOLERANCE,
    Subject,
    find_differences,
    name_skills,
    shorten,
)
from seamark.building.evaluation.metrics import compute_jaccard, compute_mean
from seamark.extraction.sentences import split_sentences

CASE, SPACE, ORDER, BATCH = "case", "white space", "order of sentences", "order of texts"

CASE_AGREEMENT = 0.75
"""Least mean Jaccard coefficient between a text's skills and those of the text in capitals or in small letters."""

ORDER_AGREEMENT = 0.9
"""Least mean Jaccard coefficient between a text's skills and those of its sentences in another order."""


def check_case(subject: Subject) -> CheckResult:
    """Whether texts in capitals (every second one) and in small letters (the others) keep most of their skills."""
    shouted = [str.lower(text) if i % 2 else str.upper(text) for i, text in enumerate(subject.samples)]
    return _check_agreement(subject, CASE, shouted, CASE_AGREEMENT)


def check_order(subject: Subject) -> CheckResult:
    """Whether a text whose sentences stand in the opposite order keeps its skills."""
    return _check_agreement(subject, ORDER, list(map(_reverse_sentences, subject.samples)), ORDER_AGREEMENT)


def check_space(subject: Subject) -> CheckResult:
    """Whether more white space, of any kind, leaves exactly the same skills."""
    threshold = subject.extractor.threshold
    found = subject.predict(list(map(_add_space, subject.samples)))
    changed = [
        f"“{shorten(text)}”: {name_skills(subject.release, differing)}"
        for text, one, other in zip(subject.samples, subject.predicted, found, strict=True)
        if (differing := find_differences(one, other, threshold=threshold, same_confidence=False))
    ]
    return conclude(
        SPACE,
        passed=not changed,
        found=f"{len(changed)} of {len(subject.samples)} texts with more white space give other skills",
        expected="the same skills for every one",
        hint="something counts characters where it should count words: look at what reads the text before the "
        "tokenizer does",
        examples=tuple(changed),
    )


def check_batch(subject: Subject) -> CheckResult:
    """Whether a text gives the same alone, in a batch, and in a batch in another order."""
    texts = list(subject.samples)
    alone = [subject.predict([text])[0] for text in texts]
    reverse = list(reversed(subject.predict(texts[::-1])))
    changed = [
        f"“{shorten(text)}”: {name_skills(subject.release, differing)}"
        for text, first, *others in zip(texts, alone, subject.predicted, reverse, strict=True)
        if (differing := _compare_all(subject, first, others))
    ]
    return conclude(
        BATCH,
        passed=not changed,
        found=f"{len(changed)} of {len(texts)} texts give something else in a batch than alone",
        expected=f"the same skills, confidences within {CONFIDENCE_TOLERANCE}",
        hint="a text must not see its neighbours: look for padding that is not masked, or a cache with too short a key",
        examples=tuple(changed),
    )


def _compare_all(subject: Subject, first: dict[str, float], others: Sequence[dict[str, float]]) -> set[str]:
    threshold = subject.extractor.threshold
    return {key for other in others for key in find_differences(first, other, threshold=threshold)}


def _check_agreement(subject: Subject, name: str, variants: Sequence[str], least: float) -> CheckResult:
    agreements, changed = [], []
    for text, one, other in zip(variants, subject.predicted, subject.predict(variants), strict=True):
        agreements.append(compute_jaccard(one, other))
        if agreements[-1] < least:
            changed.append(f"“{shorten(text)}”: {name_skills(subject.release, one.keys() ^ other.keys())}")
    mean = compute_mean(agreements)
    return conclude(
        name,
        passed=mean >= least - 1e-9,
        found=f"mean Jaccard {mean:.3f} between the skills before and after, {len(agreements)} texts",
        expected=f"at least {least}",
        hint="look at the examples: the skills that came or went show which words the model reads otherwise",
        examples=tuple(changed),
    )


def _add_space(text: str) -> str:
    """Two blanks, a tab and a no-break space for each blank, Windows line ends, blanks around lines and text."""
    return "\n " + text.replace(" ", "  \t\u00a0").replace("\n", "  \r\n") + " \n\n"


def _reverse_sentences(text: str) -> str:
    return "\n".join(sentence.text for sentence in reversed(split_sentences(text)))
