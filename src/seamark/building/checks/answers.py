"""Whether texts with known answers get them."""

from __future__ import annotations

from seamark.building.champion.scoring import get_text
from seamark.building.checks.result import CheckResult, conclude, leave_out
from seamark.building.checks.subject import Subject, index_titles, name_skills, shorten, spread
from seamark.building.evaluation.metrics import score_micro
from seamark.taxonomy import Taxonomy, normalise_title
from seamark.taxonomy.samples import read_samples

SENTENCES, SAMPLES, DOCUMENTS = "known sentences", "sample texts", "own documents"

TEMPLATES = (
    "You will be responsible for {} and report to the manager.",
    "Experience in {} is required.",
    "We are looking for someone with good knowledge of {}.",
    "In this course you learn {}.",
)
"""Sentences around a skill's title; each skill takes one of them."""

SENTENCE_SKILLS = 200
"""Skills at most that are asked for in a sentence."""

SENTENCE_SHARE = 0.9
"""Least share of sentences whose skill must be predicted. The shipped model has 0.98 or more."""

SAMPLE_F1 = 0.45
"""Least micro F1 on the starter's sample texts. The shipped model has 0.6."""

DOCUMENT_SHARE = 0.25
"""Least share of the workspace's own documents of which at least one skill must be predicted."""

MAX_DOCUMENTS = 200
"""Documents at most that are tried, the first by document_id."""


def check_sentences(subject: Subject) -> CheckResult:
    """Whether a plain sentence with a skill's title in it gives that skill."""
    skills = spread(subject.release.active, SENTENCE_SKILLS)
    if not skills:
        return leave_out(SENTENCES, "the release has no active skill")
    texts = [TEMPLATES[i % len(TEMPLATES)].format(skill.title) for i, skill in enumerate(skills)]
    titled = index_titles(subject.release)
    missed = [
        f"“{shorten(text)}” gives {name_skills(subject.release, predicted) or 'nothing'}"
        for skill, text, predicted in zip(skills, texts, subject.predict(texts), strict=True)
        if titled[normalise_title(skill.title)].isdisjoint(predicted)
    ]
    found = len(texts) - len(missed)
    return conclude(
        SENTENCES,
        passed=found >= SENTENCE_SHARE * len(texts) - 1e-9,
        found=f"{found} of {len(texts)} sentences give the skill whose title stands in them",
        expected=f"at least {SENTENCE_SHARE:.0%}",
        hint="if rankings are right and predictions are not, the threshold or the ranker does not suit this taxonomy: "
        "fit the ranker again",
        examples=tuple(missed),
    )


def check_samples(subject: Subject) -> CheckResult:
    """Whether the starter's sample texts give what a careful reader found; asked of the starter taxonomy only."""
    if subject.release.digest != Taxonomy.starter().digest:
        return leave_out(
            SAMPLES, "the sample texts are labelled with the starter taxonomy, which this is not"
        )
    samples = read_samples()
    predicted = subject.predict([sample.text for sample in samples])
    pairs = list(zip(predicted, (sample.expected for sample in samples), strict=True))
    micro = score_micro(pairs)
    missed = [
        f"“{sample.title}” gives none of {name_skills(subject.release, sample.expected)}"
        for sample, found in zip(samples, predicted, strict=True)
        if set(sample.expected).isdisjoint(found)
    ]
    return conclude(
        SAMPLES,
        passed=micro.f1 >= SAMPLE_F1,
        found=f"micro F1 {micro.f1:.3f} over {len(samples)} texts (precision {micro.precision:.3f}, "
        f"recall {micro.recall:.3f})",
        expected=f"at least {SAMPLE_F1}",
        hint="look at the sample texts with `seamark demo`: are the spans found, or is it their skills that are wrong?",
        examples=tuple(missed),
    )


def check_documents(subject: Subject) -> CheckResult:
    """Whether the workspace's own labelled documents get at least one of their skills, often enough."""
    known = [document for document in subject.documents if document.relevant and get_text(document).strip()]
    documents = sorted(known, key=lambda document: document.document_id)[:MAX_DOCUMENTS]
    if not documents:
        return leave_out(DOCUMENTS, "there is no labelled document to try")
    predicted = subject.predict([get_text(document) for document in documents])
    missed = [
        f"{document.document_id} gives none of {name_skills(subject.release, document.relevant)}"
        for document, found in zip(documents, predicted, strict=True)
        if document.relevant.isdisjoint(found)
    ]
    found = len(documents) - len(missed)
    return conclude(
        DOCUMENTS,
        passed=found >= DOCUMENT_SHARE * len(documents) - 1e-9,
        found=f"{found} of {len(documents)} documents give at least one of their skills",
        expected=f"at least {DOCUMENT_SHARE:.0%}",
        hint="are the labels those of this taxonomy? If they are, the model has lost what it knew: compare it with "
        "the champion's report",
        examples=tuple(missed),
    )
