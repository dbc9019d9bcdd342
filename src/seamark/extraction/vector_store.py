"""Vectors of taxonomies, kept on disk: a taxonomy is embedded once by each encoder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from seamark.errors import StorageError
from seamark.extraction.encoder import Encoder
from seamark.extraction.matching import REDUNDANT, SkillVectors, embed_skills
from seamark.taxonomy.skill import Skill

_VERSION = 1


def load_vectors(
    folder: Path,
    digest: str,
    skills: Sequence[Skill],
    encoder: Encoder,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> SkillVectors:
    """The vectors of ``skills`` by ``encoder``, from ``folder`` where they are there already.

    Args:
        folder: of all kept vectors.
        digest: of the taxonomy.
        skills: its active skills.
        encoder: makes what is missing.
        on_progress: told how many of how many names are encoded.

    Raises:
        StorageError: the folder can't be written.
    """
    path = folder / f"{_name(digest, skills)}-{encoder.name[:24]}.npz"
    kept = _read(path, skills)
    if kept is not None:
        return kept
    made = embed_skills(skills, encoder, on_progress=on_progress)
    _write(path, made)
    return made


def _name(digest: str, skills: Sequence[Skill]) -> str:
    """The content's digest and the order's: rows of vectors are found by the skills' places."""
    order = "\n".join(skill.skill_id for skill in skills)
    return hashlib.sha256(f"{digest}\n{order}".encode()).hexdigest()[:24]


def _read(path: Path, skills: Sequence[Skill]) -> SkillVectors | None:
    """What is kept; None where nothing is, or not all of it: then it is made again."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            header = json.loads(bytes(kept["header"]).decode())
            vectors = SkillVectors(kept["vectors"], kept["starts"], tuple(header["names"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None
    except Exception as error:  # a truncated zip raises zipfile.BadZipFile, which is no ValueError
        if type(error).__name__ != "BadZipFile":
            raise
        return None
    whole = len(vectors.starts) == len(skills) and len(vectors.names) == len(vectors.vectors)
    fresh = header["version"] == _VERSION and header["redundant"] == REDUNDANT
    return vectors if whole and fresh else None


def _write(path: Path, vectors: SkillVectors) -> None:
    header = json.dumps({"version": _VERSION, "redundant": REDUNDANT, "names": vectors.names})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".making-", suffix=".npz", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    vectors=vectors.vectors,
                    starts=vectors.starts,
                    header=np.frombuffer(header.encode(), dtype=np.uint8),
                )
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written ({error.strerror or error})",
            hint="free some space, or set SEAMARK_HOME to another folder",
        ) from error
