"""A credential that is fetched, kept and renewed before it runs out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

from gateway.credentials.contract import CredentialError
from gateway.credentials.lease import Lease, LeaseState, Margins, lease_state, live
from gateway.credentials.single_flight import SingleFlight

T = TypeVar("T")


class Renewal(Generic[T]):
    """Keeps the lease that `fetch` returns. Safe to share between threads.

    `fetch` is given the time; it blocks, and runs in a thread of its own, one at a time. It
    raises CredentialError; any other exception is reported by its class alone, for its text may
    hold a secret. `what` names the credential in errors. `clock` returns seconds since the
    epoch.
    """

    __slots__ = ("_clock", "_failure", "_fetch", "_flight", "_lease", "_margins", "_what")

    def __init__(
        self,
        fetch: Callable[[float], Lease[T]],
        what: str,
        *,
        clock: Callable[[], float] = time.time,
        margins: Margins | None = None,
    ) -> None:
        self._fetch = fetch
        self._what = what
        self._clock = clock
        self._margins = margins or Margins()
        self._lease: Lease[T] | None = None
        self._failure: tuple[CredentialError, float] | None = None
        self._flight = SingleFlight(self._renew, f"credential: {what}")

    def fresh(self) -> bool:
        """Say whether `value` can answer now, without I/O."""
        return self._state() is not LeaseState.SPENT

    def value(self) -> T:
        """Return the credential; one that is due is renewed behind the caller's back.

        Raises CredentialError when there is none or it has run out.
        """
        lease = self._lease
        if lease is None or not live(lease, self._clock()):
            raise CredentialError(f"{self._what}: not fetched yet, or run out")
        if self._state() is LeaseState.DUE:
            self._flight.join(self._needed)
        return lease.value

    def refresh(self, timeout_s: float) -> None:
        """Fetch what is missing or due, or join the fetch in progress, at most `timeout_s`.

        Raises CredentialError when there is still no usable credential then. A failed fetch is
        not repeated within the pause: those who come meanwhile get the same error at once.
        """
        flight = self._flight.join(self._needed)
        if flight is not None:
            try:
                flight.result(timeout_s)
            except TimeoutError:
                if not self.fresh():
                    raise CredentialError(
                        f"{self._what}: not there within the time allowed", timed_out=True
                    ) from None
        if not self.fresh():
            self._give_up()

    def _state(self) -> LeaseState:
        return lease_state(self._lease, self._clock(), self._margins)

    def _needed(self) -> bool:
        failure = self._failure
        paused = failure is not None and self._clock() < failure[1]
        return not paused and self._state() is not LeaseState.GOOD

    def _renew(self) -> None:
        try:
            lease = self._fetch(self._clock())
        except CredentialError as error:
            self._fail(error.message, error.detail)
        except Exception as error:  # noqa: BLE001 - the libraries raise anything
            self._fail(f"{self._what}: could not be fetched", type(error).__name__)
        else:
            self._lease = lease
            self._failure = None

    def _fail(self, message: str, detail: str) -> None:
        until_s = self._clock() + self._margins.pause_s
        self._failure = (CredentialError(message, detail), until_s)

    def _give_up(self) -> NoReturn:
        # A new one for each caller: no shared traceback, and nothing of what the libraries raised.
        if self._failure is None:
            raise CredentialError(f"{self._what}: had already run out when it arrived")
        error = self._failure[0]
        raise CredentialError(error.message, error.detail)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not pickled")
