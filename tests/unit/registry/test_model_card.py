from __future__ import annotations

from typing import Any

import pytest

from registry_fakes import MANIFEST
from seamark.registry.model_card import render_model_card

FULL: dict[str, Any] = {
    **MANIFEST,
    "lineage": {
        "parent": "1.2.8",
        "experiment": "experiment-7",
        "trigger": "manual",
        "code_commit": "abc123",
        "packages": {"torch": "2.13.0", "numpy": "2.5.1"},
    },
    "metrics": {
        "jaccard": 0.41234,
        "latency_p95_ms": 41.5,
        "cosine_f1": None,
        "slices": {"sector": {"Health | Care": {"jaccard": 0.38}}},
    },
}


def test_the_card_opens_with_the_front_matter_of_the_hub() -> None:
    header = render_model_card(FULL).split("---")[1]
    assert "license: apache-2.0" in header
    assert "base_model: sentence-transformers/all-MiniLM-L6-v2" in header
    assert "library_name: seamark" in header


@pytest.mark.parametrize(
    "section",
    [
        "Intended use",
        "Training data",
        "Metrics",
        "Metrics by slice",
        "Limitations",
        "Base model and licences",
        "How to make it again",
        "Environment",
    ],
)
@pytest.mark.parametrize("manifest", [FULL, {}], ids=["full", "empty"])
def test_every_section_is_there_and_says_something(manifest: dict[str, Any], section: str) -> None:
    body = render_model_card(manifest).split(f"## {section}\n\n")[1].split("\n## ")[0]
    assert body.strip()


def test_the_card_names_versions_and_checksums_of_what_it_was_trained_on() -> None:
    card = render_model_card(FULL)
    assert "# Seamark model 1.2.9" in card
    assert "Data version: 3, SHA-256 `d3`" in card
    assert "release esco@1.0.0, SHA-256 `t1`" in card
    assert "SHA-256 `53aa`" in card
    assert "| SHA-256 of embedding_model | e1 |" in card
    assert "commit `abc123`" in card
    assert "| torch | 2.13.0 |" in card
    assert "| made from | 1.2.8 |" in card


def test_figures_are_readable_and_slices_apart() -> None:
    card = render_model_card(FULL)
    assert "| jaccard | 0.4123 |" in card
    assert "| latency_p95_ms | 41.5 |" in card
    assert "| cosine_f1 | not measured |" in card
    assert "| sector.Health \\| Care | jaccard | 0.38 |" in card


def test_a_candidate_has_a_card_before_it_has_a_number() -> None:
    card = render_model_card({**FULL, "version": ""})
    assert "# Seamark model for esco@1.0.0" in card
    assert "the number stands in manifest.json" in card


def test_a_model_without_labelled_examples_says_so() -> None:
    card = render_model_card({**FULL, "data": None, "metrics": {}})
    assert "No labelled examples" in card
    assert "Not measured: there was no labelled test data." in card


def test_a_fact_that_nobody_recorded_is_not_called_unmeasured() -> None:
    card = render_model_card(MANIFEST | {"lineage": {}})
    assert "| experiment | not recorded |" in card
    assert "commit `not recorded`" in card


def test_a_base_model_that_nobody_knows_has_no_known_licence() -> None:
    manifest = {**FULL, "recipe": {"encoder": {"base_model": "my model folder!"}}}
    card = render_model_card(manifest)
    assert "license: other" in card
    assert "not known to Seamark" in card


def test_the_same_manifest_gives_the_same_card() -> None:
    assert render_model_card(FULL) == render_model_card(dict(FULL))
