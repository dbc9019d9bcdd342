"""From a taxonomy and annotated sentences to an encoder adapter ready to ship."""

from __future__ import annotations

import ast
import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seamark.building.encoder.pairs import Pair, pair_sentences, pair_taxonomy, pair_templates
from seamark.building.encoder.training import EncoderRecipe, train_encoder
from seamark.building.evaluation.labels import normalise_sentence
from seamark.building.parts import check_free, describe_data, write_encoder_part
from seamark.building.spans.sentences import read_tagged_sentences
from seamark.errors import InputError
from seamark.taxonomy import Taxonomy

SENTENCE_REPEATS = 2
"""How often an annotated sentence is seen for each time an alternative title is."""

TEMPLATE_ROUNDS = 2
"""How many random names each annotated span is replaced by."""


def train_encoder_part(
    output: Path,
    base: Path,
    taxonomy: Taxonomy,
    *,
    base_model: str,
    sentences: Path,
    templates: Path,
    keep_out: Sequence[Path] = (),
    sources: Sequence[Path] = (),
    recipe: EncoderRecipe,
    on_step: Callable[[int, int, float], None] | None = None,
) -> None:
    """Train an encoder adapter and write it to ``output``, which must not exist yet.

    Args:
        output: the part's folder.
        base: folder of the base model.
        taxonomy: whose alternative titles and descriptions are learned.
        base_model: the base model's name in the catalogue.
        sentences: CSV with ``sentence`` and ``skills`` (a list of titles), as SkillSkape's.
        templates: tagged sentences whose spans are replaced by names, as SkillSpan's.
        keep_out: CSV files whose ``sentence`` column must not be trained on: what is reported later.
        sources: files of the taxonomy, for the record of digests.
        recipe: the settings.
        on_step: told of every step: its number, how many there are, the loss.
    """
    check_free(output)
    pairs = gather_pairs(taxonomy, sentences=sentences, templates=templates, keep_out=keep_out)
    told = (lambda step, steps, loss, _: on_step(step, steps, loss)) if on_step else None
    model = train_encoder(base, pairs, recipe, on_step=told)
    story = {
        "recipe": asdict(recipe),
        "pairs": dict(sorted(Counter(pair.source for pair in pairs).items())),
        "data": describe_data([*sources, sentences, templates]),
        "kept_out": describe_data(keep_out),
    }
    write_encoder(output, base, model.read_adapter(), base_model=base_model, recipe=recipe, story=story)


def write_encoder(
    output: Path,
    base: Path,
    adapter: dict[str, Any],
    *,
    base_model: str,
    recipe: EncoderRecipe,
    story: dict[str, Any],
) -> None:
    """Write a trained adapter to ``output``; it reads as many tokens as it was trained on."""
    # one row is all that a sentence encoder reads of the token-type table
    adapter = adapter | {"types": adapter["types"][:1]}
    write_encoder_part(
        output, base, base_model=base_model, max_tokens=recipe.max_tokens, adapter=adapter, story=story
    )


def gather_pairs(
    taxonomy: Taxonomy, *, sentences: Path, templates: Path, keep_out: Sequence[Path]
) -> list[Pair]:
    """Every training pair, in the order of the sources."""
    titles = {skill.title for skill in taxonomy}
    kept_out = {
        normalise_sentence(row["sentence"]) for path in keep_out for row in _read_rows(path, "sentence")
    }
    rows = [
        (row["sentence"], _read_list(row["skills"], path=sentences))
        for row in _read_rows(sentences, "sentence", "skills")
    ]
    tagged = [
        s for s in read_tagged_sentences(templates) if normalise_sentence(" ".join(s.tokens)) not in kept_out
    ]
    pairs = list(pair_taxonomy(taxonomy))
    annotated = [row for row in rows if normalise_sentence(row[0]) not in kept_out]
    pairs += list(pair_sentences(annotated, titles)) * SENTENCE_REPEATS
    for round_ in range(TEMPLATE_ROUNDS):
        pairs += pair_templates(tagged, tuple(taxonomy), seed=1 + round_)
    return pairs


def _read_rows(path: Path, *columns: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        found = ", ".join(rows[0]) if rows else "no rows"
        raise InputError(f"{path} has {found}", expected=f"the column {missing[0]!r}")
    return rows


def _read_list(cell: str, *, path: Path) -> list[str]:
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError) as error:
        raise InputError(f"{path} has the cell {cell[:60]!r}", expected="a list of titles") from error
    return [str(item) for item in value]
