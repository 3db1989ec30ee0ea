"""The thread that folds the journal every second, so that no call waits for the ledger."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_exponential_jitter,
)

from gateway.journal.chain import Finding
from gateway.journal.read import files
from gateway.ledger.failures import LedgerError
from gateway.ledger.folding import fold_batch
from gateway.ledger.one_folder import one_folder
from gateway.ledger.pruning import Retention, prune
from gateway.ledger.reading import Behind, behind, size_bytes
from gateway.ledger.sockets import Sockets
from gateway.ledger.store import Ledger
from gateway.ledger.writing import cursors
from gateway.prices.book import Prices

INTERVAL_S = 1.0
_DAY_S = 86_400
BACK_OFF_S = 1.0
BACK_OFF_CAP_S = 30.0
ANSWERS_S = 120.0
"""How long a batch may take; a database that does not answer by then is gone."""
PRUNES_S = 600.0
"""How long a day's pruning may take; what is left of it goes in the next try."""
CUT_S = 1.0
"""How long a thread may take to end when its connection was cut."""
_FORK_WAIT_S = 5.0
"""How long a fork waits for a batch: a child must not be born within one."""
_LOG = logging.getLogger("gateway.ledger")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the ledger is behind the journal."""

    records: int | None = None
    """Records that are not folded; None: nobody could look yet."""
    until_s: float | None = None
    """All that was recorded up to this Unix time is in the ledger; None: nobody could look yet."""
    troubles: int = 0
    """Files of which the rest cannot be folded; the log names them."""
    error: str | None = None
    """Why folding does not go on, in words without an address."""

    def lag_s(self, now_s: float) -> float | None:
        """Return how old what is missing may be, in seconds; None: nobody could look yet."""
        return None if self.until_s is None else max(0.0, now_s - self.until_s)


class Folding:
    """Folds one journal into one ledger, until it is stopped; a forked process does so too.

    Args:
        url: The ledger's address.
        directory: Where a relative file in it counts from.
        journal: The journal's directory.
        prices: Gives the prices that are in force.
        retention: What is kept how long; None: nothing is taken away.
        now: The Unix time.
        interval_s: How long after a pass the next one begins.
    """

    _thread: threading.Thread | None
    _ledger: Ledger | None
    _folded: str | None
    """A file that the ledger has; where it forgets that, another one was put in its place."""
    _pruned_on: int | None
    """A day, counted from 1970."""

    def __init__(
        self,
        url: str,
        directory: Path,
        journal: Path,
        prices: Callable[[], Prices],
        *,
        retention: Retention | None = None,
        now: Callable[[], float] = time.time,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._url = url
        self._directory = directory
        self._journal = journal
        self._prices = prices
        self._retention = retention
        self._now = now
        self._interval_s = interval_s
        self._begin_anew()
        _foldings.add(self)

    def _begin_anew(self) -> None:
        self._thread = None
        self._stopped = threading.Event()
        self._until_s = 0.0
        self._busy = threading.Lock()
        self._ledger = None
        self._sockets = Sockets()
        self._seen: dict[str, int] = {}
        """The files of which all was folded, and how long they were."""
        self._troubles: dict[str, Finding] = {}
        """File -> why the rest of it cannot be folded."""
        self._folded = None
        self._forgot = False
        self._pruned_on = None
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """How far it came, as of its last look."""
        return self._progress

    @property
    def lag_s(self) -> float | None:
        """How old what is missing may be now, in seconds; None: nobody could look yet."""
        return self._progress.lag_s(self._now())

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop: it does not begin again."""
        return self._stopped.is_set()

    def start(self) -> None:
        """Fold from now on; once it was stopped it does not begin again."""
        if self._thread is None and not self._stopped.is_set():
            self._thread = threading.Thread(target=self._run, name="ledger folding", daemon=True)
            self._thread.start()

    def stop(self, within_s: float) -> bool:
        """Fold what is left, and end; return whether that was done in time.

        What is not folded is in the journal: the next process folds it. A database that does not
        answer is left when the time is up, and a second later this returns whatever happens.
        """
        return stop_all([self], within_s)

    def _begin_to_stop(self, until_s: float) -> None:
        self._until_s = until_s
        self._stopped.set()

    def _ended(self) -> bool:
        """Wait for the end until the time is up; return whether it came."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        thread.join(max(0.0, self._until_s - time.monotonic()))
        in_time = not thread.is_alive()
        if not in_time:
            self._sockets.cut()
            thread.join(CUT_S)
        return in_time

    def _run(self) -> None:
        trying = Retrying(
            retry=retry_if_exception_type(Exception),
            wait=wait_exponential_jitter(BACK_OFF_S, BACK_OFF_CAP_S),
            sleep=sleep_using_event(self._stopped),
            stop=stop_when_event_set(self._stopped),
            before_sleep=self._failed,
        )
        while not self._stopped.is_set():
            try:
                trying(self._pass)
            except RetryError:
                break
            self._stopped.wait(self._interval_s)
        try:
            if self._going():
                self._pass()
        except Exception as error:  # noqa: BLE001 - the journal has what is missing
            self._trouble(error)

    def _pass(self) -> None:
        """Fold what is new, and take note of how far that came."""
        now_s = self._now()
        sizes = {path: size_bytes(path) for path in self._files()}
        new = [path for path, size in sizes.items() if self._seen.get(path.name) != size]
        if new:
            self._fold(new)
            with self._busy, self._sockets.cut_after(ANSWERS_S):
                left = self._left(new)
        else:
            left = Behind(0, None, ())
        if self._forgot:
            self._seen = {}
        elif not left.records:
            # What could not be read may be readable the next time.
            troubled = {trouble.file for trouble in left.troubles}
            self._seen = {
                path.name: size for path, size in sizes.items() if path.name not in troubled
            }
        self._note(left, new, now_s)
        self._prune(now_s)

    def _files(self) -> list[Path]:
        try:
            return files(self._journal)
        except FileNotFoundError:
            return []

    def _fold(self, new: list[Path]) -> None:
        with one_folder(self._journal) as mine:
            more = mine
            while more and self._going():
                with self._busy:
                    ledger = self._opened()
                    with self._sockets.cut_after(ANSWERS_S):
                        more = fold_batch(ledger, new, self._prices()).more

    def _prune(self, now_s: float) -> None:
        """Once a day, take away what is too old."""
        today = int(now_s // _DAY_S)
        if self._retention is not None and self._pruned_on != today and self._going():
            with one_folder(self._journal) as mine, self._busy:
                if mine:
                    ledger = self._opened()
                    with self._sockets.cut_after(PRUNES_S):
                        prune(ledger, self._retention, now_s)
            self._pruned_on = today

    def _left(self, new: list[Path]) -> Behind:
        with self._opened().reading() as connection:
            known = set() if self._folded is None else {self._folded}
            reached = cursors(connection, {path.name for path in new} | known)
        self._forgot = not known <= reached.keys()
        self._folded = min(reached, default=None)
        return behind(new, reached)

    def _going(self) -> bool:
        return not self._stopped.is_set() or time.monotonic() < self._until_s

    def _opened(self) -> Ledger:
        if self._ledger is None:
            # Without a limit: an upgrade takes its time.
            self._ledger = Ledger.open(self._url, self._directory, self._sockets)
        return self._ledger

    def _note(self, left: Behind, new: list[Path], now_s: float) -> None:
        if self._progress.error is not None:
            _LOG.warning("the ledger is folded again")
        before = {path.name: self._troubles.pop(path.name, None) for path in new}
        for trouble in left.troubles:
            self._troubles[trouble.file] = trouble
            if trouble != before[trouble.file]:
                _LOG.error("the rest of a file cannot be folded: %s", trouble)
        until_s = now_s if left.since is None else _unix_s(left.since)
        self._progress = Progress(left.records, until_s, len(self._troubles))

    def _failed(self, state: RetryCallState) -> None:
        outcome = state.outcome
        self._trouble(None if outcome is None else outcome.exception())

    def _trouble(self, error: BaseException | None) -> None:
        words = _words(error)
        before = self._progress
        if before.error != words:
            _LOG.error("the ledger is not folded, and it is tried again: %s", words)
        self._progress = Progress(before.records, before.until_s, before.troubles, words)
        # The database may be another one when it is back.
        self._ledger, self._seen = None, {}
        if self._going():
            self._sockets = Sockets()


def stop_all(foldings: Iterable[Folding], within_s: float) -> bool:
    """Stop several at once, as `Folding.stop` does; return whether all were done in time."""
    stopped, until_s = list(foldings), time.monotonic() + within_s
    for each in stopped:
        each._begin_to_stop(until_s)  # noqa: SLF001 - the same module
    ended = [each._ended() for each in stopped]  # noqa: SLF001 - the same module
    return all(ended)


def _words(error: BaseException | None) -> str:
    if isinstance(error, LedgerError):
        return str(error)
    if isinstance(error, OSError):
        return f"the journal cannot be read: {error.strerror}"
    return type(error).__name__


def _unix_s(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


_foldings: weakref.WeakSet[Folding] = weakref.WeakSet()
_waited: list[Folding] = []


def _before_fork() -> None:
    _waited.extend(
        folding
        for folding in list(_foldings)
        if folding._busy.acquire(timeout=_FORK_WAIT_S)  # noqa: SLF001 - the same module
    )


def _in_parent() -> None:
    while _waited:
        _waited.pop()._busy.release()  # noqa: SLF001 - the same module


def _in_child() -> None:
    _waited.clear()
    for folding in list(_foldings):
        running = folding._thread is not None  # noqa: SLF001 - the same module
        folding._begin_anew()  # noqa: SLF001 - the same module
        if running:
            folding.start()


os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
