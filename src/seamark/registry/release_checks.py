"""What a taxonomy must have to become a workspace's next release: skills at all, and most of those it had before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seamark.errors import TaxonomyError

if TYPE_CHECKING:
    from seamark.taxonomy.release import TaxonomyRelease
    from seamark.taxonomy.taxonomy import Taxonomy

_EXAMPLES = 5  # lost skills that a refusal names


def check_removed(taxonomy: Taxonomy, before: Taxonomy, *, name: str, allowed: float, hint: str) -> None:
    """Refuse a taxonomy that lacks more than ``allowed`` of the active skills that there were ``before``.

    Args:
        taxonomy: the new one.
        before: the one that it follows.
        name: of ``before``, for the message.
        allowed: the share of them that may be gone, 0-1.
        hint: what to do about it.

    Raises:
        TaxonomyError: more of them are gone.
    """
    kept = {skill.skill_id for skill in taxonomy.active}
    lost = [skill for skill in before.active if skill.skill_id not in kept]
    if len(lost) > allowed * len(before.active):
        shown = ", ".join(repr(skill.title) for skill in lost[:_EXAMPLES])
        raise TaxonomyError(
            f"{len(lost):,} of the {len(before.active):,} active skills of {name} are gone "
            f"({len(lost) / len(before.active):.0%}), such as {shown}",
            expected=f"at most {allowed:.0%} (taxonomy.max_removed_share)",
            hint=hint,
        )


def check_size(taxonomy: Taxonomy, latest: TaxonomyRelease | None, allowed: float, *, force: bool) -> None:
    """Refuse a taxonomy without an active skill, and, unless forced, one that lacks too much of the latest release.

    Args:
        taxonomy: the new one.
        latest: the release that it follows; None for a first one.
        allowed: the share of its active skills that may be gone, 0-1.
        force: whether they may be gone all the same.

    Raises:
        TaxonomyError: it has no active skill, or more of them are gone.
    """
    if not taxonomy.active:
        raise TaxonomyError(
            f"the taxonomy has no active skill ({len(taxonomy)} retired)", expected="one at least"
        )
    if latest is not None and not force:
        check_removed(
            taxonomy,
            latest.taxonomy,
            name=f"{latest.name}@{latest.number}",
            allowed=allowed,
            hint="check that the source is whole; if it is meant so, --force",
        )
