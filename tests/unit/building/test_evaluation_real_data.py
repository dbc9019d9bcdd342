"""The gold files themselves, ranked by words in common: what is read, resolved and counted is right."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from seamark.building.evaluation import (
    evaluate_extraction,
    evaluate_linking,
    evaluate_spans,
    read_extraction_gold,
    read_known_sentences,
    read_linking_gold,
    read_span_gold,
)
from seamark.building.tables import read_table
from seamark.extraction.result import ExtractedSkill, Prediction, Span, make_prediction
from seamark.taxonomy.skill import Skill

pytestmark = pytest.mark.data


class LexicalExtractor:
    """Ranks skills by the share of their title's words that the text has; the same every time."""

    def __init__(self, taxonomy: Sequence[Skill]) -> None:
        self.taxonomy = taxonomy
        self._lengths = {skill.skill_id: len(_find_words(skill.title)) for skill in taxonomy}
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for skill in taxonomy:
            for word in _find_words(skill.title):
                self._by_word[word].append(skill.skill_id)

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        return [self._rank(text)[:depth] for text in texts]

    def rank_phrases(
        self, phrases: Sequence[str], *, contexts: Sequence[str] | None = None, depth: int = 100
    ) -> list[list[tuple[str, float]]]:
        assert contexts is not None
        assert len(contexts) == len(phrases)
        return self.rank_many(phrases, depth=depth)

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._extract(text) for text in texts]

    def _rank(self, text: str) -> list[tuple[str, float]]:
        hits = Counter(skill_id for word in _find_words(text) for skill_id in self._by_word.get(word, ()))
        scores = {skill_id: count / self._lengths[skill_id] for skill_id, count in hits.items()}
        return sorted(scores.items(), key=lambda item: (-item[1], -hits[item[0]], item[0]))

    def _extract(self, text: str) -> Prediction:
        found = tuple(
            ExtractedSkill(skill_id, skill_id, "", score, "full text")
            for skill_id, score in self._rank(text)
            if score == 1.0
        )
        return make_prediction(text, found, model_version="0.0.0", nonce=b"")


class UpperCaseFinder:
    """Takes each word in upper case for a piece of knowledge."""

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        return [
            [Span(*match.span(), match[0], "knowledge", 1.0) for match in re.finditer(r"\b[A-Z]{2,}\b", text)]
            for text in sentences
        ]


def _find_words(text: str) -> set[str]:
    return set(re.findall(r"\w+[#+]*", text.casefold()))


@pytest.fixture(scope="module")
def extractor(data_dir: Path) -> LexicalExtractor:
    rows = read_table(data_dir / "esco" / "v1.1.0" / "skills_en.csv").rows
    return LexicalExtractor(
        [
            Skill(
                str(row["conceptUri"]),
                str(row["preferredLabel"]),
                alternative_titles=tuple(str(row["altLabels"]).split("\n")) if row["altLabels"] else (),
            )
            for row in rows
        ]
    )


@pytest.mark.parametrize(
    ("name", "level", "n"),
    [("tech", "sentence", 75), ("house", "sentence", 61), ("tech", "span", 132), ("house", "span", 134)],
)
def test_every_usable_label_resolves(
    data_dir: Path, extractor: LexicalExtractor, name: str, level: str, n: int
) -> None:
    file = data_dir / "gold_validation" / f"{name}_validation_annotations.csv"
    report = evaluate_linking(extractor, read_linking_gold(file, level=level), level=level)
    assert report.n == n
    assert report.unresolved == {}
    assert (
        report.dropped
        == {
            "tech": {"LABEL NOT PRESENT": 127, "UNDERSPECIFIED": 13},
            "house": {"LABEL NOT PRESENT": 87, "UNDERSPECIFIED": 8},
        }[name]
    )
    assert 0.05 < report.rp_at_1 <= report.mrr < 0.8
    assert report.rp_at_5 <= report.rp_at_10


def test_the_tech_sentences_that_training_saw_can_be_left_out(
    data_dir: Path, extractor: LexicalExtractor
) -> None:
    rows = read_linking_gold(data_dir / "gold_validation" / "tech_validation_annotations.csv")
    known = read_known_sentences([data_dir / "skillspan" / f"{part}.json" for part in ("train", "dev")])
    report = evaluate_linking(extractor, rows, known=known)
    assert (report.n, report.excluded) == (64, 13)


def test_skillskapes_lists_of_labels_resolve(data_dir: Path, extractor: LexicalExtractor) -> None:
    gold = read_extraction_gold(
        data_dir / "skillskape" / "dev.csv", text_columns=["sentence"], labels_column="skills"
    )
    report = evaluate_extraction(extractor, gold)
    assert (report.n, report.left_out, report.unresolved) == (1316, 0, {})
    assert 0 < report.micro.f1 < 0.5
    assert report.ece == pytest.approx(1 - report.micro.precision)


def test_titles_with_commas_survive_a_cell_of_all_labels(extractor: LexicalExtractor) -> None:
    from seamark.building.evaluation.labels import LabelResolver

    titles = [skill.title for skill in extractor.taxonomy if {",", ";"} & set(skill.title)]
    assert len(titles) == 35
    resolver = LabelResolver(extractor.taxonomy)
    for separator in (",", "; ", "\n"):
        assert resolver.split(separator.join(titles)) == [title.strip() for title in titles]


@pytest.mark.parametrize(
    ("path", "n", "heads"),
    [
        ("skillspan/dev.json", 3174, ("skill", "knowledge")),
        ("spans_extra/green/dev.json", 963, ("skill",)),
        ("spans_extra/sayfullina/dev.json", 1855, ("skill",)),
    ],
)
def test_tagged_sentences_are_read_and_scored(
    data_dir: Path, path: str, n: int, heads: tuple[str, ...]
) -> None:
    gold = read_span_gold(data_dir / path)
    report = evaluate_spans(UpperCaseFinder(), gold).to_dict()
    assert report["n"] == n
    assert tuple(report)[1:] == heads
    for sentence in gold.sentences:
        for spans in sentence.spans.values():
            assert all(sentence.text[start:end].strip() for start, end in spans)
    records = [json.loads(line) for line in (data_dir / path).read_text().splitlines()]
    for head in heads:
        tags = ("".join(record[f"tags_{head}"]) for record in records)
        assert report[head]["support"] == sum(len(re.findall("BI*|I+", some)) for some in tags)
    assert report["skill"]["f1"] == 0
    if "knowledge" in heads:
        assert 0 < report["knowledge"]["precision"] < 0.5
