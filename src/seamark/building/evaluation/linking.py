"""How well the skills of labelled sentences and spans are ranked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seamark.building.evaluation.gold import Level, LinkingRow
from seamark.building.evaluation.labels import (
    LabelCounter,
    LabelResolver,
    merge_alternatives,
    normalise_sentence,
    sort_counts,
)
from seamark.building.evaluation.metrics import compute_mean, compute_reciprocal_rank, compute_rp_at
from seamark.building.evaluation.protocols import (
    ProgressListener,
    Ranking,
    SkillRanker,
    ignore_progress,
)
from seamark.errors import InputError

DEPTH = 100
"""How deep the rankings are by default; a first hit below that counts as none."""

_BATCH = 64


@dataclass(frozen=True, slots=True)
class LinkingQuery:
    """What is asked, and which skills would be right.

    Attributes:
        sentence: the sentence.
        phrase: the stretch to link; empty at sentence level.
        gold: one id for each gold label that the taxonomy knows, at least one.
        aliases: ids that stand for the same label → the one in ``gold``.
    """

    sentence: str
    phrase: str
    gold: frozenset[str]
    aliases: dict[str, str]


@dataclass(frozen=True, slots=True)
class LinkingQueries:
    """The queries that a gold file makes, and what was left aside.

    Attributes:
        level: ``sentence`` or ``span``.
        queries: in the order of the file, each with a usable gold label.
        dropped: rows that say "no label" (or, at span level, name no span) → how many.
        unresolved: labels that the taxonomy doesn't know → how many rows.
        excluded: distinct sentences left out because they are known from elsewhere.
    """

    level: Level
    queries: tuple[LinkingQuery, ...]
    dropped: dict[str, int]
    unresolved: dict[str, int]
    excluded: int


@dataclass(frozen=True, slots=True)
class LinkingReport:
    """The measures of a linking evaluation, all 0-1 and averaged over the queries.

    Attributes:
        level: ``sentence`` or ``span``.
        n: queries with at least one usable gold label.
        mrr: mean reciprocal rank of the first hit.
        rp_at_1: R-precision at 1; likewise at 5 and 10.
        rp_at_5: see above.
        rp_at_10: see above.
        dropped: see :class:`LinkingQueries`; likewise ``unresolved`` and ``excluded``.
        unresolved: see above.
        excluded: see above.
    """

    level: Level
    n: int
    mrr: float
    rp_at_1: float
    rp_at_5: float
    rp_at_10: float
    dropped: dict[str, int]
    unresolved: dict[str, int]
    excluded: int

    def to_dict(self) -> dict[str, Any]:
        """The report as ``seamark evaluate linking --json`` prints it."""
        return {
            "level": self.level,
            "n": self.n,
            "mrr": self.mrr,
            "rp@1": self.rp_at_1,
            "rp@5": self.rp_at_5,
            "rp@10": self.rp_at_10,
            "dropped": self.dropped,
            "unresolved": self.unresolved,
            "excluded": self.excluded,
        }


def make_linking_queries(
    rows: Iterable[LinkingRow],
    resolver: LabelResolver,
    *,
    level: Level = "sentence",
    known: Collection[str] = frozenset(),
) -> LinkingQueries:
    """One query for each distinct sentence, or (sentence, span), that has a usable gold label.

    Args:
        rows: the gold file's.
        resolver: finds the skills of a label.
        level: ``sentence`` or ``span``.
        known: normalised sentences to leave out (see
            :func:`~seamark.building.evaluation.gold.read_known_sentences`).
    """
    counter = LabelCounter(resolver)
    excluded: set[str] = set()
    groups: dict[tuple[str, str], list[frozenset[str]]] = {}
    for row in rows:
        if known and normalise_sentence(row.sentence) in known:
            excluded.add(row.sentence)
        elif (key := _make_key(row, level, counter)) and (found := counter.resolve(row.label)):
            groups.setdefault(key, []).append(found)
    queries = tuple(_make_query(key, labels) for key, labels in groups.items())
    return LinkingQueries(
        level, queries, sort_counts(counter.dropped), sort_counts(counter.unresolved), len(excluded)
    )


def _make_key(row: LinkingRow, level: Level, counter: LabelCounter) -> tuple[str, str] | None:
    if not row.sentence.strip():
        counter.dropped["(no sentence)"] += 1
        return None
    if level == "span" and not row.phrase:
        counter.dropped["(no span)"] += 1
        return None
    return row.sentence, row.phrase if level == "span" else ""


def _make_query(key: tuple[str, str], labels: Sequence[frozenset[str]]) -> LinkingQuery:
    aliases = merge_alternatives(labels)
    return LinkingQuery(*key, gold=frozenset(aliases.values()), aliases=aliases)


def evaluate_linking(
    extractor: SkillRanker,
    rows: Iterable[LinkingRow],
    *,
    level: Level = "sentence",
    known: Collection[str] = frozenset(),
    depth: int = DEPTH,
    on_progress: ProgressListener = ignore_progress,
) -> LinkingReport:
    """How well ``extractor`` ranks the gold skills of ``rows``.

    At sentence level the whole pipeline ranks skills for the sentence; at span level the span alone is
    ranked, with its sentence as context.

    Args:
        extractor: what is measured; its taxonomy resolves the labels.
        rows: as :func:`~seamark.building.evaluation.gold.read_linking_gold` gives them.
        level: ``sentence`` or ``span``.
        known: normalised sentences to leave out.
        depth: how many skills are ranked for a query.
        on_progress: hears how many queries are done.

    Raises:
        InputError: no query has a usable gold label.
    """
    asked = make_linking_queries(rows, LabelResolver(extractor.taxonomy), level=level, known=known)
    if not asked.queries:
        raise _refuse(asked)
    rankings = list(_rank(extractor, asked, depth, on_progress))
    return _summarise(asked, rankings)


def _rank(
    extractor: SkillRanker, asked: LinkingQueries, depth: int, on_progress: ProgressListener
) -> Iterator[list[str]]:
    total = len(asked.queries)
    for start in range(0, total, _BATCH):
        batch = asked.queries[start : start + _BATCH]
        answers = _rank_batch(extractor, batch, asked.level, depth)
        yield from (_apply_aliases(*pair) for pair in zip(answers, batch, strict=True))
        on_progress(start + len(batch), total)


def _rank_batch(
    extractor: SkillRanker, batch: Sequence[LinkingQuery], level: Level, depth: int
) -> Sequence[Ranking]:
    sentences = [query.sentence for query in batch]
    if level == "sentence":
        return extractor.rank_many(sentences, depth=depth)
    phrases = [query.phrase for query in batch]
    return extractor.rank_phrases(phrases, contexts=sentences, depth=depth)


def _apply_aliases(ranking: Ranking, query: LinkingQuery) -> list[str]:
    return list(dict.fromkeys(query.aliases.get(skill_id, skill_id) for skill_id, _ in ranking))


def _summarise(asked: LinkingQueries, rankings: Sequence[Sequence[str]]) -> LinkingReport:
    pairs = [(ranking, query.gold) for ranking, query in zip(rankings, asked.queries, strict=True)]
    rp = {k: compute_mean([compute_rp_at(*pair, k) for pair in pairs]) for k in (1, 5, 10)}
    return LinkingReport(
        level=asked.level,
        n=len(pairs),
        mrr=compute_mean([compute_reciprocal_rank(*pair) for pair in pairs]),
        rp_at_1=rp[1],
        rp_at_5=rp[5],
        rp_at_10=rp[10],
        dropped=asked.dropped,
        unresolved=asked.unresolved,
        excluded=asked.excluded,
    )


def _refuse(asked: LinkingQueries) -> InputError:
    examples = ", ".join(repr(label) for label in list(asked.unresolved)[:5])
    return InputError(
        f"no usable gold label ({sum(asked.unresolved.values())} unknown to the taxonomy, "
        f"{sum(asked.dropped.values())} dropped, {asked.excluded} sentences excluded)",
        expected="labels that are titles of the taxonomy",
        hint=f"is it the taxonomy that the gold names? unknown are {examples}"
        if examples
        else "another file",
    )
