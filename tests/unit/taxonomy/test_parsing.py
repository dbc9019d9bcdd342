"""What `make_document` wrote is read back as it was."""

from __future__ import annotations

import json

import pytest

from seamark.errors import TaxonomyError
from seamark.taxonomy import Skill, Taxonomy
from seamark.taxonomy.parsing import parse_document
from seamark.taxonomy.writing import make_document

TAXONOMY = Taxonomy(
    "mine",
    (
        Skill(
            "1", "Data  Design ", "what\nit means", "tsc", alternative_titles=("a", "b;c"), status="retired"
        ),
        Skill("2", "Größe 技能"),
    ),
    "1.2.3",
)


@pytest.mark.parametrize("taxonomy", [TAXONOMY, Taxonomy.starter(), Taxonomy("empty", ())])
def test_a_document_is_the_taxonomy_that_it_was_made_of(taxonomy):
    document = json.loads(json.dumps(make_document(taxonomy) | {"digest": taxonomy.digest}))
    found = parse_document(document)
    assert found == taxonomy
    assert found.skills == taxonomy.skills


def test_a_content_that_is_not_that_of_its_digest_is_refused():
    document = make_document(TAXONOMY) | {"digest": "0" * 64}
    with pytest.raises(TaxonomyError, match="digest"):
        parse_document(document)


def test_without_a_digest_the_content_is_taken_as_it_is():
    assert parse_document({"name": "n", "skills": []}).version == ""


@pytest.mark.parametrize("document", [{}, {"name": "n"}, {"name": "n", "skills": [{"title": "no id"}]}])
def test_what_is_no_taxonomy_is_refused(document):
    with pytest.raises(KeyError):
        parse_document(document)
