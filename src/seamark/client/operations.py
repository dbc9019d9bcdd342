"""Everything the client can do, as steps that either kind of client carries out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from seamark.client import answers, calls
from seamark.client.problems import explain, explain_nonsense
from seamark.client.retrying import Patience, send_patiently
from seamark.client.steps import Answer, Call, Send, Steps, Wait
from seamark.errors import InputError, SeamarkError, ServiceError
from seamark.extraction.document import Document
from seamark.extraction.result import Prediction

Read = TypeVar("Read")

_TOO_LARGE = 413
_NOT_READY = 503


def extract(
    patience: Patience, text: str | Document, *, stage: str | None, doc_id: str, kind: str, sector: str
) -> Steps[Prediction]:
    """The prediction for one text."""
    item = calls.to_item(text, doc_id=doc_id, kind=kind, sector=sector)
    answer = yield from send_patiently(calls.make_extract_call(item, stage=stage), patience)
    return read(answer, answers.read_prediction, "a prediction")


def extract_many(
    patience: Patience, texts: Iterable[str | Document], *, stage: str | None
) -> Steps[list[Prediction]]:
    """The predictions for texts, in their order, by as many requests as that takes.

    What the stage calls too large is sent in halves, so that its limits need not be known here.
    """
    waiting = calls.split_items([calls.to_item(text) for text in texts], most=calls.MOST_TEXTS)
    waiting.reverse()
    found: list[Prediction] = []
    while waiting:
        part = waiting.pop()
        try:
            answer = yield from send_patiently(calls.make_extract_many_call(part, stage=stage), patience)
        except InputError as error:
            if _get_status(error) != _TOO_LARGE or len(part) == 1:
                raise
            # What is too much now is too much later.
            waiting = [half for whole in (*waiting, part) for half in _halve(whole, len(part))]
            continue
        found += read(answer, partial(answers.read_predictions, expected=len(part)), "predictions")
    return found


def search_skills(
    patience: Patience, query: str, *, stage: str | None, limit: int
) -> Steps[list[answers.FoundSkill]]:
    """The skills that have to do with some words."""
    call = calls.make_search_call(query, stage=stage, limit=limit)
    answer = yield from send_patiently(call, patience)
    return read(answer, answers.read_skills, "skills")


def describe_version(patience: Patience, *, stage: str | None) -> Steps[answers.ServedVersion]:
    """The facts of the version that answers."""
    answer = yield from send_patiently(calls.make_version_call(stage=stage), patience)
    return read(answer, answers.read_version, "a version's facts")


def check_health(patience: Patience) -> Steps[answers.Health]:
    """Whether the service can answer; that it can't is an answer too, and nothing is tried again.

    Raises:
        SeamarkError: there is no answer, or another one.
    """
    result = yield Send(Call("GET", "/v1/ready"), patience.timeout)
    if isinstance(result, Answer) and (result.worked or result.status == _NOT_READY):
        return read(result, answers.read_health, "the state of the service")
    assert result is not None
    raise explain(result)


def submit_batch(
    patience: Patience,
    file: Path,
    *,
    text_column: str,
    id_column: str | None,
    stage: str | None,
    filename: str | None,
) -> Steps[answers.BatchJob]:
    """The job that works on a file of texts from now on."""
    call = calls.make_submit_call(
        file, text_column=text_column, id_column=id_column, stage=stage, filename=filename or file.name
    )
    answer = yield from send_patiently(call, patience)
    return read(answer, answers.read_job, "a batch job")


def get_batch(patience: Patience, job_id: str) -> Steps[answers.BatchJob]:
    """How a job stands."""
    answer = yield from send_patiently(calls.make_job_call(job_id), patience)
    return read(answer, answers.read_job, "a batch job")


def wait_for_batch(
    patience: Patience, job_id: str, *, poll_seconds: float, timeout: float | None
) -> Steps[answers.BatchJob]:
    """The job when it has ended.

    Raises:
        ServiceError: it has not within ``timeout`` seconds; None waits as long as it takes.
    """
    end = None if timeout is None else patience.clock() + timeout
    while True:
        job = yield from get_batch(patience, job_id)
        if job.is_over:
            return job
        if end is not None and patience.clock() + poll_seconds > end:
            raise ServiceError(f"the batch job {job_id} is still {job.status}", hint="ask again later")
        yield Wait(poll_seconds)


def fetch_batch_result(patience: Patience, job_id: str, output: Path, *, quarantine: bool) -> Steps[Path]:
    """The file with a job's result, or with the rows it set aside."""
    part = "/quarantine" if quarantine else "/result"
    yield from send_patiently(calls.make_job_call(job_id, part, into=output), patience)
    return output


def read(answer: Answer, reader: Callable[[bytes], Read], expected: str) -> Read:
    """What ``reader`` makes of an answer's body.

    Raises:
        ServiceError: it is something else.
    """
    try:
        return reader(answer.body)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise explain_nonsense(answer, expected) from error


def _halve(part: list[dict[str, str]], refused: int) -> list[list[dict[str, str]]]:
    """A waiting part in two where it is as large as one that was refused; the half that comes first stands last."""
    if len(part) < refused:
        return [part]
    middle = (len(part) + 1) // 2
    return [part[middle:], part[:middle]]


def _get_status(error: SeamarkError) -> int:
    return error.__cause__.status if isinstance(error.__cause__, ServiceError) else 0
