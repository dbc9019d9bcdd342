from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from seamark.delivery.history import find_present, find_previous, is_signed_off, stack_placements
from seamark.storage.promotions import Placement

_START = datetime(2026, 11, 21, tzinfo=UTC)


def _make(*steps: str, before: str | None = None) -> list[Placement]:
    """Placements from words: ``A`` promotes, ``<A`` rolls back to it, ``-`` at the end says that it failed."""
    made: list[Placement] = []
    present = before
    for i, step in enumerate(steps):
        version = step.strip("<-")
        kind = "rollback" if step.startswith("<") else "promotion"
        status = "failed" if step.endswith("-") else "live"
        made.append(Placement(f"p{i}", version, kind, status, present, _START + timedelta(seconds=i)))
        present = present if status == "failed" else version
    return made


def _versions(*steps: str, before: str | None = None) -> str:
    return " ".join(entry.version for entry in stack_placements(_make(*steps, before=before)))


def test_promotions_push_and_rollbacks_pop() -> None:
    assert _versions("A", "B", "C") == "A B C"
    assert _versions("A", "B", "C", "<B") == "A B"
    assert _versions("A", "B", "C", "<B", "<A") == "A"
    assert _versions("A", "B", "<A", "C") == "A C"


def test_a_version_may_come_twice_and_a_rollback_means_the_newer_place() -> None:
    assert _versions("A", "B", "A") == "A B A"
    assert _versions("A", "B", "A", "C", "<A") == "A B A"
    assert _versions("A", "B", "A", "<B") == "A B"


def test_what_failed_never_was() -> None:
    assert _versions("A", "B-", "C") == "A C"
    assert _versions("A-") == ""
    assert _versions("A", "B", "<A-") == "A B"


def test_a_rollback_whose_goal_failed_later_stands_for_it() -> None:
    assert _versions("A", "B-", "C", "<B") == "A B"


def test_what_was_there_before_promotions_were_recorded_is_the_bottom() -> None:
    assert _versions("B", before="A") == "A B"
    assert stack_placements(_make("B", before="A"))[0].promotion_id is None
    assert _versions("B-", before="A") == "A"


def test_the_previous_version_is_another_one() -> None:
    previous = find_previous(_make("A", "B"))
    assert previous is not None
    assert (previous.version, previous.promotion_id) == ("A", "p0")
    assert find_previous(_make("A")) is None
    assert find_previous([]) is None
    assert find_previous(_make("A", "B-", "A")) is None


def test_an_empty_history_leaves_nothing_on_the_stage() -> None:
    assert find_present([]) is None
    assert find_present(_make("A-")) is None


def test_a_sign_off_needs_a_promotion_that_was_not_rolled_back_since() -> None:
    assert is_signed_off(_make("A"), "A")
    assert is_signed_off(_make("A", "B"), "A")
    assert not is_signed_off(_make("A-"), "A")
    assert not is_signed_off(_make("A", "B", "<A"), "B")
    assert is_signed_off(_make("A", "B", "<A"), "A")
    assert is_signed_off(_make("A", "B", "<A", "B"), "B")
    assert is_signed_off(_make("A", "B", "<A-"), "B")
    assert not is_signed_off([], "A")


_STEPS = st.lists(st.tuples(st.sampled_from("ABC"), st.booleans()), max_size=12)


@given(_STEPS, st.booleans(), st.data())
def test_the_newest_placement_that_has_not_failed_says_what_is_there(
    steps: list[tuple[str, bool]], has_bottom: bool, data: st.DataObject
) -> None:
    """Whatever fails, and however late, the stack's top is what the newest good placement put there."""
    made = _make(
        *(f"{'<' if back else ''}{version}" for version, back in steps), before="Z" if has_bottom else None
    )
    failed = data.draw(st.sets(st.sampled_from(range(len(made))))) if made else set()
    history = [
        Placement(each.id, each.version, each.kind, "failed", each.replaces, each.decided_at)
        if i in failed
        else each
        for i, each in enumerate(made)
    ]
    good = [each.version for each in history if each.status != "failed"]
    bottom = ["Z"] if has_bottom and made else []
    expected = [*bottom, *good]
    assert find_present(history) == (expected[-1] if expected else None)
    previous = find_previous(history)
    assert previous is None or previous.version != find_present(history)
