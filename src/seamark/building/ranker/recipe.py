"""From annotated sentences to a calibrated ranker ready to ship."""

from __future__ import annotations

import ast
import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seamark.building.evaluation.metrics import compute_calibration_error
from seamark.building.parts import MANIFEST, describe_data, describe_file, write_json
from seamark.building.ranker.examples import LabelledPairs, LabelledSentence, label_pairs, make_texts
from seamark.building.ranker.fitting import RankerRecipe, fit_ranker
from seamark.building.spans.sentences import read_tagged_sentences
from seamark.extraction.extractor import Extractor

RANKER = "ranker.json"


def train_ranker_part(
    output: Path,
    extractor: Extractor,
    *,
    labelled: Path,
    unlabelled: Path,
    recipe: RankerRecipe,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Fit a ranker, write it to ``output``, and give its figures on sentences that it has not seen.

    Half of the material fits the network, a quarter its calibration, a quarter measures it.

    Args:
        output: the part's folder; what lies there is replaced.
        extractor: finds the candidates, with the encoder and spans that the ranker will serve.
        labelled: CSV with ``sentence`` and ``skills``, as SkillSkape's; must not have trained the encoder.
        unlabelled: tagged sentences, of which those without a span call for nothing (boilerplate); must not
            have trained the span extractor.
        recipe: the settings.
        on_progress: told how many of how many texts are done.
    """
    sentences = read_labelled(labelled, extractor) + read_boilerplate(unlabelled)
    random.Random(recipe.seed).shuffle(sentences)
    half, rest = len(sentences) // 2, (len(sentences) * 3) // 4
    parts = (sentences[:half], sentences[half:rest], sentences[rest:])
    fitted, calibrated, held = (_label(extractor, part, recipe, on_progress) for part in parts)
    ranker = fit_ranker(fitted, calibrated, recipe)
    confidences = ranker.rank(held.features)
    scores = {"ece": compute_calibration_error(confidences.tolist(), (held.right > 0).tolist()) or 0.0}
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / RANKER, ranker.to_dict())
    story: dict[str, Any] = {
        "recipe": asdict(recipe),
        "data": describe_data([labelled, unlabelled]),
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "files": {RANKER: describe_file(output / RANKER)},
    }
    write_json(output / MANIFEST, story)
    return scores


def _label(
    extractor: Extractor,
    sentences: Sequence[LabelledSentence],
    recipe: RankerRecipe,
    on_progress: Callable[[int, int], None] | None,
) -> LabelledPairs:
    return label_pairs(extractor, make_texts(sentences, seed=recipe.seed), on_progress=on_progress)


def read_labelled(path: Path, extractor: Extractor) -> list[LabelledSentence]:
    """The sentences of a CSV with the ids of the skills that their titles name; ``UNK`` names none."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    sentences = []
    for row in rows:
        labels = [str(label) for label in ast.literal_eval(row["skills"])]
        found = [extractor.taxonomy.find_title(label) for label in labels]
        ids = frozenset(skills[0].skill_id for skills in found if skills)
        sentences.append(LabelledSentence(" ".join(row["sentence"].split()), ids))
    return sentences


def read_boilerplate(path: Path) -> list[LabelledSentence]:
    """The tagged sentences that name nothing."""
    return [
        LabelledSentence(" ".join(" ".join(sentence.tokens).split()), frozenset())
        for sentence in read_tagged_sentences(path)
        if set(sentence.skill_tags) | set(sentence.knowledge_tags or ()) <= {"O"} and "".join(sentence.tokens).strip()
    ]
