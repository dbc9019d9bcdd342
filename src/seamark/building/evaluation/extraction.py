"""How well the skills of whole documents are predicted, and how honest the confidences are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seamark.building.evaluation.gold import LabelledText
from seamark.building.evaluation.labels import (
    LabelCounter,
    LabelResolver,
    merge_alternatives,
    sort_counts,
)
from seamark.building.evaluation.metrics import (
    PrecisionRecall,
    compute_calibration_error,
    compute_jaccard,
    compute_mean,
    score_micro,
    score_sets,
)
from seamark.building.evaluation.protocols import ProgressListener, SkillExtractor, ignore_progress
from seamark.errors import InputError

_BATCH = 16


@dataclass(frozen=True, slots=True)
class ExtractionCase:
    """A document with the skills that it should give.

    Attributes:
        text: the document.
        gold: one id for each gold label; empty where the annotators found none.
        aliases: ids that stand for the same label → the one in ``gold``.
    """

    text: str
    gold: frozenset[str]
    aliases: dict[str, str]


@dataclass(frozen=True, slots=True)
class ExtractionCases:
    """The documents to score, and what was left aside.

    Attributes:
        cases: in the order of the file.
        unresolved: labels that the taxonomy doesn't know → how often they stand in the file.
        left_out: documents that have labels, of which the taxonomy knows none.
    """

    cases: tuple[ExtractionCase, ...]
    unresolved: dict[str, int]
    left_out: int


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """The measures of an extraction evaluation, all 0-1.

    Attributes:
        n: documents scored.
        jaccard: averaged over documents.
        documents: precision, recall and F1, each averaged over documents.
        micro: precision, recall and F1 of all (document, skill) pairs pooled.
        ece: expected calibration error of the predicted pairs; ``None`` when nothing was predicted.
        predictions: predicted (document, skill) pairs.
        unresolved: see :class:`ExtractionCases`; likewise ``left_out``.
        left_out: see above.
    """

    n: int
    jaccard: float
    documents: PrecisionRecall
    micro: PrecisionRecall
    ece: float | None
    predictions: int
    unresolved: dict[str, int]
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The report as ``seamark evaluate extraction --json`` prints it."""
        return {
            "n": self.n,
            "jaccard": self.jaccard,
            "precision": self.documents.precision,
            "recall": self.documents.recall,
            "f1": self.documents.f1,
            "micro_precision": self.micro.precision,
            "micro_recall": self.micro.recall,
            "micro_f1": self.micro.f1,
            "ece": self.ece,
            "predictions": self.predictions,
            "unresolved": self.unresolved,
            "left_out": self.left_out,
        }


def make_extraction_cases(gold: Sequence[LabelledText], resolver: LabelResolver) -> ExtractionCases:
    """The documents with their gold skills.

    A document whose cell is empty or says "no label" should give no skill. One with labels of which
    the taxonomy knows none is left out: what it should give isn't known.

    Raises:
        InputError: a labels cell is a list of something else than texts.
    """
    counter = LabelCounter(resolver)
    made = [_make_case(doc, resolver, counter) for doc in gold]
    cases = tuple(case for case in made if case)
    return ExtractionCases(cases, sort_counts(counter.unresolved), len(made) - len(cases))


def _make_case(doc: LabelledText, resolver: LabelResolver, counter: LabelCounter) -> ExtractionCase | None:
    before = counter.unresolved.total()
    found = [counter.resolve(label) for label in resolver.split(doc.labels, where=doc.where)]
    aliases = merge_alternatives(group for group in found if group)
    if not aliases and counter.unresolved.total() > before:
        return None
    return ExtractionCase(doc.text, frozenset(aliases.values()), aliases)


def evaluate_extraction(
    extractor: SkillExtractor,
    gold: Sequence[LabelledText],
    *,
    on_progress: ProgressListener = ignore_progress,
) -> ExtractionReport:
    """How well ``extractor`` predicts the skills of the ``gold`` documents.

    Args:
        extractor: what is measured, at its own threshold; its taxonomy resolves the labels.
        gold: as :func:`~seamark.building.evaluation.gold.read_extraction_gold` gives it.
        on_progress: hears how many documents are done.

    Raises:
        InputError: no document is left to score.
    """
    asked = make_extraction_cases(gold, LabelResolver(extractor.taxonomy))
    if not asked.cases:
        raise _refuse(asked)
    predicted = list(_predict_all(extractor, asked.cases, on_progress))
    return _summarise(asked, predicted)


def _predict_all(
    extractor: SkillExtractor, cases: Sequence[ExtractionCase], on_progress: ProgressListener
) -> Iterator[dict[str, float]]:
    for start in range(0, len(cases), _BATCH):
        batch = cases[start : start + _BATCH]
        # A blank document has no skill; asking about one is an error elsewhere.
        asked = [case for case in batch if case.text.strip()]
        answers = iter(_predict(extractor, asked))
        yield from [next(answers) if case.text.strip() else {} for case in batch]
        on_progress(start + len(batch), len(cases))


def _predict(extractor: SkillExtractor, cases: Sequence[ExtractionCase]) -> list[dict[str, float]]:
    if not cases:
        return []
    predictions = extractor.extract_many([case.text for case in cases])
    answers: list[dict[str, float]] = []
    for case, prediction in zip(cases, predictions, strict=True):
        best: dict[str, float] = {}
        for skill in prediction.skills:
            skill_id = case.aliases.get(skill.skill_id, skill.skill_id)
            best[skill_id] = max(skill.confidence, best.get(skill_id, 0.0))
        answers.append(best)
    return answers


def _summarise(asked: ExtractionCases, predicted: Sequence[dict[str, float]]) -> ExtractionReport:
    pairs = [(set(found), set(case.gold)) for found, case in zip(predicted, asked.cases, strict=True)]
    scores = [score_sets(*pair) for pair in pairs]
    return ExtractionReport(
        n=len(pairs),
        jaccard=compute_mean([compute_jaccard(*pair) for pair in pairs]),
        documents=PrecisionRecall(
            precision=compute_mean([score.precision for score in scores]),
            recall=compute_mean([score.recall for score in scores]),
            f1=compute_mean([score.f1 for score in scores]),
        ),
        micro=score_micro(pairs),
        ece=_measure_calibration(asked.cases, predicted),
        predictions=sum(map(len, predicted)),
        unresolved=asked.unresolved,
        left_out=asked.left_out,
    )


def _measure_calibration(
    cases: Sequence[ExtractionCase], predicted: Sequence[dict[str, float]]
) -> float | None:
    outcomes = [
        (confidence, skill_id in case.gold)
        for case, found in zip(cases, predicted, strict=True)
        for skill_id, confidence in found.items()
    ]
    if not outcomes:
        return None
    return compute_calibration_error([value for value, _ in outcomes], [right for _, right in outcomes])


def _refuse(asked: ExtractionCases) -> InputError:
    examples = ", ".join(repr(label) for label in list(asked.unresolved)[:5])
    return InputError(
        f"no document to score: the taxonomy knows none of their labels ({examples}, …)",
        expected="labels that are titles or ids of the taxonomy",
        hint="is it the taxonomy that the gold names?",
    )
