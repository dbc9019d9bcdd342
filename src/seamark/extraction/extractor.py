"""Text in, skills out: the extractor, which puts the parts together."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seamark.extraction.candidates import Candidates, Phrase, Unit, collect_candidates
from seamark.extraction.document import Document
from seamark.extraction.encoder import Encoder, Vectors
from seamark.extraction.matching import Matcher
from seamark.extraction.names import NameIndex
from seamark.extraction.ranking import FEATURES, Floats, Indices, Ranker, order_skills
from seamark.extraction.result import FULL_TEXT, ExtractedSkill, Prediction, Span, SpanLabel, make_prediction
from seamark.extraction.sentences import Sentence, split_sentences
from seamark.extraction.spans.protocol import SpanExtractor
from seamark.extraction.text import check_text

if TYPE_CHECKING:
    from seamark.taxonomy import Taxonomy

SENTENCE_DEPTH = 4
"""Candidates that a sentence gives by its own similarity when skills are extracted."""

_ENDINGS = " ;,:.!?"

_PHRASE_SIMILARITY = FEATURES.index("phrase similarity")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit comes from.

    Attributes:
        doc: number of its document among those weighed together.
        sentence: None for a whole text.
    """

    doc: int
    sentence: Sentence | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """Candidates that were weighed.

    Attributes:
        units: the sentences, then the texts as wholes.
        places: where each unit comes from.
        candidates: with their features.
        confidences: one for each of ``candidates.pairs``, 0-1.
    """

    units: list[Unit]
    places: list[Place]
    candidates: Candidates
    confidences: Floats


class Extractor:
    """Names the skills of a taxonomy that a text calls for.

    Make one with :meth:`load`; it may be used from several threads at once.

    Args:
        taxonomy: the skills that may be predicted: its active ones.
        spans: finds the phrases.
        encoder: makes the vectors.
        matcher: over the vectors of ``taxonomy.active``, in their order.
        ranker: candidates to confidences.
        model_version: what predictions say answered.
        threshold: skills of lower confidence are left out, 0-1.
        top: how many skills at most; 0 gives all above the threshold.
        chunk_size: sentences worked on at a time; bounds memory, changes no result.

    >>> extractor = Extractor.load()                                     # doctest: +SKIP
    >>> prediction = extractor.extract("You write SQL and teach it.")    # doctest: +SKIP
    >>> [skill.title for skill in prediction.skills]                     # doctest: +SKIP
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        spans: SpanExtractor,
        encoder: Encoder,
        matcher: Matcher,
        ranker: Ranker,
        model_version: str,
        threshold: float = 0.5,
        top: int = 0,
        chunk_size: int = 1024,
    ) -> None:
        self.taxonomy = taxonomy
        self.model_version = model_version
        self.threshold = threshold
        self.top = top
        self.chunk_size = chunk_size
        self._spans = spans
        self._encoder = encoder
        self._matcher = matcher
        self._ranker = ranker
        self._skills = taxonomy.active
        self._ids = [skill.skill_id for skill in self._skills]
        self._knowledge = _find_knowledge([skill.type for skill in self._skills])
        titles = ((i, skill.title) for i, skill in enumerate(self._skills))
        others = ((i, name) for i, skill in enumerate(self._skills) for name in skill.alternative_titles)
        self._names = NameIndex((*titles, *others))

    @classmethod
    def load(
        cls,
        taxonomy: str | Path | Taxonomy | None = None,
        model: str | Path = "default",
        *,
        threshold: float | None = None,
        top: int = 0,
    ) -> Extractor:
        """An extractor for a taxonomy.

        Args:
            taxonomy: a name (``starter``, or an imported one), a file, a folder, or a :class:`Taxonomy`;
                default: ``starter``, and a model version's own.
            model: ``default``, the name of a base model, the folder of a model version's bundle, or one with a
                ``model.json``.
            threshold: least confidence of a skill, 0-1; default: the model's own.
            top: how many skills at most; 0 gives all above the threshold.

        Raises:
            UsageError: there is no such taxonomy or model.
            TaxonomyError: the taxonomy can't be read.
            WeightsError: the model is damaged or can't be fetched.
        """
        from seamark.extraction.models import make_extractor  # which needs this class

        return make_extractor(taxonomy, model=model, threshold=threshold, top=top)

    def extract(self, text: str | Document) -> Prediction:
        """The skills that one text calls for; none for a blank text.

        Raises:
            InputError: ``text`` is not text, or longer than 1,000,000 characters.
        """
        return self.extract_many([text])[0]

    def extract_many(self, texts: Iterable[str | Document]) -> list[Prediction]:
        """A prediction for each text, in their order; each as :meth:`extract` gives it.

        Raises:
            InputError: one of them is not text, or longer than 1,000,000 characters.
        """
        checked = [_get_text(text) for text in texts]
        predictions = []
        for docs in self._cut(checked):
            weighed = self._weigh(docs, self._find_units(docs), sentence_depth=SENTENCE_DEPTH)
            skills = self._gather(weighed, [text for text, _ in docs])
            predictions += [self._predict(text, own) for (text, _), own in zip(docs, skills, strict=True)]
        return predictions

    def find_spans(self, text: str) -> list[Span]:
        """The spans of a text, by start, offsets within it."""
        sentences = split_sentences(check_text(text))
        found = self._spans.extract_spans([sentence.text for sentence in sentences])
        return [
            _locate(span, sentence, text)
            for sentence, spans in zip(sentences, found, strict=True)
            for span in spans
        ]

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        """The ``depth`` best skills for each text with their confidences, best first.

        The whole pipeline without its threshold: every sentence is weighed, also one that names
        nothing.
        """
        checked = [_get_text(text) for text in texts]
        rankings: list[list[tuple[str, float]]] = []
        for docs in self._cut(checked):
            units = self._find_units(docs, all_sentences=True)
            rankings += self._rank(self._weigh(docs, units, sentence_depth=depth), len(docs), depth)
        return rankings

    def rank_phrases(
        self, phrases: Sequence[str], *, contexts: Sequence[str] | None = None, depth: int = 100
    ) -> list[list[tuple[str, float]]]:
        """The ``depth`` best skills for each phrase with their confidences, best first.

        Args:
            phrases: what to match, taken as spans that are certain.
            contexts: the sentence in which each phrase stands; default: the phrase itself.
            depth: how many skills.
        """
        contexts = phrases if contexts is None else contexts
        docs: list[tuple[str, list[Sentence]]] = [(context, []) for context in contexts]
        units = []
        for i, (phrase, context) in enumerate(zip(phrases, contexts, strict=True)):
            named = {skill for skill, start, end in self._names.find(phrase) if end - start == len(phrase)}
            skill = min(named, default=-1)
            span = Span(0, len(phrase), phrase, self._get_label(skill), 1.0)
            units.append((Unit(i, context, [Phrase(span, skill)]), Place(i, None)))
        weighed = self._weigh(docs, units, sentence_depth=1, phrase_depth=depth)
        return self._rank(weighed, len(docs), depth)

    def weigh(
        self, texts: Sequence[str], *, sentence_depth: int, all_sentences: bool = True
    ) -> Iterator[tuple[Sequence[str], Weighed]]:
        """All candidates of all sentences with their features, some texts at a time: what a ranker is fitted on.

        Texts that give no candidate may be left out.

        Args:
            texts: the documents.
            sentence_depth: how many candidates a sentence gives by its own similarity.
            all_sentences: also those that name nothing, which extraction passes over.
        """
        for docs in self._cut([_get_text(text) for text in texts]):
            units = self._find_units(docs, all_sentences=all_sentences)
            weighed = self._weigh(docs, units, sentence_depth=sentence_depth)
            if weighed:
                yield [text for text, _ in docs], weighed

    # ---- the steps

    def _cut(self, texts: Sequence[str]) -> Iterator[list[tuple[str, list[Sentence]]]]:
        """Documents with their sentences, as many at a time as hold ``chunk_size`` sentences."""
        docs: list[tuple[str, list[Sentence]]] = []
        n_sentences = 0
        for text in texts:
            sentences = split_sentences(text)
            if docs and n_sentences + len(sentences) > self.chunk_size:
                yield docs
                docs, n_sentences = [], 0
            docs.append((text, sentences))
            n_sentences += len(sentences)
        if docs:
            yield docs

    def _find_units(
        self, docs: Sequence[tuple[str, list[Sentence]]], *, all_sentences: bool = False
    ) -> list[tuple[Unit, Place]]:
        """The sentences that name something, or all of them."""
        places = [(doc, sentence) for doc, (_, sentences) in enumerate(docs) for sentence in sentences]
        texts = [sentence.text for _, sentence in places]
        spans: list[list[Span]] = []
        for start in range(0, len(texts), self.chunk_size):
            spans += self._spans.extract_spans(texts[start : start + self.chunk_size])
        units = []
        for (doc, sentence), found in zip(places, spans, strict=True):
            phrases = self._find_phrases(sentence.text, found)
            if phrases or all_sentences:
                units.append((Unit(doc, sentence.text, phrases), Place(doc, sentence)))
        return units

    def _find_phrases(self, sentence: str, spans: Sequence[Span]) -> list[Phrase]:
        """The extractor's spans, and the names of skills that stand in the sentence to the letter."""
        named = {(start, end): skill for skill, start, end in self._names.find(sentence)}
        spans = [_trim(span) for span in spans]
        phrases = [Phrase(span, named.pop((span.start, span.end), -1)) for span in spans]
        for (start, end), skill in named.items():
            name = sentence[start:end]
            score = _cover(start, end, name, spans)
            phrases.append(Phrase(Span(start, end, name, self._get_label(skill), score), skill, found=False))
        return sorted(phrases, key=lambda phrase: (phrase.span.start, phrase.span.end))

    def _get_label(self, skill: int) -> SpanLabel:
        return "knowledge" if skill >= 0 and self._knowledge[skill] > 0.5 else "skill"

    def _weigh(
        self,
        docs: Sequence[tuple[str, list[Sentence]]],
        found: Sequence[tuple[Unit, Place]],
        *,
        sentence_depth: int,
        phrase_depth: int | None = None,
    ) -> Weighed | None:
        """Candidates and confidences of the units, and of each text as a whole."""
        if not found or not self._skills:
            return None
        units, places = [unit for unit, _ in found], [place for _, place in found]
        vectors = self._encoder.encode([unit.text for unit in units], remember=True)
        owners = np.array([unit.doc for unit in units])
        whole = _average(vectors, owners, [len(unit.text) for unit in units], len(docs))
        several = [doc for doc, n in enumerate(np.bincount(owners, minlength=len(docs))) if n > 1]
        units += [Unit(doc, "") for doc in several]
        places += [Place(doc, None) for doc in several]
        candidates = collect_candidates(
            units,
            np.concatenate([vectors, whole[several]]),
            whole[[unit.doc for unit in units]],
            self._matcher,
            self._knowledge,
            sentence_depth=sentence_depth,
            phrase_depth=phrase_depth,
        )
        return Weighed(units, places, candidates, self._ranker.rank(candidates.pairs.features))

    def _rank(self, weighed: Weighed | None, n_docs: int, depth: int) -> list[list[tuple[str, float]]]:
        best: list[dict[int, float]] = [{} for _ in range(n_docs)]
        if weighed:
            pairs = weighed.candidates.pairs
            for unit, skill, confidence in zip(
                pairs.sentences.tolist(), pairs.skills.tolist(), weighed.confidences.tolist(), strict=True
            ):
                own = best[weighed.units[unit].doc]
                own[skill] = max(own.get(skill, 0.0), confidence)
        ranked = (sorted(own, key=lambda skill: (-own[skill], self._ids[skill]))[:depth] for own in best)
        return [
            [(self._ids[skill], own[skill]) for skill in row] for own, row in zip(best, ranked, strict=True)
        ]

    def _gather(self, weighed: Weighed | None, texts: Sequence[str]) -> list[tuple[ExtractedSkill, ...]]:
        """The skills of each text that reach the threshold."""
        if weighed is None:
            return [() for _ in texts]
        pairs = weighed.candidates.pairs
        best: list[dict[int, int]] = [{} for _ in texts]
        for pair in np.flatnonzero(weighed.confidences >= self.threshold - 5e-5).tolist():
            own = best[weighed.units[int(pairs.sentences[pair])].doc]
            skill = int(pairs.skills[pair])
            rival = own.get(skill)
            if rival is None or _is_better(weighed, pair, rival):
                own[skill] = pair
        phrases = [phrase for unit in weighed.units for phrase in unit.phrases]
        evidence = self._find_evidence(weighed, phrases, best, texts)
        return [self._order(weighed, phrases, own, evidence[doc]) for doc, own in enumerate(best)]

    def _find_evidence(
        self,
        weighed: Weighed,
        phrases: Sequence[Phrase],
        best: Sequence[Mapping[int, int]],
        texts: Sequence[str],
    ) -> list[dict[int, list[Span]]]:
        """For each text and predicted skill the phrases of which it is the nearest, and its best one."""
        pairs = weighed.candidates.pairs
        supports = {tuple(row) for row in weighed.candidates.rows.tolist()}
        chosen = [pair for own in best for pair in own.values() if pairs.phrases[pair] >= 0]
        supports |= {
            (int(pairs.sentences[pair]), int(pairs.skills[pair]), int(pairs.phrases[pair])) for pair in chosen
        }
        evidence: list[dict[int, list[Span]]] = [{} for _ in texts]
        for unit, skill, phrase in sorted(supports):
            place = weighed.places[unit]
            if skill in best[place.doc] and place.sentence is not None:
                span = _locate(phrases[phrase].span, place.sentence, texts[place.doc])
                evidence[place.doc].setdefault(skill, []).append(span)
        return evidence

    def _order(
        self,
        weighed: Weighed,
        phrases: Sequence[Phrase],
        best: Mapping[int, int],
        evidence: Mapping[int, list[Span]],
    ) -> tuple[ExtractedSkill, ...]:
        confidences = {skill: float(weighed.confidences[pair]) for skill, pair in best.items()}
        ordered = order_skills(confidences, self._ids)
        made = []
        for number in ordered[: self.top or None]:
            skill, phrase = self._skills[number], int(weighed.candidates.pairs.phrases[best[number]])
            spans = _drop_repeats(evidence.get(number, []))
            made.append(
                ExtractedSkill(
                    skill_id=skill.skill_id,
                    title=skill.title,
                    type=skill.type,
                    confidence=confidences[number],
                    phrase=phrases[phrase].span.text if phrase >= 0 else FULL_TEXT,
                    occurrence=max(len(spans), 1),
                    tags=skill.tags,
                    evidence=spans,
                )
            )
        return tuple(made)

    def _predict(self, text: str, skills: tuple[ExtractedSkill, ...]) -> Prediction:
        return make_prediction(text, skills, model_version=self.model_version, nonce=secrets.token_bytes(16))


def _get_text(text: str | Document) -> str:
    return check_text(text.text if isinstance(text, Document) else text)


def _find_knowledge(types: Sequence[str]) -> Floats:
    """1 for knowledge, 0 for skills, 0.5 where the taxonomy does not tell them apart."""
    if "knowledge" not in types:
        return np.full(len(types), 0.5, dtype=np.float32)
    return np.array([float(kind == "knowledge") for kind in types], dtype=np.float32)


def _trim(span: Span) -> Span:
    """The span without the punctuation that ends it; it is part of no name."""
    text = span.text.rstrip(_ENDINGS)
    return replace(span, end=span.start + len(text), text=text) if text else span


def _cover(start: int, end: int, name: str, spans: Sequence[Span]) -> float:
    """How sure the extractor is of a name at ``start`` to ``end``: the score of a span there, 0 without one.

    A name that is only part of a span counts by its share of the words: "data" in "build data pipelines" is hardly
    what is asked for.
    """
    words = max(len(name.split()), 1)
    shares = (
        span.score * min(words / max(len(span.text.split()), 1), 1.0)
        for span in spans
        if span.start < end and start < span.end
    )
    return max(shares, default=0.0)


def _average(vectors: Vectors, owners: Indices, weights: Sequence[int], n_docs: int) -> Vectors:
    """Unit vectors of whole texts ``(n_docs, dimensions)``: the mean of their sentences, long ones count more."""
    total = np.zeros((n_docs, vectors.shape[1]), dtype=np.float32)
    np.add.at(total, owners, vectors * np.array(weights, dtype=np.float32)[:, None])
    norms = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(norms, 1e-12), dtype=np.float32)


def _is_better(weighed: Weighed, pair: int, rival: int) -> bool:
    """Higher confidence; where equal to 4 decimals, the nearer phrase, then the earlier sentence."""
    features = weighed.candidates.pairs.features

    def rank(i: int) -> tuple[float, float]:
        return round(float(weighed.confidences[i]), 4), float(features[i, _PHRASE_SIMILARITY])

    return rank(pair) > rank(rival)


def _locate(span: Span, sentence: Sentence, text: str) -> Span:
    """The span with offsets within the whole text."""
    start, end = sentence.to_source(span.start, span.end)
    return Span(start, end, text[start:end], span.label, span.score)


def _drop_repeats(spans: Sequence[Span]) -> tuple[Span, ...]:
    unique = {(span.start, span.end): span for span in spans}
    return tuple(sorted(unique.values(), key=lambda span: (span.start, span.end)))
