"""Training pairs of a fine-tuning: from a taxonomy, from annotated sentences, from labelled documents.

What a labelled document teaches:

- a phrase that was said to call for a skill → the skill's title;
- a skill without such a phrase: the whole text → its title where the text is about a sentence long, else the
  sentence nearest to the title, as the encoder sees it that training starts from. That is weak supervision: nobody
  said that it is this sentence;
- a skill that was rejected: its title is an explicit negative of every anchor of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from seamark.building.data.documents import LabelledDocument
from seamark.building.encoder.pairs import Pair, pair_taxonomy
from seamark.building.evaluation.labels import normalise_sentence
from seamark.building.finetuning.vectors import Embed
from seamark.extraction.sentences import split_sentences
from seamark.taxonomy import Taxonomy

SHORT_WORDS = 40
"""Texts of at most so many words are anchors as they are: about what ``max_tokens`` holds."""


def gather_warm_start_pairs(taxonomy: Taxonomy) -> list[Pair]:
    """The pairs that a taxonomy gives by itself: alternative titles and descriptions to titles."""
    return share_accepted(pair_taxonomy(taxonomy.active))


def gather_document_pairs(
    documents: Iterable[LabelledDocument], taxonomy: Taxonomy, *, embed: Embed
) -> list[Pair]:
    """The pairs that labelled documents give; skills outside the active taxonomy give none.

    Args:
        documents: the training documents.
        taxonomy: gives the titles.
        embed: the encoder that training starts from; chooses the sentences of long texts.
    """
    titles = {skill.skill_id: skill.title for skill in taxonomy.active}
    phrases: list[Pair] = []
    wholes: list[Pair] = []
    for doc in documents:
        rejected = tuple(sorted({titles[skill] for skill in doc.rejected if skill in titles}))
        phrases += _pair_phrases(doc, titles, rejected)
        wholes += _pair_text(doc, titles, rejected)
    return share_accepted([*phrases, *_choose_sentences(wholes, embed)])


def _pair_phrases(
    doc: LabelledDocument, titles: Mapping[str, str], rejected: tuple[str, ...]
) -> Iterator[Pair]:
    right: dict[str, set[str]] = {}
    wrong: dict[str, set[str]] = {}
    for phrase in doc.phrases:
        if phrase.skill_id in titles and phrase.text.strip():
            side = right if phrase.relevant else wrong
            side.setdefault(phrase.text, set()).add(titles[phrase.skill_id])
    for text, own in sorted(right.items()):
        negatives = sorted((wrong.get(text, set()) | set(rejected)) - own)
        for title in sorted(own):
            yield Pair(text, title, frozenset(own), "phrase", tuple(negatives))


def _pair_text(doc: LabelledDocument, titles: Mapping[str, str], rejected: tuple[str, ...]) -> Iterator[Pair]:
    """A pair of the whole text with each relevant skill that no phrase was named for."""
    if not doc.text.strip():
        return
    named = {phrase.skill_id for phrase in doc.phrases if phrase.relevant and phrase.text.strip()}
    accepted = frozenset(titles[skill] for skill in doc.relevant if skill in titles)
    negatives = tuple(title for title in rejected if title not in accepted)
    for title in sorted({titles[skill] for skill in doc.relevant - named if skill in titles}):
        yield Pair(doc.text, title, accepted, "text", negatives)


def _choose_sentences(pairs: Sequence[Pair], embed: Embed) -> Iterator[Pair]:
    """The pairs, those of long texts with the sentence that is nearest to the title instead of the text."""
    sentences = {pair.text: _split(pair.text) for pair in pairs}
    long = [pair for pair in pairs if len(sentences[pair.text]) > 1]
    wanted = dict.fromkeys(text for pair in long for text in (*sentences[pair.text], pair.title))
    rows = {text: row for row, text in enumerate(wanted)}
    vectors = embed(list(wanted))
    for pair in pairs:
        own = sentences[pair.text]
        if len(own) > 1:
            similarities = vectors[[rows[text] for text in own]] @ vectors[rows[pair.title]]
            yield replace(pair, text=own[int(np.argmax(similarities))], source="sentence")
        elif own:
            yield replace(pair, text=own[0])


def _split(text: str) -> list[str]:
    """The sentences of a long text; a short one as a whole."""
    one = " ".join(text.split())
    if one.count(" ") < SHORT_WORDS:
        return [one]
    return list(dict.fromkeys(sentence.text for sentence in split_sentences(text)))


def share_accepted(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs, each accepting what any pair of the same text accepts; what is accepted is no negative.

    Two skills of a taxonomy often share an alternative title: neither title is wrong for it.
    """
    pairs = list(pairs)
    known: dict[str, frozenset[str]] = {}
    for pair in pairs:
        text = normalise_sentence(pair.text)
        known[text] = known.get(text, frozenset()) | pair.accepted
    return [_accept(pair, known[normalise_sentence(pair.text)]) for pair in pairs]


def _accept(pair: Pair, accepted: frozenset[str]) -> Pair:
    negatives = tuple(title for title in pair.negatives if title not in accepted)
    if accepted == pair.accepted and negatives == pair.negatives:
        return pair
    return replace(pair, accepted=accepted, negatives=negatives)
