"""Evaluation: the measures that every model version is held to.

Read a gold file, measure, and take the report's ``to_dict()``:
:func:`evaluate_linking`, :func:`evaluate_spans`, :func:`evaluate_extraction`.
"""

from seamark.building.evaluation.extraction import ExtractionReport, evaluate_extraction
from seamark.building.evaluation.gold import (
    read_extraction_gold,
    read_known_sentences,
    read_linking_gold,
    read_span_gold,
)
from seamark.building.evaluation.linking import LinkingReport, evaluate_linking
from seamark.building.evaluation.spans import SpanReport, evaluate_spans

__all__ = [
    "ExtractionReport",
    "LinkingReport",
    "SpanReport",
    "evaluate_extraction",
    "evaluate_linking",
    "evaluate_spans",
    "read_extraction_gold",
    "read_known_sentences",
    "read_linking_gold",
    "read_span_gold",
]
