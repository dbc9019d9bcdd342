"""The one tree of errors, and the exit code that each branch gives the command line.

A message says what was found, what was expected and what to try next. Errors of
other libraries are translated where they are met and kept as the cause.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a ``seamark`` command's exit status says.

    ``WORKED``: everything asked for was done. ``FAILED``: something went wrong that a later
    try may not meet (a full disk, a network away). ``MISUSED``: the command or its options
    are wrong. ``BAD_INPUT``: a file or text is not what it should be; trying again does not
    help. ``PARTIAL``: done, but some rows were set aside in a quarantine file. ``NOT_ALLOWED``: nobody is
    signed in, or whoever is may not do this.
    ``INTERRUPTED``: stopped by Ctrl-C or on request; the same command goes on where it stopped.
    """

    WORKED = 0
    FAILED = 1
    MISUSED = 2
    BAD_INPUT = 3
    PARTIAL = 4
    NOT_ALLOWED = 5
    INTERRUPTED = 130


class SeamarkError(Exception):
    """The root of every error that Seamark raises on purpose.

    Args:
        found: what was met, e.g. ``"the file notes.txt has no column 'description'"``.
        expected: what should have been there; empty when ``found`` says it already.
        hint: the next thing to try.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, found: str, *, expected: str = "", hint: str = "") -> None:
        self.found = found
        self.expected = expected
        self.hint = hint
        parts = [found, f"expected {expected}" if expected else "", f"try: {hint}" if hint else ""]
        super().__init__("; ".join(part for part in parts if part))


class InputError(SeamarkError):
    """A text, a file or a value is not what it should be."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(SeamarkError):
    """A name, an option or a setting is wrong."""

    exit_code = ExitCode.MISUSED


class NotFoundError(UsageError):
    """Nothing has the id or the number that was named."""


class ConflictError(UsageError):
    """What is asked for can't be done in the state that things are in."""


class SignInError(SeamarkError):
    """Nobody is signed in: no token or password was given, or it is wrong, expired or revoked."""

    exit_code = ExitCode.NOT_ALLOWED


class NotAllowedError(SeamarkError):
    """Whoever asks is known, and may not do this."""

    exit_code = ExitCode.NOT_ALLOWED


class TaxonomyError(InputError):
    """A taxonomy source can't be read or has no usable row."""


class WeightsError(SeamarkError):
    """A base model or an adapter is missing, damaged, or can't be fetched."""


class StorageError(SeamarkError):
    """A file can't be written: the disk is full, or the folder may not be written to."""


class ServiceError(SeamarkError):
    """The prediction service can't be reached, or failed; also the cause of what it refused.

    Args:
        found: what was met.
        expected: what should have been there.
        hint: the next thing to try.
        status: the answer's HTTP status; 0: no answer came.
        problem_type: the ``type`` of its problem details, such as ``/problems/stage-empty``.
        request_id: by which the service's log knows the request.
    """

    def __init__(
        self,
        found: str,
        *,
        expected: str = "",
        hint: str = "",
        status: int = 0,
        problem_type: str = "",
        request_id: str = "",
    ) -> None:
        self.status = status
        self.problem_type = problem_type
        self.request_id = request_id
        super().__init__(found, expected=expected, hint=hint)


class TrainingStoppedError(SeamarkError):
    """Training was asked to stop; it can go on from its newest checkpoint."""

    exit_code = ExitCode.INTERRUPTED


class CandidateError(SeamarkError):
    """A candidate failed its functional or performance tests; the champion stays."""


class MissingExtraError(SeamarkError):
    """A part needs packages that are not installed."""

    exit_code = ExitCode.MISUSED

    def __init__(self, what: str, *, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package '{package}', which is not installed",
            hint=f"pip install 'seamark[{extra}]'",
        )
