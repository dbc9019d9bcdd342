"""Refitting the ranker on labelled documents, from the ranker that is there.

Design choices:

- Documents are labelled as wholes, and a skill that a posting calls for is called for by one of its sentences. So of
  a relevant skill's candidates the one that the present ranker believes most is right, and so are those of sentences
  that hold a phrase which was said to call for it; its other candidates are neither right nor wrong. All candidates of
  a skill that is not relevant are wrong.
- A squared distance pulls the weights towards those of the start, the more so the fewer documents there are; the
  features' means and deviations stay. Few documents can't wreck it.
- Calibration and threshold are those of documents: of each skill's highest confidence in a document, which is what is
  predicted and what reviewers judge. They only move where validation holds enough to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seamark.building.champion.scoring import get_text
from seamark.building.data.documents import Dataset, LabelledDocument
from seamark.building.evaluation.labels import normalise_sentence
from seamark.building.evaluation.metrics import compute_calibration_error, score_counts
from seamark.building.ranker.examples import LabelledPairs
from seamark.building.ranker.fitting import fit_platt, tune_ranker
from seamark.extraction.extractor import SENTENCE_DEPTH, Extractor, Weighed
from seamark.extraction.ranking import FEATURES, Floats, Indices, Ranker

Flags = npt.NDArray[np.bool_]

_GRID = np.round(np.arange(0.05, 0.951, 0.01), 2)
"""Thresholds that are tried."""


@dataclass(frozen=True, slots=True)
class RefitRecipe:
    """Everything that decides what refitting gives, besides its data and its start.

    Attributes:
        steps: of Adam over all candidates at once.
        learning_rate: peak of a one-cycle schedule.
        pull: weight of the squared distance to the start, divided by the number of documents.
        sentence_depth: how many candidates a sentence gives by its own similarity.
        min_documents: documents of validation that a new ranker and a new threshold need.
        min_right: right skills of validation, and wrong ones, that a new calibration needs.
    """

    steps: int = 200
    learning_rate: float = 0.01
    pull: float = 0.2
    sentence_depth: int = 24
    min_documents: int = 20
    min_right: int = 50

    def to_dict(self) -> dict[str, Any]:
        """The recipe as a manifest holds it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RefitOutcome:
    """What refitting gave.

    Attributes:
        ranker: the ranker to use.
        threshold: the confidence from which a skill is predicted, 0-1.
        figures: what was done and how it went on validation: ``documents``; ``refitted``, ``calibrated`` and
            ``threshold_moved``; ``before`` and ``after``, each with ``threshold``, ``jaccard`` (mean of the documents),
            ``precision``, ``recall``, ``f1`` (over all predictions) and ``ece``.
    """

    ranker: Ranker
    threshold: float
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Candidates of documents: one row each.

    Attributes:
        docs: numbers of documents.
        skills: numbers of skills.
        features: ``(n, n_features)``.
        relevant: whether the document calls for the skill.
        named: whether a phrase in the candidate's sentence was said to call for the skill.
        refused: whether a phrase in its sentence was said not to.
    """

    docs: Indices
    skills: Indices
    features: Floats
    relevant: Flags
    named: Flags
    refused: Flags


@dataclass(frozen=True, slots=True)
class _Held:
    """The documents of validation.

    Attributes:
        candidates: of them.
        relevant: how many skills each calls for ``(n_docs,)``, those without a candidate among them.
    """

    candidates: _Candidates
    relevant: Indices


def refit_ranker(
    extractor: Extractor,
    dataset: Dataset,
    *,
    start: Ranker,
    recipe: RefitRecipe | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RefitOutcome:
    """The ranker refitted on the training documents, with calibration and threshold from validation.

    Args:
        extractor: finds the candidates, with the encoder and the taxonomy that the ranker will serve; its threshold is
            the one to start from, and what its own ranker says is not looked at.
        dataset: its test documents are not looked at.
        start: the present ranker.
        recipe: the settings.
        on_progress: told how many of how many documents are read.
    """
    recipe = recipe or RefitRecipe()
    train = [doc for doc in dataset.train if get_text(doc).strip()]
    validation = [doc for doc in dataset.validation if get_text(doc).strip()]
    told = _Counter(on_progress, len(train) + len(validation))
    fitted_on = _collect(extractor, train, told, depth=recipe.sentence_depth)
    held = _Held(
        _collect(extractor, validation, told, depth=SENTENCE_DEPTH, as_extracted=True),
        np.array([len(doc.relevant) for doc in validation], dtype=np.int64),
    )
    candidates = [start]
    if pairs := _choose_pairs(fitted_on, start):
        pull = recipe.pull / len(train)
        tuned = tune_ranker(start, pairs, steps=recipe.steps, learning_rate=recipe.learning_rate, pull=pull)
        candidates.append(tuned)
    return _choose(candidates, held, extractor.threshold, recipe)


def _choose(rankers: Sequence[Ranker], held: _Held, threshold: float, recipe: RefitRecipe) -> RefitOutcome:
    """The last of ``rankers`` that is no worse on validation, calibrated; without enough to tell, the last."""
    enough = len(held.relevant) >= recipe.min_documents
    tried = []
    for ranker in rankers:
        calibrated = _calibrate(ranker, held, recipe)
        limit = _find_threshold(calibrated, held) if enough else threshold
        tried.append((calibrated, limit, _measure(calibrated, held, limit)))
    best = len(tried) - 1
    if enough and tried[best][2]["jaccard"] < tried[0][2]["jaccard"]:
        best = 0
    ranker, limit, after = tried[best]
    source = rankers[best]
    figures = {
        "documents": len(held.relevant),
        "refitted": best > 0,
        "calibrated": (ranker.slope, ranker.shift) != (source.slope, source.shift),
        "threshold_moved": limit != threshold,
        "before": _measure(rankers[0], held, threshold),
        "after": after,
    }
    return RefitOutcome(ranker, limit, figures)


# ---- candidates and their labels


class _Counter:
    """Tells how many documents are read."""

    def __init__(self, listener: Callable[[int, int], None] | None, total: int) -> None:
        self._listener, self._total, self._done = listener, total, 0

    def add(self, n: int) -> None:
        self._done += n
        if self._listener and n:
            self._listener(self._done, self._total)


def _collect(
    extractor: Extractor,
    docs: Sequence[LabelledDocument],
    told: _Counter,
    *,
    depth: int,
    as_extracted: bool = False,
) -> _Candidates:
    """The candidates of ``docs``; ``as_extracted``, only those that extraction itself would weigh."""
    ids = [skill.skill_id for skill in extractor.taxonomy.active]
    texts = [get_text(doc) for doc in docs]
    parts, first = [], 0
    for batch, weighed in extractor.weigh(texts, sentence_depth=depth, all_sentences=not as_extracted):
        # texts without a candidate may have been left out before this batch
        while list(batch) != texts[first : first + len(batch)]:
            first += 1
        parts.append(_label(weighed, docs[first : first + len(batch)], first, ids))
        first += len(batch)
        told.add(len(batch))
    return _join(parts)


def _label(weighed: Weighed, docs: Sequence[LabelledDocument], first: int, ids: Sequence[str]) -> _Candidates:
    """The candidates of a batch whose first document has the number ``first``."""
    pairs = weighed.candidates.pairs
    owners = np.array([place.doc for place in weighed.places])[pairs.sentences]
    numbers = list(zip(owners.tolist(), pairs.sentences.tolist(), pairs.skills.tolist(), strict=True))
    right = [_find_judged(docs[unit.doc], unit.text, relevant=True) for unit in weighed.units]
    wrong = [_find_judged(docs[unit.doc], unit.text, relevant=False) for unit in weighed.units]
    return _Candidates(
        owners + first,
        pairs.skills,
        pairs.features,
        np.array([ids[skill] in docs[doc].relevant for doc, _, skill in numbers], dtype=bool),
        np.array([ids[skill] in right[unit] for _, unit, skill in numbers], dtype=bool),
        np.array([ids[skill] in wrong[unit] for _, unit, skill in numbers], dtype=bool),
    )


def _find_judged(doc: LabelledDocument, sentence: str, *, relevant: bool) -> set[str]:
    """The skills that a phrase in the sentence was said to call for, or not to."""
    text = normalise_sentence(sentence)
    return {
        phrase.skill_id
        for phrase in doc.phrases
        if phrase.relevant is relevant and text and normalise_sentence(phrase.text) in text
    }


def _join(parts: Sequence[_Candidates]) -> _Candidates:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        flags = np.zeros(0, dtype=bool)
        return _Candidates(none, none, np.zeros((0, len(FEATURES)), dtype=np.float32), flags, flags, flags)
    return _Candidates(
        np.concatenate([part.docs for part in parts]),
        np.concatenate([part.skills for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.relevant for part in parts]),
        np.concatenate([part.named for part in parts]),
        np.concatenate([part.refused for part in parts]),
    )


def _choose_pairs(found: _Candidates, start: Ranker) -> LabelledPairs | None:
    """The candidates that are known to be right or wrong; None where one of the two is missing."""
    best = np.zeros(len(found.docs), dtype=bool)
    best[_find_best(found, start.score(found.features))] = True
    right = found.named | (found.relevant & best & ~found.refused)
    known = right | ~found.relevant | found.refused
    if not right.any() or not (known & ~right).any():
        return None
    return LabelledPairs(found.features[known], right[known].astype(np.float32))


def _find_best(found: _Candidates, scores: Floats) -> Indices:
    """The candidate with the highest score of each (document, skill)."""
    order = np.lexsort((-scores, found.skills, found.docs))
    docs, skills = found.docs[order], found.skills[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = (docs[1:] != docs[:-1]) | (skills[1:] != skills[:-1])
    return order[opens]


# ---- calibration, threshold and figures: one row for each (document, skill)


def _calibrate(ranker: Ranker, held: _Held, recipe: RefitRecipe) -> Ranker:
    """The ranker with the calibration of validation; its own where there is too little, or it would turn around."""
    found = held.candidates
    best = _find_best(found, ranker.score(found.features))
    right = found.relevant[best]
    if min(int(right.sum()), int((~right).sum())) < recipe.min_right:
        return ranker
    slope, shift = fit_platt(ranker.score(found.features[best]), right.astype(np.float32))
    return replace(ranker, slope=slope, shift=shift) if slope > 0 else ranker


def _find_threshold(ranker: Ranker, held: _Held) -> float:
    """The threshold with the highest mean Jaccard; of equal ones the middle, away from the edges."""
    jaccards = np.array([_measure(ranker, held, threshold)["jaccard"] for threshold in _GRID.tolist()])
    best = np.flatnonzero(jaccards >= jaccards.max() - 1e-9)
    return float(_GRID[best[len(best) // 2]])


def _measure(ranker: Ranker, held: _Held, threshold: float) -> dict[str, float]:
    found = held.candidates
    confidences = ranker.rank(found.features)
    best = _find_best(found, confidences)
    docs, right = found.docs[best], found.relevant[best]
    predicted = confidences[best] >= threshold - 5e-5
    n_docs = len(held.relevant)
    hits = np.bincount(docs[right & predicted], minlength=n_docs)
    named = np.bincount(docs[predicted], minlength=n_docs)
    union = named + held.relevant - hits
    jaccard = np.where(union > 0, hits / np.maximum(union, 1), 1.0)
    scores = score_counts(int(hits.sum()), predicted=int(named.sum()), gold=int(held.relevant.sum()))
    return {
        "threshold": threshold,
        "jaccard": float(jaccard.mean()) if n_docs else 0.0,
        "precision": scores.precision,
        "recall": scores.recall,
        "f1": scores.f1,
        "ece": compute_calibration_error(confidences[best].tolist(), right.tolist()) if len(best) else 0.0,
    }
