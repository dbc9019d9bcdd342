"""Seamark as a measured program: ``python -m benchmarks._seamark_worker TAXONOMY MODEL``."""

from __future__ import annotations

import sys

from benchmarks._worker import Extract, serve


def load() -> Extract:
    """Seamark's extraction over the taxonomy and with the model that the command line names."""
    from seamark.extraction.models import make_extractor

    extractor = make_extractor(taxonomy=sys.argv[1], model=sys.argv[2])

    def extract(texts: list[str], threshold: float | None) -> list[list[str]]:
        extractor.threshold = own if threshold is None else threshold
        return [[skill.skill_id for skill in found.skills] for found in extractor.extract_many(texts)]

    own = extractor.threshold
    return extract


if __name__ == "__main__":
    serve(load)
