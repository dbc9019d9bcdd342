from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException

from seamark import errors
from seamark.serving.problems import KINDS, MEDIA_TYPE, ProblemError, translate


def read(error: Exception) -> tuple[int, dict[str, object]]:
    answer = translate(error, "request-1")
    assert answer.media_type == MEDIA_TYPE
    told = json.loads(bytes(answer.body))
    assert told["status"] == answer.status_code
    assert told["instance"] == "request-1"
    return answer.status_code, told


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.SignInError("a"), 401, "sign-in"),
        (errors.NotAllowedError("a"), 403, "not-allowed"),
        (errors.NotFoundError("a"), 404, "not-found"),
        (errors.ConflictError("a"), 409, "conflict"),
        (errors.UsageError("a"), 400, "bad-request"),
        (errors.InputError("a"), 422, "bad-input"),
        (errors.TaxonomyError("a"), 422, "bad-input"),
        (errors.WeightsError("a"), 409, "damaged-model"),
        (errors.StorageError("a"), 503, "storage-unavailable"),
        (errors.CandidateError("a"), 500, "internal"),
        (errors.MissingExtraError("a", package="b", extra="c"), 500, "internal"),
        (HTTPException(404), 404, "not-found"),
        (HTTPException(418), 400, "bad-request"),
        (HTTPException(502), 500, "internal"),
        (RuntimeError("a"), 500, "internal"),
        (RecursionError(), 500, "internal"),
    ],
)
def test_each_error_has_its_problem(error, status, name):
    code, told = read(error)
    assert (code, told["type"]) == (status, f"/problems/{name}")


@pytest.mark.parametrize("name", KINDS)
def test_an_error_of_each_kind_has_its_status_and_what_it_says(name):
    error = ProblemError(name, "found this", expected="that", hint="do so")
    code, told = read(error)
    assert code == KINDS[name].status
    assert (told["found"], told["expected"], told["hint"]) == ("found this", "that", "do so")


def test_what_passes_by_waiting_says_how_long():
    for name, kind in KINDS.items():
        header = translate(ProblemError(name, "a"), "").headers.get("retry-after")
        assert (header is not None) == (kind.status in (429, 503))
        assert header is None or int(header) == kind.retry_after > 0
    assert translate(ProblemError("busy", "a", retry_after=17), "").headers["retry-after"] == "17"


@pytest.mark.parametrize(
    "error",
    [
        errors.StorageError("can't reach postgresql://user@inner-host/name"),
        RuntimeError("inner-host"),
        errors.SeamarkError("inner-host"),
    ],
)
def test_the_inside_is_not_told(error):
    assert "inner-host" not in json.dumps(read(error)[1])


def test_what_utf_8_can_not_hold_is_told_all_the_same():
    assert read(errors.UsageError("half \ud800 of a character"))[0] == 400
