"""Passwords: what makes one acceptable, and how it is kept (argon2id, nothing that could be read back)."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from seamark.errors import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 12
"""Characters of a password at least."""

_LONGEST = 1024
# RFC 9106's second choice, for machines that do other things as well.
_PASSES, _MEMORY_KB, _LANES = 3, 65536, 4
_SALT_BYTES, _HASH_BYTES = 16, 32


def check_password_rules(name: str, password: str) -> None:
    """See that a person may have this password.

    Raises:
        UsageError: it is too short, too long, or the person's name.
    """
    if not SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(
            f"a password of {len(password)} characters", expected=f"{SHORTEST} to {_LONGEST} characters"
        )
    if password.casefold() == name.casefold():
        raise UsageError("the password is the person's name", expected="another password")
    if _to_bytes(password) is None:
        raise UsageError("the password is no text", expected="Unicode characters")


def hash_password(password: str) -> str:
    """What is kept of a password."""
    return _get_hasher().hash(_to_bytes(password) or b"")


def matches(kept: str, password: str) -> bool:
    """Whether ``password`` is the one of which ``kept`` is what is kept.

    It takes as long where nothing is kept, so that nobody learns from the time who has an account.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    given = _to_bytes(password) if len(password) <= _LONGEST else None
    try:
        return _get_hasher().verify(kept or _make_decoy(), given or b"") and bool(kept and given)
    except (VerificationError, InvalidHashError):
        return False


def _to_bytes(password: str) -> bytes | None:
    """The password as UTF-8, composed, since keyboards differ in that; None where it is no text."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None


@cache
def _get_hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(_PASSES, _MEMORY_KB, _LANES, _HASH_BYTES, _SALT_BYTES)


@cache
def _make_decoy() -> str:
    """A well-formed hash that nothing matches, and that costs nothing to make."""
    salt, value = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={_MEMORY_KB},t={_PASSES},p={_LANES}${salt}${value}"
