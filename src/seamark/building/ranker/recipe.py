"""From annotated sentences to a calibrated ranker ready to ship."""

from __future__ import annotations

import ast
import csv
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seamark.building.evaluation.metrics import compute_calibration_error
from seamark.building.parts import MANIFEST, describe_data, describe_file, write_json
from seamark.building.ranker.examples import LabelledPairs, LabelledSentence, label_pairs, make_texts
from seamark.building.ranker.fitting import RankerRecipe, fit_ranker
from seamark.building.spans.sentences import TaggedSentence, find_runs, read_tagged_sentences
from seamark.extraction.extractor import Extractor
from seamark.extraction.ranking import Ranker
from seamark.taxonomy import Skill, Taxonomy

RANKER = "ranker.json"

THRESHOLD = 0.25
"""The default threshold: about the best F1 on held-out pairs, which is flat from 0.2 to 0.4."""

WITHHELD_SHARE = 0.5
"""How often a replaced span gets a name that the extractor does not know."""

TEMPLATE_ROUNDS = 1
"""How often each tagged sentence is filled with random names."""


def train_ranker_part(
    output: Path,
    extractor: Extractor,
    *,
    withheld: Mapping[str, str],
    labelled: Path,
    unlabelled: Path,
    recipe: RankerRecipe,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Fit a ranker, write it to ``output``, and give its figures on sentences that it has not seen.

    Half of the material fits the network, a quarter its calibration, a quarter measures it.

    Args:
        output: the part's folder; what lies there is replaced.
        extractor: finds the candidates, with the encoder and spans that the ranker will serve, over a taxonomy
            from :func:`withhold_names`.
        withheld: the names that it does not know, by skill_id.
        labelled: CSV with ``sentence`` and ``skills``, as SkillSkape's; must not have trained the encoder.
        unlabelled: tagged sentences, which must not have trained the span extractor; those without a span
            call for nothing (boilerplate), the others for the skills by whose names their spans are replaced.
        recipe: the settings.
        on_progress: told how many of how many texts are done.
    """
    sentences = read_labelled(labelled, extractor)
    sentences += make_templates(
        unlabelled, extractor.taxonomy.active, withheld, rounds=TEMPLATE_ROUNDS, seed=recipe.seed
    )
    sentences += read_boilerplate(unlabelled)
    random.Random(recipe.seed).shuffle(sentences)
    half, rest = len(sentences) // 2, (len(sentences) * 3) // 4
    parts = (sentences[:half], sentences[half:rest], sentences[rest:])
    fitted, calibrated, held = (_label(extractor, part, recipe, on_progress) for part in parts)
    ranker = fit_ranker(fitted, calibrated, recipe)
    scores = score_ranker(ranker, held, threshold=THRESHOLD)
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / RANKER, ranker.to_dict())
    story: dict[str, Any] = {
        "recipe": asdict(recipe) | {"template_rounds": TEMPLATE_ROUNDS, "withheld_share": WITHHELD_SHARE},
        "taxonomy": {"name": extractor.taxonomy.name, "digest": extractor.taxonomy.digest},
        "data": describe_data([labelled, unlabelled]),
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "files": {RANKER: describe_file(output / RANKER)},
    }
    write_json(output / MANIFEST, story)
    return scores


def score_ranker(ranker: Ranker, pairs: LabelledPairs, *, threshold: float) -> dict[str, float]:
    """Figures of a ranker on labelled pairs, 0-1.

    ``ece``: expected calibration error over all pairs; ``ece_predicted``, ``precision``, ``recall``: of those
    that reach ``threshold``.
    """
    confidences = ranker.rank(pairs.features)
    right = pairs.right > 0
    predicted = confidences >= threshold
    hits = int((predicted & right).sum())

    def measure(chosen: Any) -> float:
        return compute_calibration_error(confidences[chosen].tolist(), right[chosen].tolist()) or 0.0

    return {
        "ece": measure(np.ones_like(right)),
        "ece_predicted": measure(predicted),
        "precision": hits / max(int(predicted.sum()), 1),
        "recall": hits / max(int(right.sum()), 1),
    }


def _label(
    extractor: Extractor,
    sentences: Sequence[LabelledSentence],
    recipe: RankerRecipe,
    on_progress: Callable[[int, int], None] | None,
) -> LabelledPairs:
    return label_pairs(extractor, make_texts(sentences, seed=recipe.seed), on_progress=on_progress)


def read_labelled(path: Path, extractor: Extractor) -> list[LabelledSentence]:
    """The sentences of a CSV with the ids of the skills that their titles name; ``UNK`` names none.

    They count as incomplete: SkillSkape's labels are the skills that a sentence was written for, and others
    that it names along the way are not among them.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    sentences = []
    for row in rows:
        labels = [str(label) for label in ast.literal_eval(row["skills"])]
        found = [extractor.taxonomy.find_title(label) for label in labels]
        ids = frozenset(skills[0].skill_id for skills in found if skills)
        sentences.append(LabelledSentence(" ".join(row["sentence"].split()), ids, complete=False))
    return sentences


def withhold_names(taxonomy: Taxonomy, *, seed: int) -> tuple[Taxonomy, dict[str, str]]:
    """The taxonomy without one alternative title of each skill that has two or more, and those titles by skill.

    A text hardly ever uses a name of the taxonomy to the letter. Fitted on the reduced taxonomy, the ranker meets the
    withheld names as it will meet the words of postings: near, and not the same.
    """
    chance = random.Random(seed)
    withheld, skills = {}, []
    for skill in taxonomy:
        names = skill.alternative_titles
        if len(names) > 1:
            withheld[skill.skill_id] = chance.choice(names)
            names = tuple(name for name in names if name != withheld[skill.skill_id])
        skills.append(replace(skill, alternative_titles=names))
    return Taxonomy(f"{taxonomy.name}, names withheld", tuple(skills)), withheld


def make_templates(
    path: Path, skills: Sequence[Skill], withheld: Mapping[str, str], *, rounds: int, seed: int
) -> list[LabelledSentence]:
    """The tagged sentences with the words of every span replaced by a random skill's name.

    Where a skill has a withheld name, half of the time it is that one. Sentences whose spans overlap are left out: a
    name can't stand in the middle of another.
    """
    chance = random.Random(seed)
    knowledge = [skill for skill in skills if skill.type == "knowledge"] or list(skills)
    competence = [skill for skill in skills if skill.type != "knowledge"] or list(skills)
    made = []
    for sentence in read_tagged_sentences(path):
        runs = _find_runs(sentence)
        if runs and all(before[1] <= after[0] for before, after in pairwise(runs)):
            made += [_fill(sentence, runs, (competence, knowledge), withheld, chance) for _ in range(rounds)]
    return made


def _find_runs(sentence: TaggedSentence) -> list[tuple[int, int, int]]:
    """Every span as (first token, token behind it, 0 for a skill and 1 for knowledge), in order."""
    kinds = (sentence.skill_tags, sentence.knowledge_tags or ())
    return sorted((start, end, kind) for kind, tags in enumerate(kinds) for start, end in find_runs(tags))


def _fill(
    sentence: TaggedSentence,
    runs: Sequence[tuple[int, int, int]],
    pools: tuple[Sequence[Skill], Sequence[Skill]],
    withheld: Mapping[str, str],
    chance: random.Random,
) -> LabelledSentence:
    words: list[str] = []
    ids, done = set(), 0
    for start, end, pool in runs:
        skill = chance.choice(pools[pool])
        name = chance.choice((skill.title, *skill.alternative_titles))
        if skill.skill_id in withheld and chance.random() < WITHHELD_SHARE:
            name = withheld[skill.skill_id]
        words += [*sentence.tokens[done:start], name]
        ids.add(skill.skill_id)
        done = end
    words += sentence.tokens[done:]
    return LabelledSentence(" ".join(" ".join(words).split()), frozenset(ids))


def read_boilerplate(path: Path) -> list[LabelledSentence]:
    """The tagged sentences that name nothing."""
    return [
        LabelledSentence(" ".join(" ".join(sentence.tokens).split()), frozenset())
        for sentence in read_tagged_sentences(path)
        if set(sentence.skill_tags) | set(sentence.knowledge_tags or ()) <= {"O"}
        and "".join(sentence.tokens).strip()
    ]
