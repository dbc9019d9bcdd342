from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import UsageError
from seamark.governance.passwords import check_password_rules, hash_password, matches

PASSWORD = "correct horse battery"


def test_a_password_matches_what_is_kept_of_it_and_no_other_does() -> None:
    kept = hash_password(PASSWORD)
    assert matches(kept, PASSWORD)
    assert not matches(kept, PASSWORD + " ")
    assert not matches(kept, "")


def test_what_is_kept_is_argon2id_and_differs_each_time() -> None:
    kept = {hash_password(PASSWORD) for _ in range(2)}
    assert len(kept) == 2
    assert all(one.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for one in kept)
    assert not any(PASSWORD in one for one in kept)


@pytest.mark.parametrize("kept", ["", "no hash", "$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA"])
@pytest.mark.parametrize("given_password", ["", PASSWORD, "x" * 5000])
def test_nothing_matches_where_nothing_usable_is_kept(kept: str, given_password: str) -> None:
    assert not matches(kept, given_password)


def test_a_hash_is_computed_where_nothing_is_kept_so_that_the_time_tells_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from argon2 import PasswordHasher

    asked: list[str] = []
    real = PasswordHasher.verify

    def verify(self: PasswordHasher, kept: str, given_password: bytes) -> bool:
        asked.append(kept)
        return bool(real(self, kept, given_password))

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not matches("", PASSWORD)
    kept = hash_password(PASSWORD)
    assert matches(kept, PASSWORD)
    shapes = [[len(part) for part in one.split("$")] for one in asked]
    assert shapes[0] == shapes[1]
    assert asked[0].rsplit("$", 2)[0] == asked[1].rsplit("$", 2)[0]


def test_a_password_that_another_keyboard_composes_otherwise_is_the_same() -> None:
    kept = hash_password(unicodedata.normalize("NFD", "schöne Grüße 12"))
    assert matches(kept, unicodedata.normalize("NFC", "schöne Grüße 12"))


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 1025, "Ada.Lovelace1", "broken\ud800surrogate"])
def test_a_password_that_is_short_endless_or_the_name_is_refused(password: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_password_rules("ada.lovelace1", password)
    assert password == "" or password not in str(caught.value)


@pytest.mark.parametrize("password", ["x" * 12, "x" * 1024, "ada.lovelace12"])
def test_a_password_at_the_bounds_is_accepted(password: str) -> None:
    check_password_rules("ada.lovelace1", password)


def test_a_broken_text_matches_nothing() -> None:
    assert not matches(hash_password(PASSWORD), "\ud800")


@settings(max_examples=8)
@given(st.text(min_size=12, max_size=40), st.text(min_size=12, max_size=40))
def test_two_passwords_match_exactly_where_they_are_the_same_text(one: str, other: str) -> None:
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    kept = hash_password(one)
    assert matches(kept, one)
    assert matches(kept, other) == same
