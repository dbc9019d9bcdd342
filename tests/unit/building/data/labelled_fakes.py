"""A taxonomy to label with: a shared title, a comma in a title, a retired skill."""

from __future__ import annotations

from seamark.taxonomy import Skill, Taxonomy

TAXONOMY = Taxonomy(
    "tiny",
    (
        Skill("s1", "Python", alternative_titles=("Python programming",)),
        Skill("s2", "Nursing"),
        Skill("s3", "Negotiate, with care"),
        Skill("s4", "Twin"),
        Skill("s5", "Twin"),
        Skill("s6", "Old craft", status="retired"),
    ),
    "1.0.0",
)
