"""What is tried again, how often, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_service import Reply, make_problem, make_wire
from seamark.client import operations
from seamark.client.calls import split_items
from seamark.client.retrying import Patience, choose_wait, read_retry_after, send_patiently
from seamark.client.steps import Answer, Call, Lost, Send, Wait
from seamark.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    SeamarkError,
    ServiceError,
    SignInError,
    UsageError,
)


class Clock:
    """Seconds that pass only when a step takes them."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def carry_out(steps, results, clock, *, seconds_each=0.0):
    """Answers every request with the next result; gives the waits, and the error or the answer."""
    waits, results = [], iter(results)
    step = next(steps)
    while True:
        if isinstance(step, Wait):
            waits.append(step.seconds)
            clock.now += step.seconds
            result = None
        else:
            clock.now += seconds_each
            result = next(results)
        try:
            step = steps.send(result)
        except StopIteration as end:
            return waits, end.value
        except SeamarkError as error:
            return waits, error


EXTRACT = Call("POST", "/v1/extract")


def try_all(results, *, call=EXTRACT, timeout=30.0, retries=3, **options):
    clock = Clock()
    patience = Patience(timeout, retries, clock, lambda: 1.0)
    return carry_out(send_patiently(call, patience), results, clock, **options)


LOST = Lost(OSError("reset"))
NEVER_SENT = Lost(OSError("refused"), arrived=False)
SUBMIT = Call("POST", "/v1/batch-jobs", repeatable=False)


@pytest.mark.parametrize("bad", [Answer(429), Answer(503), Answer(502), Answer(504), LOST, NEVER_SENT])
def test_what_may_pass_is_tried_again_after_waits_that_double(bad):
    waits, answer = try_all([bad, bad, bad, Answer(200)])
    assert answer == Answer(200)
    assert waits == [0.2, 0.4, 0.8]


@pytest.mark.parametrize("bad", [Answer(429), Answer(503), LOST])
def test_after_the_last_retry_the_error_is_told(bad):
    waits, error = try_all([bad] * 4)
    assert isinstance(error, ServiceError)
    assert len(waits) == 3
    assert try_all([bad], retries=0)[0] == []


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 500, 501])
def test_what_will_not_pass_is_not_tried_again(status):
    waits, error = try_all([Answer(status)])
    assert waits == []
    assert isinstance(error, SeamarkError)


def test_what_would_be_done_twice_is_tried_again_only_where_it_was_not_done():
    for result in (LOST, Answer(502), Answer(504)):
        assert try_all([result], call=SUBMIT)[0] == []
    for result in (NEVER_SENT, Answer(429), Answer(503)):
        assert try_all([result, Answer(202)], call=SUBMIT) == ([0.2], Answer(202))


def test_what_is_hopeless_is_not_tried_again():
    assert try_all([Lost(OSError(), hopeless=True)])[0] == []


def test_a_retry_after_is_waited_for_at_least():
    waits, answer = try_all([Answer(429, {"retry-after": "7"}), Answer(200)])
    assert waits == [7.2]
    assert answer.worked


def test_a_wait_that_ends_too_late_is_not_begun():
    for retry_after in ("30", "31", "99999999999"):
        waits, error = try_all([Answer(503, {"retry-after": retry_after})])
        assert waits == []
        assert error.status == 503


def test_tries_and_waits_together_keep_to_the_time_out():
    waits, error = try_all([LOST] * 50, retries=49, timeout=10, seconds_each=1.0)
    assert isinstance(error, ServiceError)
    assert sum(waits) + len(waits) + 1 <= 10


def test_each_try_gets_the_time_that_is_left():
    clock = Clock()
    steps = send_patiently(Call("GET", "/"), Patience(10, 1, clock, lambda: 0.0))
    assert next(steps) == Send(Call("GET", "/"), 10)
    clock.now = 4.0
    assert isinstance(steps.send(LOST), Wait)
    assert steps.send(None) == Send(Call("GET", "/"), 6)


@given(st.integers(0, 5000), st.floats(0, 1), st.sampled_from([LOST, Answer(503), Answer(429)]))
def test_waits_are_bounded_and_never_nothing(tries, drawn, result):
    wait = choose_wait(Call("GET", "/"), result, tries, Patience(draw=lambda: drawn))
    assert 0.1 <= wait <= 10


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after_gives_seconds_or_a_date(value, seconds):
    assert read_retry_after(value, now=datetime(2026, 11, 21, 12, tzinfo=UTC)) == seconds


@given(st.text())
def test_any_retry_after_is_read_or_ignored(value):
    read = read_retry_after(value)
    assert read is None or read >= 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UsageError),
        (401, SignInError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InputError),
        (422, InputError),
        (429, ServiceError),
        (500, ServiceError),
        (503, ServiceError),
    ],
)
def test_a_problem_comes_back_as_the_error_that_it_was(make_client, service, status, kind):
    service.otherwise = lambda request: make_problem(
        status, "stage-empty", found="nothing on UAT", expected="a version", hint="promote one"
    )
    with pytest.raises(kind) as caught:
        make_client(retries=0).extract("x")
    error = caught.value
    assert type(error) is kind
    assert (error.found, error.expected, error.hint) == ("nothing on UAT", "a version", "promote one")
    known = error if isinstance(error, ServiceError) else error.__cause__
    assert (known.status, known.problem_type, known.request_id) == (status, "/problems/stage-empty", "req-1")


@pytest.mark.parametrize(
    "body", [b"", b"<h1>Bad gateway</h1>", b"\xff", b"[]", b'{"detail": 3}', b"[" * 99_999]
)
def test_an_error_without_problem_details_is_told_by_its_status(make_client, service, body):
    service.otherwise = lambda request: Reply(502, raw=body)
    with pytest.raises(ServiceError, match="answered 502") as caught:
        make_client(retries=0).extract("x")
    assert len(str(caught.value)) < 400


def test_a_busy_service_is_asked_again_until_it_answers(client, service):
    service.replies = [
        make_problem(503),
        make_problem(429, headers={"Retry-After": "0"}),
        Reply(hang_up=True),
    ]
    assert client.extract("x").original_input == "x"
    assert len(service.requests) == 4


def test_an_answer_that_does_not_come_ends_with_the_time_out(make_client, service):
    service.otherwise = lambda request: Reply(200, {}, delay=1.0)
    with pytest.raises(ServiceError, match="no answer"):
        make_client(timeout=0.2).extract("x")


def test_an_answer_that_drips_ends_with_the_time_out(make_client, service):
    service.otherwise = lambda request: Reply(200, "x" * 200, drip=0.05)
    with pytest.raises(ServiceError, match="took longer"):
        make_client(timeout=0.5, retries=0).extract("x")


def test_a_file_that_drips_does_not(make_client, service, tmp_path):
    service.replies = [Reply(200, raw=b"x" * 15, drip=0.05)]
    make_client(timeout=0.5).fetch_batch_result("b", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x" * 15


def test_a_batch_whose_connection_breaks_is_not_sent_twice(client, service, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text\nx\n")
    service.replies = [Reply(hang_up=True)]
    with pytest.raises(ServiceError, match="no answer"):
        client.submit_batch(file, text_column="text")
    assert len(service.requests) == 1


def test_a_batch_that_is_refused_for_now_is_sent_again_whole(client, service, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text\nx\n")
    service.replies = [make_problem(503), Reply(202, {"id": "b", "status": "queued"})]
    assert client.submit_batch(file, text_column="text").job_id == "b"
    assert [request.body for request in service.requests] == [b"text\nx\n"] * 2


@given(st.lists(st.text(max_size=30), max_size=200), st.integers(1, 40))
def test_parts_hold_everything_once_in_order(texts, most):
    items = [{"text": text} for text in texts]
    parts = split_items(items, most=most)
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= most for part in parts)


@given(st.integers(0, 150), st.integers(1, 40))
def test_whatever_the_limit_every_text_is_answered_once_in_order(count, limit):
    asked = [f"t{i}" for i in range(count)]
    steps, result, found = operations.extract_many(Patience(), asked, stage=None), None, None
    while found is None:
        try:
            texts = [item["text"] for item in json.loads(steps.send(result).call.body)["texts"]]
        except StopIteration as end:
            found = [prediction.original_input for prediction in end.value]
            break
        predictions = {"predictions": [make_wire(text) for text in texts]}
        result = Answer(413) if len(texts) > limit else Answer(200, {}, json.dumps(predictions).encode())
    assert found == asked
