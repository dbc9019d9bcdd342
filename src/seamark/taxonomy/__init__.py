"""The taxonomy room: skills, the readers of their sources, releases and what changed between two.

Only the standard library is imported here; the readers' packages come in when a file is read.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seamark.taxonomy.diff import ChangedSkill, TaxonomyDiff, diff_taxonomies
    from seamark.taxonomy.readers import FORMATS, read_taxonomy
    from seamark.taxonomy.release import (
        ImportOutcome,
        TaxonomyRelease,
        import_release,
        list_releases,
        list_taxonomies,
        load_release,
    )
    from seamark.taxonomy.report import NoUsableRowError, ReadResult, RowIssue, RowReport
    from seamark.taxonomy.skill import Skill
    from seamark.taxonomy.taxonomy import Taxonomy, normalise_title
    from seamark.taxonomy.writing import write_taxonomy

# Loaded on first use: `import seamark.taxonomy` costs nothing.
_WHERE = {
    "ChangedSkill": "diff",
    "FORMATS": "readers",
    "ImportOutcome": "release",
    "NoUsableRowError": "report",
    "ReadResult": "report",
    "RowIssue": "report",
    "RowReport": "report",
    "Skill": "skill",
    "Taxonomy": "taxonomy",
    "TaxonomyDiff": "diff",
    "TaxonomyRelease": "release",
    "diff_taxonomies": "diff",
    "import_release": "release",
    "list_releases": "release",
    "list_taxonomies": "release",
    "load_release": "release",
    "normalise_title": "taxonomy",
    "read_taxonomy": "readers",
    "write_taxonomy": "writing",
}

__all__ = [
    "FORMATS",
    "ChangedSkill",
    "ImportOutcome",
    "NoUsableRowError",
    "ReadResult",
    "RowIssue",
    "RowReport",
    "Skill",
    "Taxonomy",
    "TaxonomyDiff",
    "TaxonomyRelease",
    "diff_taxonomies",
    "import_release",
    "list_releases",
    "list_taxonomies",
    "load_release",
    "normalise_title",
    "read_taxonomy",
    "write_taxonomy",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"seamark.taxonomy.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'seamark.taxonomy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
