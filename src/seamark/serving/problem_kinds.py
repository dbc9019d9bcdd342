"""The kinds of problems, and the error that has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seamark.errors import SeamarkError


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem.

    Attributes:
        name: the last part of its type.
        status: the HTTP status that it comes with.
        title: what it is, in a few words.
        meaning: what it means and what to do about it.
        retry_after: seconds after which the same request may work; 0: it will not by waiting.
    """

    name: str
    status: int
    title: str
    meaning: str
    retry_after: int = 0


_KINDS = (
    ProblemKind("bad-request", 400, "The request is wrong", "A name, an option or a setting is wrong."),
    ProblemKind(
        "not-json",
        400,
        "The body is no JSON",
        "The body must be JSON in UTF-8, without NaN, not nested deeply.",
    ),
    ProblemKind("not-text", 400, "The body is no text", "The body must be text in UTF-8."),
    ProblemKind(
        "sign-in",
        401,
        "Nobody is signed in",
        "Send Authorization: Bearer TOKEN; `seamark token create` makes one.",
    ),
    ProblemKind(
        "not-allowed",
        403,
        "Not allowed",
        "The roles of whoever asks, or their token's scopes, do not allow it.",
    ),
    ProblemKind("not-found", 404, "Not found", "There is nothing at this path, or nothing with this id."),
    ProblemKind("stage-empty", 404, "The stage has no version", "Promote a version to the stage first."),
    ProblemKind(
        "method-not-allowed", 405, "Method not allowed", "The header Allow names the methods of this path."
    ),
    ProblemKind(
        "conflict",
        409,
        "Not in this state",
        "What is asked for can't be done in the state that things are in.",
    ),
    ProblemKind(
        "damaged-model", 409, "The model is damaged", "A model version's files are not what was registered."
    ),
    ProblemKind(
        "too-large", 413, "Too large", "The body, a text or the number of texts is over the stage's limits."
    ),
    ProblemKind(
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "The body is of a kind that this path does not take.",
    ),
    ProblemKind(
        "invalid-fields", 422, "A field is wrong", "`errors` names each field and what is wrong with it."
    ),
    ProblemKind(
        "bad-input", 422, "The input can't be used", "A text, a file or a value is not what it should be."
    ),
    ProblemKind(
        "too-many-requests", 429, "Too many requests", "Wait as long as the header Retry-After says.", 1
    ),
    ProblemKind(
        "internal",
        500,
        "Something went wrong",
        "A mistake in the service; its log has it under the request's id.",
    ),
    ProblemKind(
        "busy", 503, "Too much is waiting", "The stage's queue is full. Wait as long as Retry-After says.", 1
    ),
    ProblemKind(
        "stopping", 503, "The server is stopping", "Ask another server, or wait for the next one.", 2
    ),
    ProblemKind(
        "stage-unavailable", 503, "The stage can't answer", "Its version is being loaded, or can't be.", 2
    ),
    ProblemKind(
        "storage-unavailable",
        503,
        "The storage can't be used",
        "The database or the object store is away.",
        5,
    ),
)

KINDS: Mapping[str, ProblemKind] = {kind.name: kind for kind in _KINDS}
"""Every kind of problem by its name."""


class ProblemError(SeamarkError):
    """A problem that has a kind of its own.

    Args:
        name: the kind's, a key of :data:`KINDS`.
        found: what was met.
        expected: what should have been there.
        hint: the next thing to try.
        retry_after: seconds; default: the kind's.
    """

    def __init__(
        self, name: str, found: str, *, expected: str = "", hint: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(found, expected=expected, hint=hint)
        self.kind = KINDS[name]
        self.retry_after = self.kind.retry_after if retry_after is None else retry_after
