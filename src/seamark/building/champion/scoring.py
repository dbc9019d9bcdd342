"""Scoring a model on labelled documents, one document at a time, so that two models can be paired.

Design choices:

- What is kept of a document is enough to work every measure out again: the evidence is read back
  without the model.
- A gold skill that the taxonomy doesn't hold, or has retired, can't be predicted and counts as missed.
  :attr:`DocumentScore.unknown` names it.
- A document of which only phrases are known is read as these phrases, one on each line.
- Time is taken first and one document at a time, as a service meets them: the encoder remembers phrases,
  so a text that was read before would be answered faster than a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, Protocol

from seamark.building.champion.measures import Measures, summarise
from seamark.building.champion.timing import measure
from seamark.building.data.documents import LabelledDocument
from seamark.building.evaluation.linking import DEPTH
from seamark.building.evaluation.metrics import (
    compute_jaccard,
    compute_reciprocal_rank,
    compute_rp_at,
    score_sets,
)
from seamark.building.evaluation.protocols import ProgressListener, Ranking, ignore_progress
from seamark.errors import InputError
from seamark.extraction.result import Prediction
from seamark.taxonomy import Taxonomy

TIMED_DOCUMENTS = 50
"""Documents at most whose time is taken."""

_BATCH = 16
_EXCERPT = 360
_WARM_UP = "We look for someone who is good with people and with numbers."


class ScoredExtractor(Protocol):
    """What scoring asks of an extractor."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The skills that may be predicted: its active ones."""

    @property
    def model_version(self) -> str:
        """The version that answers."""

    def extract_many(self, texts: Sequence[str]) -> Sequence[Prediction]:
        """A prediction for each text."""

    def rank_many(self, texts: Sequence[str], *, depth: int = DEPTH) -> Sequence[Ranking]:
        """The ``depth`` best skills for each text, by the whole pipeline."""


@dataclass(frozen=True, slots=True)
class ScoredSkill:
    """What a report needs to know about a skill.

    Attributes:
        title: its title; its id where the taxonomy doesn't hold it.
        type: its type; may be empty.
    """

    title: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """How one document went. Shares lie in 0-1.

    Attributes:
        document_id: the document.
        kind: posting, course or other.
        sector: may be empty.
        excerpt: the beginning of its text.
        gold: ids of the skills it calls for, sorted.
        rejected: ids that a reviewer said it does not call for, sorted.
        unknown: those of ``gold`` that the taxonomy does not hold or has retired, sorted.
        predicted: predicted id → confidence.
        jaccard: of predicted and gold ids.
        precision: of the predicted ids.
        recall: of the gold ids.
        f1: their harmonic mean.
        reciprocal_rank: of the first gold skill in the ranking; None without a gold skill.
        rp_at_1: R-precision at 1, likewise at 5 and 10; None without a gold skill.
        rp_at_5: see above.
        rp_at_10: see above.
        seconds: what the document alone took; None where it was not timed.
    """

    document_id: str
    kind: str
    sector: str
    excerpt: str
    gold: tuple[str, ...]
    rejected: tuple[str, ...]
    unknown: tuple[str, ...]
    predicted: Mapping[str, float]
    jaccard: float
    precision: float
    recall: float
    f1: float
    reciprocal_rank: float | None = None
    rp_at_1: float | None = None
    rp_at_5: float | None = None
    rp_at_10: float | None = None
    seconds: float | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> DocumentScore:
        """The score that :meth:`Scores.to_dict` wrote."""
        lists = {name: tuple(record[name]) for name in ("gold", "rejected", "unknown")}
        return cls(**{**record, **lists, "predicted": dict(record["predicted"])})


@dataclass(frozen=True)
class Scores:
    """How a model did on a set of documents.

    Attributes:
        version: the model's.
        taxonomy: name and version of its taxonomy.
        taxonomy_digest: SHA-256 in hex of that.
        documents: one score a document, by document_id.
        skills: every skill that is gold, rejected or predicted somewhere, by its id.
    """

    version: str
    taxonomy: str
    taxonomy_digest: str
    documents: tuple[DocumentScore, ...]
    skills: Mapping[str, ScoredSkill] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> Measures:
        """The measures of all documents together (docs/explanation/champion-contender.md); None: not measurable."""
        return summarise(self.documents)

    def to_dict(self) -> dict[str, Any]:
        """The scores, ready for JSON; :meth:`from_dict` reads them back."""
        return {
            "format": 1,
            "version": self.version,
            "taxonomy": self.taxonomy,
            "taxonomy_digest": self.taxonomy_digest,
            "metrics": dict(self.metrics),
            "skills": {skill_id: asdict(skill) for skill_id, skill in self.skills.items()},
            "documents": [asdict(document) for document in self.documents],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """The scores that :meth:`to_dict` wrote; measures are worked out again.

        Raises:
            InputError: it is something else.
        """
        try:
            documents = tuple(DocumentScore.from_dict(document) for document in record["documents"])
            skills = {skill_id: ScoredSkill(**skill) for skill_id, skill in record["skills"].items()}
            return cls(record["version"], record["taxonomy"], record["taxonomy_digest"], documents, skills)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"these scores can't be read ({type(error).__name__}: {error})",
                expected="what Scores.to_dict gave",
            ) from error


def score_documents(
    extractor: ScoredExtractor,
    documents: Sequence[LabelledDocument],
    *,
    version: str | None = None,
    on_progress: ProgressListener = ignore_progress,
) -> Scores:
    """How well ``extractor`` predicts the skills of ``documents``, at its own threshold.

    Args:
        extractor: what is scored; freshly opened, or its times are too good.
        documents: each with a text or phrases; their order changes nothing.
        version: what the scores call the model; default: the extractor's own version.
        on_progress: hears how many documents are done.

    Raises:
        InputError: there is no document, or a document_id stands twice.
    """
    ordered = _check_documents(documents)
    seconds = _take_time(extractor, ordered)
    scored = tuple(_score_all(extractor, ordered, seconds, on_progress))
    taxonomy = extractor.taxonomy
    return Scores(
        version=extractor.model_version if version is None else version,
        taxonomy=f"{taxonomy.name}@{taxonomy.version}" if taxonomy.version else taxonomy.name,
        taxonomy_digest=taxonomy.digest,
        documents=scored,
        skills=_describe_skills(taxonomy, scored),
    )


def get_text(document: LabelledDocument) -> str:
    """The document's text; where only phrases are known, these, one on each line, in order."""
    if document.text.strip():
        return document.text
    return "\n".join(dict.fromkeys(phrase.text for phrase in document.phrases))


def _check_documents(documents: Sequence[LabelledDocument]) -> list[LabelledDocument]:
    ordered = sorted(documents, key=lambda document: document.document_id)
    if not ordered:
        raise InputError("there is no document to score", expected="a test split with at least one document")
    for one, other in pairwise(ordered):
        if one.document_id == other.document_id:
            raise InputError(f"the document {one.document_id!r} stands twice", expected="every document once")
    return ordered


def _take_time(extractor: ScoredExtractor, documents: Sequence[LabelledDocument]) -> dict[str, float]:
    """Seconds of each document of a sample that is the same for every model."""
    extractor.extract_many([_WARM_UP])
    written = [document for document in documents if get_text(document).strip()]
    seconds = {}
    for document in sorted(written, key=_hash)[:TIMED_DOCUMENTS]:
        text = get_text(document)
        seconds[document.document_id] = measure(partial(extractor.extract_many, [text])).seconds
    return seconds


def _hash(document: LabelledDocument) -> str:
    return hashlib.sha256(document.document_id.encode("utf-8", "surrogatepass")).hexdigest()


def _score_all(
    extractor: ScoredExtractor,
    documents: Sequence[LabelledDocument],
    seconds: Mapping[str, float],
    on_progress: ProgressListener,
) -> Iterator[DocumentScore]:
    active = {skill.skill_id for skill in extractor.taxonomy.active}
    for start in range(0, len(documents), _BATCH):
        batch = documents[start : start + _BATCH]
        texts = [get_text(document) for document in batch]
        predictions = _ask(extractor.extract_many, texts)
        rankings = _ask(lambda asked: extractor.rank_many(asked, depth=DEPTH), texts)
        for document, prediction, ranking in zip(batch, predictions, rankings, strict=True):
            yield _score(document, prediction, ranking, active, seconds.get(document.document_id))
        on_progress(start + len(batch), len(documents))


def _ask(ask: Any, texts: Sequence[str]) -> list[Any]:
    """An answer for each text, None for a blank one, which nobody is asked about."""
    answers = iter(ask([text for text in texts if text.strip()]) if any(map(str.strip, texts)) else ())
    return [next(answers) if text.strip() else None for text in texts]


def _score(
    document: LabelledDocument,
    prediction: Prediction | None,
    ranking: Ranking | None,
    active: set[str],
    seconds: float | None,
) -> DocumentScore:
    predicted = {skill.skill_id: skill.confidence for skill in prediction.skills} if prediction else {}
    ranked = [skill_id for skill_id, _ in ranking or ()]
    gold = document.relevant
    scored = score_sets(predicted, gold)
    rp = {k: compute_rp_at(ranked, gold, k) if gold else None for k in (1, 5, 10)}
    return DocumentScore(
        document_id=document.document_id,
        kind=document.kind,
        sector=document.sector,
        excerpt=_shorten(get_text(document)),
        gold=tuple(sorted(gold)),
        rejected=tuple(sorted(document.rejected)),
        unknown=tuple(sorted(gold - active)),
        predicted=predicted,
        jaccard=compute_jaccard(predicted, gold),
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        reciprocal_rank=compute_reciprocal_rank(ranked, gold) if gold else None,
        rp_at_1=rp[1],
        rp_at_5=rp[5],
        rp_at_10=rp[10],
        seconds=seconds,
    )


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1].rstrip()}…"


def _describe_skills(taxonomy: Taxonomy, documents: Sequence[DocumentScore]) -> dict[str, ScoredSkill]:
    met = {
        skill_id
        for document in documents
        for ids in (document.gold, document.rejected, document.predicted)
        for skill_id in ids
    }
    return {skill_id: _describe(taxonomy, skill_id) for skill_id in sorted(met)}


def _describe(taxonomy: Taxonomy, skill_id: str) -> ScoredSkill:
    skill = taxonomy.get(skill_id)
    return ScoredSkill(skill.title, skill.type) if skill else ScoredSkill(skill_id)
