"""From annotated files to a span tagger ready to ship: training, scoring, writing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seamark.building.evaluation.gold import find_spans
from seamark.building.parts import check_free, describe_data, write_tagger_part
from seamark.building.spans.model import SpanTagger
from seamark.building.spans.sentences import TaggedSentence, read_tagged_sentences
from seamark.building.spans.training import (
    KNOWLEDGE,
    SKILL,
    SpanRecipe,
    find_character_spans,
    load_word_tokenizer,
    make_example,
    train_tagger,
)

log = logging.getLogger(__name__)


def train_span_part(
    output: Path,
    base: Path,
    train: Path,
    *,
    base_model: str,
    auxiliary: Sequence[Path] = (),
    dev: Path | None = None,
    recipe: SpanRecipe,
    on_step: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train a span tagger, write it to ``output``, and give its strict F1 on ``dev``.

    Args:
        output: the part's folder, which must not exist yet.
        base: folder of the base model.
        train: SkillSpan's format, with skill and knowledge tags.
        base_model: the base model's name in the catalogue.
        auxiliary: more material of that format by other guidelines, each with a head of its own.
        dev: scored after each epoch; never trained on.
        recipe: the settings.
        on_step: told of every step: its number and how many there are.
        on_epoch: told after each epoch: its number and the F1 on ``dev``.
    """
    check_free(output)
    material = [read_tagged_sentences(path) for path in (train, *auxiliary)]
    held = [s for s in read_tagged_sentences(dev) if "".join(s.tokens).strip()] if dev else []
    scores: dict[str, float] = {}

    def score(epoch: int, model: SpanTagger) -> None:
        scores.update(score_tagger(model, base, held, max_tokens=recipe.max_tokens) if held else {})
        if on_epoch:
            on_epoch(epoch, dict(scores))

    model = train_tagger(base, material, recipe, on_epoch=score, on_step=on_step)
    story = {
        "recipe": asdict(recipe),
        "data": describe_data([train, *auxiliary]),
        "scored_on": describe_data([dev]) if dev else [],
        "scores": {name: round(value, 4) for name, value in scores.items()},
    }
    write_tagger(output, base, model, base_model=base_model, max_tokens=recipe.max_tokens, story=story)
    return scores


def score_tagger(
    model: SpanTagger, base: Path, sentences: Sequence[TaggedSentence], *, max_tokens: int
) -> dict[str, float]:
    """Strict span F1 of either head, 0-1: equal first and last character."""
    tokenizer = load_word_tokenizer(base, max_tokens=max_tokens)
    examples = [make_example(tokenizer, sentence) for sentence in sentences]
    scores = {}
    for head, name in ((SKILL, "skill_f1"), (KNOWLEDGE, "knowledge_f1")):
        gold = [_find_gold(sentence, head) for sentence in sentences]
        found = find_character_spans(model, examples, head)
        hits = sum(len(right & own) for right, own in zip(gold, found, strict=True))
        total = sum(map(len, gold)) + sum(map(len, found))
        scores[name] = 2 * hits / total if total else 1.0
    return scores


def _find_gold(sentence: TaggedSentence, head: int) -> set[tuple[int, int]]:
    tags = sentence.skill_tags if head == SKILL else sentence.knowledge_tags
    return set(find_spans(sentence.tokens, tags)) if tags else set()


def write_tagger(
    output: Path, base: Path, model: SpanTagger, *, base_model: str, max_tokens: int, story: dict[str, Any]
) -> None:
    """Write the tagger's adapter and its two shipped heads to ``output``."""
    kept = [3 * head + tag for head in (SKILL, KNOWLEDGE) for tag in range(3)]
    transitions, starts = (scores.detach().numpy()[:2] for scores in model.get_transitions())
    adapter = model.encoder.read_adapter() | {
        "heads.weight": model.heads.weight.detach().numpy()[kept],
        "heads.bias": model.heads.bias.detach().numpy()[kept],
    }
    write_tagger_part(
        output,
        base,
        base_model=base_model,
        max_tokens=max_tokens,
        adapter=adapter,
        transitions=transitions,
        starts=starts,
        story=story,
    )
