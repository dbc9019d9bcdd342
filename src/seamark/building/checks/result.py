"""What a check found, and all checks together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seamark.errors import InputError

Status = Literal["passed", "failed", "not asked"]

MAX_EXAMPLES = 5
"""Examples that a result gives at most."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check went.

    Attributes:
        name: the check (docs/reference/checks.md).
        passed: whether what was found is what was expected; True where nothing was asked.
        found: what was found, with its figures.
        expected: what was expected.
        hint: what to do about a failure; empty otherwise.
        examples: a few cases that went wrong.
        asked: whether there was anything to check.
        seconds: what it took.
    """

    name: str
    passed: bool
    found: str
    expected: str = ""
    hint: str = ""
    examples: tuple[str, ...] = ()
    asked: bool = True
    seconds: float = 0.0

    @property
    def status(self) -> Status:
        """``passed``, ``failed`` or ``not asked``."""
        if not self.passed:
            return "failed"
        return "passed" if self.asked else "not asked"

    def to_dict(self) -> dict[str, Any]:
        """The result, ready for JSON."""
        return {**asdict(self), "examples": list(self.examples), "status": self.status}


def conclude(
    name: str, *, passed: bool, found: str, expected: str, hint: str, examples: tuple[str, ...] = ()
) -> CheckResult:
    """A result; hint and examples are kept where the check failed."""
    if passed:
        return CheckResult(name, True, found, expected)
    return CheckResult(name, False, found, expected, hint, examples[:MAX_EXAMPLES])


def leave_out(name: str, why: str) -> CheckResult:
    """The result of a check that had nothing to ask."""
    return CheckResult(name, True, why, asked=False)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All checks of a candidate.

    Attributes:
        version: the candidate, as its predictions name it.
        results: one for each check, in the order in which they are described.
    """

    version: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def summary(self) -> str:
        """One line: how many passed, and the names of those that did not."""
        passed = sum(result.status == "passed" for result in self.results)
        asked = sum(result.asked for result in self.results)
        failed = "; failed: " + ", ".join(result.name for result in self.failed) if self.failed else ""
        return f"{passed} of {asked} checks passed{failed}"

    def to_dict(self) -> dict[str, Any]:
        """The report, ready for JSON; :meth:`from_dict` reads it back."""
        return {
            "format": 1,
            "version": self.version,
            "passed": self.passed,
            "results": [result.to_dict() for result in self.results],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> CheckReport:
        """The report that :meth:`to_dict` wrote.

        Raises:
            InputError: it is something else.
        """
        try:
            results = tuple(
                CheckResult(
                    **{
                        **{k: v for k, v in entry.items() if k != "status"},
                        "examples": tuple(entry["examples"]),
                    }
                )
                for entry in record["results"]
            )
            return cls(record["version"], results)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"this check report can't be read ({type(error).__name__}: {error})",
                expected="what CheckReport.to_dict gave",
            ) from error

    def to_rows(self) -> list[tuple[str, str, str, str]]:
        """A row for each check for a table: status, name, what was found, what was expected."""
        return [(result.status, result.name, result.found, result.expected) for result in self.results]
