"""Training pairs for the encoder: a text and the title of the skill that it calls for.

Four sources, each with what it teaches:

- alternative titles → title: other names of the same skill;
- descriptions → title: what the skill means;
- annotated sentences → the title of each of their skills: how postings ask for it;
- real sentences whose annotated span was replaced by an alternative title: the same, in the
  untidy language of real postings, for any skill of the taxonomy.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seamark.building.spans.sentences import TaggedSentence, find_runs
from seamark.taxonomy.skill import Skill


@dataclass(frozen=True, slots=True)
class Pair:
    """A text, the title that it should lie next to, and all titles that it may lie next to.

    Attributes:
        text: the anchor.
        title: the positive.
        accepted: every title that is right for the text, ``title`` among them; none of them is
            ever a negative for it.
        source: ``alternative``, ``description``, ``sentence``, ``template``, or the kind of a document's text.
        negatives: titles that are known to be wrong for the text, or near to it and not right.
    """

    text: str
    title: str
    accepted: frozenset[str]
    source: str
    negatives: tuple[str, ...] = ()


def pair_taxonomy(skills: Iterable[Skill]) -> Iterator[Pair]:
    """A pair for each alternative title and each description of ``skills``."""
    for skill in skills:
        accepted = frozenset((skill.title,))
        for other in skill.alternative_titles:
            if other.casefold() != skill.title.casefold():
                yield Pair(other, skill.title, accepted, "alternative")
        if skill.description:
            yield Pair(skill.description, skill.title, accepted, "description")


def pair_sentences(rows: Iterable[tuple[str, Sequence[str]]], titles: set[str]) -> Iterator[Pair]:
    """A pair for each (sentence, known title) of ``rows`` of ``(sentence, its titles)``."""
    for sentence, labels in rows:
        known = frozenset(label for label in labels if label in titles)
        for title in sorted(known):
            yield Pair(sentence, title, known, "sentence")


def pair_templates(
    sentences: Sequence[TaggedSentence], skills: Sequence[Skill], *, seed: int
) -> Iterator[Pair]:
    """A pair for each annotated span, with the span's words replaced by a random skill's name.

    Skill spans take names of skills, knowledge spans names of knowledge, where the taxonomy tells
    them apart.
    """
    chance = random.Random(seed)
    knowledge = [skill for skill in skills if skill.type == "knowledge"] or list(skills)
    competence = [skill for skill in skills if skill.type != "knowledge"] or list(skills)
    for sentence in sentences:
        for tags, pool in ((sentence.skill_tags, competence), (sentence.knowledge_tags, knowledge)):
            for start, end in find_runs(tags or ()):
                skill = chance.choice(pool)
                name = chance.choice((skill.title, *skill.alternative_titles))
                words = [*sentence.tokens[:start], name, *sentence.tokens[end:]]
                yield Pair(" ".join(words), skill.title, frozenset((skill.title,)), "template")
