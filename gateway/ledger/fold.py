"""Records of the journal -> rows of the ledger. Pure: it reads no file, no clock, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec import Struct

from gateway.journal.record import Record
from gateway.ledger.row import Adjustment, Row
from gateway.prices.book import Prices


class Booked(NamedTuple):
    """One row to be written, whole."""

    row: Row
    before: Row | None
    """The row as the ledger has it, where that one has ended and so is in sums already. None: it
    is in no sum; there may be a row that is still open."""


class Message(NamedTuple):
    """What makes an answer one answer: it is charged once, however many attempts show it."""

    platform: str
    account: str
    message_id: str


class Wanted(NamedTuple):
    """What the next `changes` asks for, so that a store can look all of it up at once."""

    attempts: frozenset[str]
    messages: frozenset[Message]


class Changes(Struct, kw_only=True):
    """What records have changed since the last `changes`; written in one transaction, or not."""

    rows: list[Booked]
    """Each attempt at most once."""
    open_calls: dict[str, str | None]
    """Decision -> JSON to keep for the next fold; None: the call is over, forget it."""
    files: dict[str, str]
    """Decision -> the file that its last record stands in, for each call that is kept."""
    adjustments: list[Adjustment]
    """One whose id the ledger has already is the same one again."""
    price_rows: dict[str, str]
    """`Row.price_digest` -> the prices it stands for, as JSON."""


class Fold:
    """Folds records, in the order of their files, into rows.

    Taking a record again changes nothing. When a store could not write the changes, it throws
    this object away and makes a new one from what it has.

    Args:
        prices: What an attempt costs.
        open_calls: What earlier `changes` said to keep: decision -> JSON.
        known: Returns the row that has ended and shows a message, and is no duplicate.
        booked: Returns the row of an attempt as the ledger has it.
    """

    def __init__(
        self,
        prices: Prices,
        open_calls: Mapping[str, str],
        known: Callable[[str, str, str], Row | None],
        booked: Callable[[str], Row | None] = lambda _: None,
    ) -> None:
        self.troubles: Counter[str] = Counter()
        """What could not be used of records, by name."""

    def take(self, file: str, record: Record) -> None:
        """Take one record; one of a kind that is not the ledger's is passed over."""
        raise NotImplementedError

    def wanted(self) -> Wanted:
        """Return what `changes` will ask `known` and `booked` for."""
        raise NotImplementedError

    def changes(self) -> Changes:
        """Return what the records have changed, and forget it."""
        raise NotImplementedError
