"""The worker beside a service: what ends it passes, and it ends with the service."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from seamark.errors import StorageError, UsageError
from seamark.serving import embedded
from seamark.serving.embedded import WorkerThread, run_embedded
from waiting import wait_until


@pytest.fixture
def work(monkeypatch):
    """Lets a test say what the worker meets, time after time; then it works until it is stopped."""
    met = []
    begun = []

    def run_worker(workspace, *, stop, watch):
        begun.append(threading.current_thread())
        if met:
            raise met.pop(0)
        stop.wait()

    monkeypatch.setattr(embedded, "run_worker", run_worker)
    return met, begun


def make_worker(workspace, told):
    return WorkerThread(workspace, tell=told.append, again_seconds=0.01)


def test_it_works_in_a_thread_until_it_is_stopped(workspace, work):
    _, begun = work
    worker = make_worker(workspace, [])
    worker.start()
    wait_until(lambda: begun)
    assert begun[0] is not threading.main_thread()
    worker.stop()
    wait_until(lambda: not begun[0].is_alive())
    assert len(begun) == 1


def test_it_may_be_stopped_before_it_began(workspace, work):
    worker = make_worker(workspace, [])
    worker.stop()
    worker.start()
    worker.stop()
    assert work[1] == []


def test_what_ends_it_is_told_once_and_it_tries_again(workspace, work):
    met, begun = work
    met += [StorageError("a worker already")] * 3 + [OSError("disk"), StorageError("a worker already")]
    told = []
    worker = make_worker(workspace, told)
    worker.start()
    wait_until(lambda: len(begun) == 6)
    worker.stop()
    assert [line.rpartition(": ")[2] for line in told] == ["a worker already", "disk", "a worker already"]


def test_it_can_be_stopped_while_it_waits_to_try_again(workspace, work):
    met, begun = work
    met += [StorageError("away")]
    worker = WorkerThread(workspace, tell=print, again_seconds=3600)
    worker.start()
    wait_until(lambda: begun)
    worker.stop()
    wait_until(lambda: not begun[0].is_alive())


def test_a_service_that_cannot_start_begins_no_work(workspace, work, monkeypatch):
    def refuse(*_, **__):
        raise UsageError("the port is taken")

    monkeypatch.setattr(embedded, "serve", refuse)
    with pytest.raises(UsageError, match="taken"):
        run_embedded(workspace, ready=print, tell=print)
    assert work[1] == []


def test_it_works_while_the_service_answers_and_the_signal_that_ended_both_is_told(
    workspace, work, monkeypatch
):
    def serve(_workspace, *, host, port, instances, ready):
        assert work[1] == []
        ready("http://here")
        wait_until(lambda: work[1])
        assert (host, port, instances) == ("::1", 0, 1)
        return 15

    told = []
    monkeypatch.setattr(embedded, "serve", serve)
    assert run_embedded(workspace, host="::1", port=0, ready=told.append, tell=print) == 15
    assert told == ["http://here"]
    wait_until(lambda: not work[1][0].is_alive())


def test_a_schedule_that_cannot_be_read_is_said_before_anything_begins(workspace, work, monkeypatch):
    monkeypatch.setattr(embedded, "serve", lambda *_, **__: pytest.fail("it served"))
    pipelines = replace(workspace.settings.pipelines, schedule="now and then")
    settings = replace(workspace.settings, pipelines=pipelines)
    with pytest.raises(UsageError, match="now and then"):
        run_embedded(replace(workspace, settings=settings), ready=print, tell=print)
