"""One tree of errors, each with an exit code and one readable message."""

from __future__ import annotations

import pytest

from seamark import errors
from seamark.errors import ExitCode, InputError, MissingExtraError, SeamarkError, UsageError

BRANCHES = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SeamarkError)
]


def test_a_message_says_what_was_found_expected_and_to_try():
    error = InputError("the file a.txt is empty", expected="a text", hint="another file")
    assert str(error) == "the file a.txt is empty; expected a text; try: another file"
    assert (error.found, error.expected, error.hint) == ("the file a.txt is empty", "a text", "another file")


def test_parts_that_are_not_given_leave_no_trace():
    assert str(UsageError("no such thing")) == "no such thing"
    assert str(UsageError("no such thing", hint="look")) == "no such thing; try: look"


@pytest.mark.parametrize("kind", BRANCHES)
def test_every_branch_is_caught_by_the_root_and_never_exits_as_a_success(kind):
    assert issubclass(kind, SeamarkError)
    assert kind.exit_code in set(ExitCode) - {ExitCode.WORKED}


def test_a_missing_package_names_what_to_install():
    error = MissingExtraError("training", package="torch", extra="train")
    assert "'torch'" in str(error)
    assert error.hint == "pip install 'seamark[train]'"
    assert error.exit_code == ExitCode.MISUSED


def test_exit_codes_are_the_documented_ones():
    assert {code.name: int(code) for code in ExitCode} == {
        "WORKED": 0,
        "FAILED": 1,
        "MISUSED": 2,
        "BAD_INPUT": 3,
        "PARTIAL": 4,
        "NOT_ALLOWED": 5,
        "INTERRUPTED": 130,
    }
