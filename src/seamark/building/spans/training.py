"""Training of the span tagger from SkillSpan's format."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from seamark.building.spans.model import SpanTagger, measure_crf_loss
from seamark.building.spans.sentences import TaggedSentence, find_runs
from seamark.extraction.tagging import decode_tags, find_spans
from seamark.extraction.words import SHAPES, find_shapes, split_words

SKILL, KNOWLEDGE = 0, 1
"""The heads that ship; further heads belong to auxiliary material."""

_IGNORED = -1
_TAG_NUMBERS = {"B": 0, "I": 1, "O": 2}


@dataclass(frozen=True, slots=True)
class SpanRecipe:
    """Everything that decides what a training run gives, besides its data.

    Attributes:
        rank: rank of the adapter.
        epochs: how often each sentence is seen.
        batch_size: sentences a step.
        learning_rate: the peak of a one-cycle schedule, for the adapter.
        head_learning_rate: the same, for heads and transitions.
        weight_decay: of AdamW.
        dropout: share of activations dropped.
        max_tokens: longer sentences are cut.
        average: decay of the running average of weights that is kept (0 keeps the last weights).
        auxiliary_weight: weight of auxiliary heads in the loss.
        replaced: share of the main material's spans whose words give way, anew in each epoch, to those of
            another span of the same kind (mention replacement, Dai and Adel 2020, section 3).
        seed: of shuffling and first values.
    """

    rank: int = 48
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 1e-3
    head_learning_rate: float = 3e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    max_tokens: int = 128
    average: float = 0.998
    auxiliary_weight: float = 0.4
    replaced: float = 0.0
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence ready for the model.

    Attributes:
        ids: token ids.
        types: the shape of each token's word.
        words: the position of each word's first token.
        tags: head → the number of each word's tag; a head that is missing is not annotated here.
        ranges: the character range of each word in the sentence.
    """

    ids: list[int]
    types: list[int]
    words: list[int]
    tags: dict[int, list[int]]
    ranges: list[tuple[int, int]]


def make_example(
    tokenizer: Tokenizer, sentence: TaggedSentence, *, head: int = SKILL, token_shapes: bool = True
) -> Example:
    """``sentence`` as the extractor will meet it: joined by spaces and split into words anew."""
    text = " ".join(sentence.tokens)
    ranges = split_words(text)
    encoding = tokenizer.encode([text[a:b] for a, b in ranges], is_pretokenized=True)
    shapes = find_shapes(text, ranges)
    types, words, seen = [], [], -1
    for position, word in enumerate(encoding.word_ids):
        types.append(0 if word is None or not token_shapes else shapes[word])
        if word is not None and word != seen:
            words.append(position)
            seen = word
    tags = {head: _map_tags(sentence.tokens, sentence.skill_tags, ranges)[: len(words)]}
    if sentence.knowledge_tags is not None:
        tags[KNOWLEDGE] = _map_tags(sentence.tokens, sentence.knowledge_tags, ranges)[: len(words)]
    return Example(encoding.ids, types, words, tags, ranges[: len(words)])


def _map_tags(tokens: Sequence[str], tags: Sequence[str], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Tags of the annotation's tokens carried over to words, by character offsets."""
    by_character: list[int] = []
    for token, tag in zip(tokens, tags, strict=True):
        number = _TAG_NUMBERS[tag]
        rest = 1 if number == 0 else number
        by_character += [number, *[rest] * (len(token) - 1), 1 if number != 2 else 2]
    return [by_character[start] for start, _ in ranges]


def train_tagger(
    base: Path,
    material: Sequence[Sequence[TaggedSentence]],
    recipe: SpanRecipe,
    *,
    on_epoch: Callable[[int, SpanTagger], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> SpanTagger:
    """The trained tagger.

    Args:
        base: folder of the base model.
        material: the main material first, then each auxiliary one.
        recipe: the settings.
        on_epoch: told after each epoch: its number and the averaged model.
        on_step: told of every step: its number and how many there are.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = load_word_tokenizer(base, max_tokens=recipe.max_tokens)
    main, *others = ([s for s in sentences if "".join(s.tokens).strip()] for sentences in material)
    auxiliary = [
        make_example(tokenizer, sentence, head=head)
        for head, sentences in enumerate(others, KNOWLEDGE + 1)
        for sentence in sentences
    ]
    model = SpanTagger(
        base, n_heads=1 + len(material), rank=recipe.rank, token_shapes=len(SHAPES), dropout=recipe.dropout
    )
    optimizer = _make_optimizer(model, recipe)
    steps = recipe.epochs * -(-(len(main) + len(auxiliary)) // recipe.batch_size)
    peaks = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=steps + 1, pct_start=0.1)
    averaged = copy.deepcopy(model).eval()
    step = 0
    for epoch in range(recipe.epochs):
        model.train()
        seed = recipe.seed * 1000 + epoch
        varied = replace_mentions(main, share=recipe.replaced, seed=seed)
        examples = [make_example(tokenizer, sentence) for sentence in varied] + auxiliary
        for batch in make_batches(examples, recipe.batch_size, seed=seed):
            loss = measure_loss(model, batch, auxiliary_weight=recipe.auxiliary_weight)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            step += 1
            _move_average(averaged, model, min(recipe.average, step / (step + 10)))
            if on_step:
                on_step(step, steps)
        if on_epoch:
            on_epoch(epoch + 1, averaged)
    return averaged


def replace_mentions(sentences: Sequence[TaggedSentence], *, share: float, seed: int) -> list[TaggedSentence]:
    """The sentences with a share of their spans' words replaced by those of another span of the same kind.

    A sentence in which a skill and a piece of knowledge overlap keeps its words: the tags of the one would
    no longer fit the other.
    """
    if not share:
        return list(sentences)
    chance = random.Random(seed)
    pools = [
        [s.tokens[a:b] for s in sentences for a, b in find_runs(tags(s))]
        for tags in (_get_skill_tags, _get_knowledge_tags)
    ]
    return [_replace(sentence, pools, chance, share) for sentence in sentences]


def _replace(
    sentence: TaggedSentence, pools: Sequence[list[tuple[str, ...]]], chance: random.Random, share: float
) -> TaggedSentence:
    runs = [
        (start, end, kind)
        for kind, tags in enumerate((_get_skill_tags(sentence), _get_knowledge_tags(sentence)))
        for start, end in find_runs(tags)
    ]
    runs.sort()
    if any(after[0] < before[1] for before, after in pairwise(runs)):
        return sentence
    tokens: list[str] = []
    tags: list[list[str]] = [[], []]
    done = 0
    for start, end, kind in [*runs, (len(sentence.tokens), len(sentence.tokens), 0)]:
        tokens += sentence.tokens[done:start]
        words = (
            chance.choice(pools[kind])
            if end > start and chance.random() < share
            else sentence.tokens[start:end]
        )
        for own, written in enumerate(tags):
            named = ["B", *["I"] * (len(words) - 1)][: len(words)] if own == kind else ["O"] * len(words)
            written.extend([*["O"] * (start - done), *named])
        tokens += words
        done = end
    knowledge = None if sentence.knowledge_tags is None else tuple(tags[1])
    return TaggedSentence(tuple(tokens), tuple(tags[0]), knowledge)


def _get_skill_tags(sentence: TaggedSentence) -> tuple[str, ...]:
    return sentence.skill_tags


def _get_knowledge_tags(sentence: TaggedSentence) -> tuple[str, ...]:
    return sentence.knowledge_tags or ()


def load_word_tokenizer(base: Path, *, max_tokens: int) -> Tokenizer:
    """The base model's tokenizer for words that are split already."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def _make_optimizer(model: SpanTagger, recipe: SpanRecipe) -> torch.optim.Optimizer:
    heads = [model.heads.weight, model.heads.bias, model.transitions, model.starts]
    groups = [
        {"params": list(model.encoder.parameters()), "lr": recipe.learning_rate},
        {"params": heads, "lr": recipe.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


@torch.no_grad()
def _move_average(averaged: SpanTagger, model: SpanTagger, decay: float) -> None:
    for kept, new in zip(averaged.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1.0 - decay)


def make_batches(examples: Sequence[Example], size: int, *, seed: int) -> Iterator[list[Example]]:
    """The examples in random batches of like length."""
    chance = random.Random(seed)
    # A jittered sort: batches of like length, yet never twice the same ones.
    order = sorted(examples, key=lambda example: len(example.ids) * chance.uniform(0.85, 1.15))
    batches = [order[cut : cut + size] for cut in range(0, len(order), size)]
    chance.shuffle(batches)
    yield from batches


def measure_loss(model: SpanTagger, batch: Sequence[Example], *, auxiliary_weight: float) -> Tensor:
    """The CRF loss of one batch, averaged over sentences, summed over heads."""
    emissions, lengths = score_batch(model, batch)
    transitions, starts = model.get_transitions()
    total = torch.zeros(())
    for head in range(model.n_heads):
        rows = [i for i, example in enumerate(batch) if head in example.tags]
        if rows:
            tags = _pad([batch[i].tags[head] for i in rows], 2, emissions.shape[2])
            losses = measure_crf_loss(
                emissions[head, rows], tags, lengths[rows], transitions[head], starts[head]
            )
            total = total + losses.sum() * (1.0 if head <= KNOWLEDGE else auxiliary_weight)
    return total / len(batch)


def score_batch(model: SpanTagger, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Emissions ``(n_heads, n_texts, n_words, 3)`` and the number of words of each text."""
    width = max(len(example.ids) for example in batch)
    ids = _pad([example.ids for example in batch], 0, width)
    types = _pad([example.types for example in batch], 0, width)
    mask = _pad([[1] * len(example.ids) for example in batch], 0, width)
    words = _pad([example.words for example in batch], 0, max(len(example.words) for example in batch))
    with torch.autocast("cpu", torch.bfloat16):
        emissions = model(ids, mask, types, words)
    return emissions.float(), torch.tensor([len(example.words) for example in batch])


def _pad(rows: Sequence[Sequence[int]], value: int, width: int) -> Tensor:
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def find_character_spans(
    model: SpanTagger, examples: Sequence[Example], head: int, *, batch_size: int = 64
) -> list[set[tuple[int, int]]]:
    """The character ranges of each example's predicted spans of one head."""
    transitions, starts = (scores[head].detach().numpy() for scores in model.get_transitions())
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    found: list[set[tuple[int, int]]] = [set() for _ in examples]
    for cut in range(0, len(order), batch_size):
        rows = order[cut : cut + batch_size]
        with torch.inference_mode():
            emissions, lengths = score_batch(model, [examples[i] for i in rows])
        tags, _ = decode_tags(emissions[head].numpy(), lengths.numpy(), transitions, starts)
        for row, row_tags in zip(rows, tags, strict=True):
            ranges = examples[row].ranges
            spans = find_spans(np.asarray(row_tags[: len(ranges)]))
            found[row] = {(ranges[a][0], ranges[b - 1][1]) for a, b in spans}
    return found
