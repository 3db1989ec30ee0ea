"""Usage and cost for operators: the ledger's reports as JSON, apart from what calls need.

Reports are read in threads of their own, few at a time and not for long, and what is told is
bounded: a call waits for none of it, and neither does the end of the process. Who asks is answered
when the time is up, whatever the database does; the connection is cut then, so that the thread
ends. One that nothing can end, as where a disk does not answer, keeps its place until it does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from gateway.answers import Answer
from gateway.config import Config
from gateway.errors import Malformed
from gateway.server.asgi import Scope
from gateway.server.refusals import BusyLedger, LostLedger, NoLedger, SlowLedger
from gateway.server.replies import shown
from gateway.wire.threads import begin

if TYPE_CHECKING:
    from gateway.ledger.sockets import Sockets
    from gateway.ledger.store import Ledger

PATHS = {
    "/v1/usage": "usage",
    "/v1/usage/tree": "tree",
    "/v1/usage/cache": "cache",
    "/v1/usage/waste": "waste",
}
"""Path -> the report."""
AT_ONCE = 2
"""How many reports are read at a time."""
LIMIT_S = 10.0
"""How long one may take."""
TOP = 100
"""How many groups are told where nobody says."""
TOP_MOST = 1000
ATTEMPTS_MOST = 2000
"""How many attempts of a session are told one by one."""
FIELDS_MOST = 200
"""How many parameters are read."""


class Tells(Protocol):
    """What the server asks for reports."""

    async def answer(self, scope: Scope, policy: str) -> Answer:
        """Return a report as an answer; raises the Refused that says why there is none."""
        ...


class NoReports:
    """A server without a ledger."""

    async def answer(self, scope: Scope, policy: str) -> Answer:
        """Raise NoLedger."""
        del scope, policy
        raise NoLedger


class Reports:
    """The reports of one ledger.

    Args:
        url: The ledger's.
        directory: Where a relative file counts from.
        charge_partial: Whether callers are charged for answers that broke off.
        limit_s: How long a report may take.
    """

    def __init__(
        self, url: str, directory: Path, *, charge_partial: bool = True, limit_s: float = LIMIT_S
    ) -> None:
        # Imported now: it would take the first report's time, and that of calls beside it.
        from gateway.ledger import sockets, store  # noqa: PLC0415 - an extra
        from gateway.ledger.reports import asked, catalog, reading  # noqa: PLC0415 - an extra

        self._store, self._sockets = store, sockets
        self._catalog, self._reading = catalog, reading
        self._place = (url, directory)
        self._limit_s = limit_s
        self._setting = asked.Setting(charge_partial, TOP, TOP_MOST, ATTEMPTS_MOST, limit_s)
        self._free = threading.BoundedSemaphore(AT_ONCE)

    async def answer(self, scope: Scope, policy: str) -> Answer:
        """Return a report as an answer; raises the Refused that says why there is none."""
        name = PATHS[scope["path"]]
        given = _parameters(scope["query_string"].decode("latin-1"))
        if not self._free.acquire(blocking=False):
            raise BusyLedger(AT_ONCE)
        try:
            work = begin(lambda: self._told(name, given, policy), "gateway-report")
        except RuntimeError:  # There is no room for a thread.
            self._free.release()
            raise
        work.add_done_callback(lambda _: self._free.release())
        reading = asyncio.wrap_future(work)
        try:
            await asyncio.wait([reading], timeout=self._limit_s)
            if not reading.done():
                raise SlowLedger(self._limit_s)
            return reading.result()
        finally:
            reading.cancel()

    def _told(self, name: str, given: Mapping[str, Sequence[str]], policy: str) -> Answer:
        """Read a report; in a thread."""
        from gateway.ledger.failures import LedgerError  # noqa: PLC0415 - an extra
        from gateway.ledger.reports.asked import BadParameter  # noqa: PLC0415 - an extra

        now_us, sockets = time.time_ns() // 1000, self._sockets.Sockets()
        try:
            with sockets.cut_after(self._limit_s), closing(self._opened(sockets)) as ledger:
                told = self._catalog.told(ledger, name, given, now_us, self._setting)
        except BadParameter as error:
            raise Malformed(f"{error.parameter}: {error}.") from None
        except self._reading.TooSlow:
            raise SlowLedger(self._limit_s) from None
        except LedgerError as error:
            if sockets.are_cut:
                raise SlowLedger(self._limit_s) from None
            raise LostLedger(str(error)) from None
        return shown(told, policy)

    def _opened(self, sockets: Sockets) -> Ledger:
        return self._store.Ledger.existing(*self._place, sockets)


def reports_of(config: Config) -> Tells:
    """Return the reports of a configuration's ledger."""
    ledger = config.ledger
    if ledger.url is None:
        return NoReports()
    return Reports(ledger.url.reveal(), config.path("."), charge_partial=ledger.charge_partial)


def _parameters(query: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        raise Malformed(f"The query has more than {FIELDS_MOST} parameters.") from None
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        found[name].append(value)
    return found
