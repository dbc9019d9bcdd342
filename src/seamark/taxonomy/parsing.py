"""A taxonomy from the object that our JSON format holds, as :func:`seamark.taxonomy.writing.make_document` makes it.

Unlike the reader of files that people write (:mod:`seamark.taxonomy.readers.plain`) it repairs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seamark.errors import TaxonomyError
from seamark.taxonomy._records import parse_record
from seamark.taxonomy.taxonomy import Taxonomy


def parse_document(document: Mapping[str, Any]) -> Taxonomy:
    """The taxonomy in ``document``; where it names its ``digest``, its content must have it.

    Raises:
        KeyError: no name, no skills, or a skill without ``skill_id`` or ``title``.
        TaxonomyError: a skill_id stands twice, or the content is not that of the digest.
    """
    skills = tuple(map(parse_record, document["skills"]))
    taxonomy = Taxonomy(str(document["name"]), skills, str(document.get("version", "")))
    digest = document.get("digest")
    if digest is not None and taxonomy.digest != digest:
        raise TaxonomyError(
            f"the taxonomy '{taxonomy.name}' has a content of digest {taxonomy.digest[:16]}",
            expected=str(digest)[:16],
        )
    return taxonomy
