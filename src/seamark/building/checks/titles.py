"""Whether every new or changed skill is found by its own title."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seamark.building.checks.result import CheckResult, conclude, leave_out
from seamark.building.checks.subject import Subject, index_titles, spread
from seamark.taxonomy import Skill, Taxonomy, diff_taxonomies, normalise_title

OWN_TITLE = "own title"

MAX_SKILLS = 2000
"""Skills at most whose titles are tried; of more, as many evenly spread ones."""

_BATCH = 256


def check_own_titles(subject: Subject) -> CheckResult:
    """Whether each new or changed skill is among the first when its title is the phrase.

    Skills that share a title count for each other: a title can't say which of them it means.
    """
    skills = list_new_or_changed(subject.previous, subject.release)
    if not skills:
        return leave_out(OWN_TITLE, "no active skill is new or changed")
    tried, rank, share = (
        spread(skills, MAX_SKILLS),
        subject.settings.own_title_rank,
        subject.settings.own_title_share,
    )
    missed = list(_find_missed(subject, tried, rank))
    found = len(tried) - len(missed)
    what = "skills" if subject.previous is None else "new or changed skills"
    scope = f" (evenly spread of {len(skills):,})" if len(tried) < len(skills) else ""
    return conclude(
        OWN_TITLE,
        passed=found >= share * len(tried) - 1e-9,
        found=f"{found:,} of {len(tried):,} {what}{scope} are found by their own title ({found / len(tried):.1%})",
        expected=f"at least {share:.1%} within the first {rank}",
        hint="compare the titles with those found instead: near-duplicates belong merged, and a title that says "
        "nothing needs an alternative title; if most are missed, the vectors are not of this release: embed it again",
        examples=tuple(missed),
    )


def list_new_or_changed(previous: Taxonomy | None, release: Taxonomy) -> list[Skill]:
    """The active skills that ``previous`` doesn't have in the same form; all where there is none."""
    if previous is None:
        return list(release.active)
    diff = diff_taxonomies(previous, release)
    changed = [*diff.added, *(change.new for change in diff.changed)]
    return [skill for skill in changed if skill.status == "active"]


def _find_missed(subject: Subject, skills: Sequence[Skill], rank: int) -> Iterator[str]:
    titled = index_titles(subject.release)
    for start in range(0, len(skills), _BATCH):
        batch = skills[start : start + _BATCH]
        rankings = subject.extractor.rank_phrases([skill.title for skill in batch], depth=rank)
        for skill, ranking in zip(batch, rankings, strict=True):
            ids = [skill_id for skill_id, _ in ranking[:rank]]
            if titled[normalise_title(skill.title)].isdisjoint(ids):
                yield _describe(skill, ids, subject.release)


def _describe(skill: Skill, ids: Sequence[str], release: Taxonomy) -> str:
    first = release.get(ids[0]) if ids else None
    instead = f"gives “{first.title}” first" if first else "gives nothing of the release"
    return f"“{skill.title}” ({skill.skill_id}) {instead}"
