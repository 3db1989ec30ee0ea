"""All that was told, kept so that neither order nor repetition matters. For several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import msgspec

from gateway.billing.charge import Charge
from gateway.billing.charging import charge_of, charge_of_row
from gateway.billing.labels import Labels, Place
from gateway.billing.messages import Key, Message
from gateway.billing.observing import Told, observed
from gateway.billing.results import Result, higher
from gateway.billing.streams import Streams
from gateway.ledger.row import Row
from gateway.prices.book import Prices

_Waiting = tuple[Told, Place, Labels, float]


class Book:
    """The messages, attempts and results that were told of.

    Args:
        prices: Returns what prices messages; asked when the first one is priced.
        now_s: The Unix time.
    """

    def __init__(self, prices: Callable[[], Prices], now_s: Callable[[], float]) -> None:
        self._prices = prices
        self._now_s = now_s
        self._lock = threading.Lock()
        self._messages: dict[Key, Message] = {}
        self._priced: dict[Key, Charge] = {}
        self._streams: Streams[_Waiting] = Streams()
        self._results: dict[str, Result] = {}
        self._rows: dict[str, tuple[tuple[bool, int, bytes], Charge | None]] = {}

    def take(
        self,
        thing: object,
        place: Place,
        labels: Labels,
        *,
        stream: Hashable = None,
        message_id: str = "",
        at_s: float | None = None,
    ) -> None:
        """Take one thing; what says nothing of usage is passed over."""
        told = observed(thing, message_id)
        when_s = self._now_s() if at_s is None else at_s
        with self._lock:
            if isinstance(told, Result):
                self._take_result(told, labels)
            elif told is not None:
                own = Labels(session=told.session, agent=told.agent)
                self._take_told(stream, (told, place, labels.over(own), when_s))

    def take_row(self, row: Row) -> None:
        """Take an attempt as the ledger has it; of two versions the later one holds."""
        charge = charge_of_row(row)
        version = (not row.open, row.ended_us or 0, msgspec.json.encode(row))
        with self._lock:
            known = self._rows.get(row.attempt)
            if known is None or known[0] < version:
                self._rows[row.attempt] = (version, charge)

    def charges(self) -> list[Charge]:
        """Return what was told of as amounts, in the order of time."""
        with self._lock:
            charges = [self._charge(key) for key in self._messages]
            charges += [charge for _, charge in self._rows.values() if charge is not None]
            charges += self._unnamed()
        return sorted(charges, key=lambda charge: (charge.at_s, charge.platform, charge.id))

    def results(self) -> dict[str, Result]:
        """Return what results say, by session."""
        with self._lock:
            return dict(self._results)

    def _take_result(self, result: Result, labels: Labels) -> None:
        session = labels.session or result.session
        known = self._results.get(session)
        self._results[session] = result if known is None else higher(known, result)

    def _take_told(self, stream: Hashable, waiting: _Waiting) -> None:
        told, place, labels, _ = waiting
        name = (place, labels) if stream is None else stream
        if told.message_id is None:
            message_id = self._streams.at(name, waiting)
            if message_id:
                self._put(message_id, waiting)
            return
        if told.stage == "start":
            for waited in self._streams.began(name, told.message_id):
                self._put(told.message_id, waited)
        self._put(told.message_id, waiting)

    def _put(self, message_id: str, waiting: _Waiting) -> None:
        told, place, labels, at_s = waiting
        key = Key(place.platform, place.account, message_id)
        message = self._messages.setdefault(key, Message(key))
        message.take(told, place, labels, at_s)
        self._priced.pop(key, None)

    def _charge(self, key: Key) -> Charge:
        charge = self._priced.get(key)
        if charge is None:
            charge = self._priced[key] = charge_of(self._messages[key], self._prices())
        return charge

    def _unnamed(self) -> list[Charge]:
        """Return what streams told of messages that they never named."""
        charges = []
        for name, events in self._streams.waiting():
            _, place, labels, _ = events[0]
            stream = name if isinstance(name, str) else f"{labels.session}/{labels.agent}"
            message = Message(Key(place.platform, place.account, f"unnamed in {stream}"))
            for told, place, labels, at_s in events:
                message.take(told, place, labels, at_s)
            charges.append(charge_of(message, self._prices()))
        return charges
