from __future__ import annotations

import pickle
import threading

import pytest

from gateway.credentials.contract import CredentialError
from gateway.credentials.lease import Lease, Margins
from gateway.credentials.renewal import Renewal
from tests.unit.credentials.loopback_token_server import WAIT_S, Clock

PAUSE_S = Margins().pause_s


class Source:
    """Hands out numbered values that live an hour, or fails; may be made to hang."""

    def __init__(self) -> None:
        self.fetches = 0
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.asked = threading.Semaphore(0)

    def __call__(self, now_s: float) -> Lease[str]:
        self.fetches += 1
        number = self.fetches
        self.asked.release()
        assert self.go.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        return Lease(f"value-{number}", now_s, now_s + 3600)


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def renewal(source: Source, clock: Clock) -> Renewal[str]:
    return Renewal(source, "the token", clock=clock)


def test_nothing_is_fetched_before_it_is_asked_for(renewal: Renewal[str], source: Source) -> None:
    assert not renewal.fresh()
    with pytest.raises(CredentialError, match="not fetched yet"):
        renewal.value()
    assert source.fetches == 0


def test_a_refresh_fetches_once_for_as_long_as_it_is_good(
    renewal: Renewal[str], source: Source
) -> None:
    renewal.refresh(WAIT_S)
    renewal.refresh(WAIT_S)

    assert renewal.fresh()
    assert renewal.value() == "value-1"
    assert source.fetches == 1


def test_twenty_threads_share_one_fetch(renewal: Renewal[str], source: Source) -> None:
    source.go.clear()
    start = threading.Barrier(21)
    values: list[str] = []

    def work() -> None:
        start.wait(WAIT_S)
        renewal.refresh(WAIT_S)
        values.append(renewal.value())

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    start.wait(WAIT_S)
    source.go.set()
    for thread in threads:
        thread.join()

    assert values == ["value-1"] * 20
    assert source.fetches == 1


def test_twenty_threads_share_one_failure(renewal: Renewal[str], source: Source) -> None:
    source.error = CredentialError("no", "why")
    start = threading.Barrier(20)
    errors: list[CredentialError] = []

    def work() -> None:
        start.wait(WAIT_S)
        try:
            renewal.refresh(WAIT_S)
        except CredentialError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(error.message, error.detail) for error in errors] == [("no", "why")] * 20
    assert len({id(error) for error in errors}) == 20
    assert source.fetches == 1


def test_a_due_value_is_renewed_behind_the_one_that_uses_it(
    renewal: Renewal[str], source: Source, clock: Clock
) -> None:
    renewal.refresh(WAIT_S)
    source.asked.acquire()
    clock.now_s += 3600 - 299
    source.go.clear()

    assert renewal.fresh()
    assert renewal.value() == "value-1"
    assert source.asked.acquire(timeout=WAIT_S)
    assert renewal.value() == "value-1"
    source.go.set()
    renewal.refresh(WAIT_S)

    assert renewal.value() == "value-2"
    assert source.fetches == 2


def test_a_value_with_five_minutes_left_is_left_alone(
    renewal: Renewal[str], source: Source, clock: Clock
) -> None:
    renewal.refresh(WAIT_S)
    clock.now_s += 3600 - 301

    assert renewal.value() == "value-1"
    renewal.refresh(WAIT_S)
    assert source.fetches == 1


def test_a_failure_while_due_leaves_the_value_in_use(
    renewal: Renewal[str], source: Source, clock: Clock
) -> None:
    renewal.refresh(WAIT_S)
    clock.now_s += 3600 - 100
    source.error = CredentialError("no")

    renewal.refresh(WAIT_S)

    assert renewal.value() == "value-1"
    assert source.fetches == 2


def test_thirty_seconds_before_its_end_a_value_is_fetched_anew(
    renewal: Renewal[str], source: Source, clock: Clock
) -> None:
    renewal.refresh(WAIT_S)
    clock.now_s += 3600 - 30

    assert not renewal.fresh()
    renewal.refresh(WAIT_S)
    assert renewal.value() == "value-2"


def test_a_value_that_ran_out_is_not_given_out(renewal: Renewal[str], clock: Clock) -> None:
    renewal.refresh(WAIT_S)
    clock.now_s += 3600

    with pytest.raises(CredentialError, match="run out"):
        renewal.value()


def test_a_failed_source_is_left_in_peace_for_the_pause(
    renewal: Renewal[str], source: Source, clock: Clock
) -> None:
    source.error = CredentialError("no")
    for _ in range(3):
        with pytest.raises(CredentialError, match=r"^no$"):
            renewal.refresh(WAIT_S)
    assert source.fetches == 1

    source.error = None
    clock.now_s += PAUSE_S
    renewal.refresh(WAIT_S)
    assert renewal.value() == "value-2"


def test_a_hanging_source_holds_nobody_and_one_thread(
    renewal: Renewal[str], source: Source
) -> None:
    source.go.clear()
    for _ in range(5):
        with pytest.raises(CredentialError, match="within the time allowed"):
            renewal.refresh(0)
    source.go.set()
    renewal.refresh(WAIT_S)

    assert renewal.value() == "value-1"
    assert source.fetches == 1


def test_an_unknown_error_is_named_but_not_quoted(renewal: Renewal[str], source: Source) -> None:
    source.error = RuntimeError("the secret is hush")

    with pytest.raises(CredentialError) as caught:
        renewal.refresh(WAIT_S)

    assert caught.value.message == "the token: could not be fetched"
    assert caught.value.detail == "RuntimeError"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_value_that_arrives_dead_is_an_error(clock: Clock) -> None:
    dead = Renewal(lambda now_s: Lease("x", now_s, now_s), "the token", clock=clock)

    with pytest.raises(CredentialError, match="already run out"):
        dead.refresh(WAIT_S)


def test_it_is_not_pickled_and_not_shown(renewal: Renewal[str]) -> None:
    renewal.refresh(WAIT_S)

    assert "value-1" not in repr(renewal)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(renewal)
