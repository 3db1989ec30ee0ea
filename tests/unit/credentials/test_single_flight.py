from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from gateway.credentials.single_flight import SingleFlight
from tests.unit.credentials.loopback_token_server import WAIT_S


def always() -> bool:
    return True


class Work:
    """Counts its runs; each one waits for `go`."""

    def __init__(self) -> None:
        self.runs = 0
        self.go = threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        assert self.go.wait(WAIT_S)
        return run


def test_twenty_threads_share_one_run() -> None:
    work = Work()
    flight = SingleFlight(work, "work")
    joined: list[Future[int] | None] = []
    start = threading.Barrier(20)

    def join() -> None:
        start.wait(WAIT_S)
        joined.append(flight.join(always))

    threads = [threading.Thread(target=join) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work.go.set()

    assert [future.result(WAIT_S) for future in joined if future is not None] == [1] * 20
    assert work.runs == 1


def test_what_is_not_needed_is_not_done() -> None:
    work = Work()

    assert SingleFlight(work, "work").join(lambda: False) is None
    assert work.runs == 0


def test_need_is_not_asked_while_the_work_runs() -> None:
    work = Work()
    flight = SingleFlight(work, "work")
    first = flight.join(always)

    assert flight.join(lambda: False) is first
    work.go.set()
    assert first is not None
    first.result(WAIT_S)
    assert flight.join(lambda: False) is None


def test_a_waiter_that_gives_up_leaves_the_work_to_the_next() -> None:
    work = Work()
    flight = SingleFlight(work, "work")
    first = flight.join(always)
    assert first is not None
    with pytest.raises(TimeoutError):
        first.result(0)

    second = flight.join(always)
    work.go.set()

    assert second is first
    assert second.result(WAIT_S) == 1


def test_work_that_is_done_can_be_done_again() -> None:
    work = Work()
    work.go.set()
    flight = SingleFlight(work, "work")

    results = []
    for _ in range(3):
        future = flight.join(always)
        assert future is not None
        results.append(future.result(WAIT_S))

    assert results == [1, 2, 3]


def test_an_error_reaches_every_waiter_and_the_next_run_starts_afresh() -> None:
    attempts: list[int] = []

    def fail_once() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise SystemExit(3)
        return "good"

    flight = SingleFlight(fail_once, "work")
    first = flight.join(always)
    assert first is not None
    with pytest.raises(SystemExit):
        first.result(WAIT_S)
    with pytest.raises(SystemExit):
        first.result(WAIT_S)

    second = flight.join(always)
    assert second is not None
    assert second.result(WAIT_S) == "good"
