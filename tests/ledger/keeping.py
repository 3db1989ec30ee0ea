"""A store for tests: keeps what a fold says, as text, and sums by difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from gateway.ledger.fold import Booked, Changes, Fold, Message, Moved
from gateway.ledger.row import Adjustment, Row
from gateway.prices.book import Prices
from tests.ledger.flat_prices import FlatPrices
from tests.ledger.one_call import OneCall
from tests.ledger.records import Placed

_encode = msgspec.json.Encoder().encode
_row = msgspec.json.Decoder(Row).decode


class Kept:
    """The ledger as a store would have it."""

    def __init__(self, prices: Prices | None = None) -> None:
        self.prices = FlatPrices() if prices is None else prices
        self.open_calls: dict[str, str] = {}
        self.adjustments: dict[str, Adjustment] = {}
        self.price_rows: dict[str, str] = {}
        self.sums: Counter[str] = Counter()
        """Over the rows that have ended, kept up by what each change adds and takes away."""
        self.troubles: Counter[str] = Counter()
        self.written = 0
        """How many rows were written."""
        self._rows: dict[str, bytes] = {}
        self._fold = self._new()

    @property
    def rows(self) -> dict[str, Row]:
        return {attempt: _row(self._rows[attempt]) for attempt in sorted(self._rows)}

    def fold(self, records: Iterable[Placed]) -> Changes:
        """Fold one batch."""
        for file, record in records:
            self._fold.take(file, record)
        wanted = self._fold.wanted()
        self._may_ask = wanted
        changes = self._fold.changes()
        self._write(changes)
        return changes

    def restart(self) -> None:
        """Go on from what is kept alone."""
        self.troubles += self._fold.troubles
        self._fold = self._new()

    def in_batches(self, records: Sequence[Placed], cuts: Iterable[int]) -> None:
        """Fold with a restart at each cut."""
        at = 0
        for cut in [*sorted(cuts), len(records)]:
            self.fold(records[at:cut])
            self.restart()
            at = cut

    def _new(self) -> Fold:
        return Fold(self.prices, self.open_calls, self._known, self._booked)

    def _write(self, changes: Changes) -> None:
        attempts = [row.attempt for row, _ in changes.rows]
        assert len(attempts) == len(set(attempts))
        for booked in changes.rows:
            self._write_row(booked)
        for message, moved in changes.moved.items():
            self._move(message, moved)
        for decision, text in changes.open_calls.items():
            if text is None:
                del self.open_calls[decision]
            else:
                self.open_calls[decision] = text
        assert changes.files.keys() == {each for each, text in changes.open_calls.items() if text}
        self.adjustments |= {each.id: each for each in changes.adjustments}
        self.price_rows |= changes.price_rows

    def _write_row(self, booked: Booked) -> None:
        row, before = booked
        kept = self._rows.get(row.attempt)
        if before is None:
            assert kept is None or _row(kept).open, "a row is in sums already"
        else:
            assert kept == _encode(before), "a row is not as it was booked"
            assert not before.open
            self.sums.subtract(sums(before))
        if not row.open:
            self.sums.update(sums(row))
        self._rows[row.attempt] = _encode(row)
        self.written += 1

    def _move(self, message: Message, moved: Moved) -> None:
        for attempt, row in self.rows.items():
            shows = (row.platform, row.account, row.message_id) == message
            if shows and row.duplicate_of == moved.before:
                self._rows[attempt] = _encode(msgspec.structs.replace(row, duplicate_of=moved.now))

    def _known(self, platform: str, account: str, message_id: str) -> Row | None:
        message = Message(platform, account, message_id)
        assert message in self._may_ask.messages, "it was not said that this would be asked"
        found = [
            row
            for row in self.rows.values()
            if (row.platform, row.account, row.message_id) == message
            and not row.open
            and row.duplicate_of is None
        ]
        assert len(found) < 2, "a message is charged twice"
        return found[0] if found else None

    def _booked(self, attempt: str) -> Row | None:
        assert attempt in self._may_ask.attempts, "it was not said that this would be asked"
        found = self._rows.get(attempt)
        return None if found is None else _row(found)


def kept_of(*calls: OneCall) -> Kept:
    """Return what comes of calls, one batch each."""
    kept = Kept()
    for call in calls:
        kept.fold(call.records)
        kept.restart()
    return kept


def sums(row: Row) -> Counter[str]:
    """Return what one row adds to sums by state."""
    return Counter(
        {
            f"{row.state}.{name}": getattr(row, name) or 0
            for name in ("net_pico", "low_pico", "high_pico", "list_pico", "output_tokens")
        }
        | {f"{row.state}.rows": 1}
    )
