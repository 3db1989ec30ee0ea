"""Records of the journal -> rows of the ledger. Pure: it reads no file, no clock, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.journal.record import Record
from gateway.ledger.booking import NOWHERE, Taken, taken
from gateway.ledger.calls import Attempt, OpenCall, Place, Said, from_json, to_json
from gateway.ledger.costs import priced
from gateway.ledger.records import READERS, Adjusted, BatchResult, Decided, Finished, at_us
from gateway.ledger.repeats import UNSURE, once
from gateway.ledger.row import Adjustment, Row
from gateway.prices.book import Prices
from gateway.recordable import attempt_id


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


class Moved(NamedTuple):
    """A message that is charged to another attempt than before."""

    before: str
    """The attempt that the rows of a store point to."""
    now: str


class Changes(Struct, kw_only=True):
    """What records have changed since the last `changes`; written in one transaction, or not."""

    rows: list[Booked]
    """Each attempt at most once."""
    moved: dict[Message, Moved] = {}
    """Rows that were written before and point to the one attempt point to the other one."""
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
        booked: Returns the row of an attempt as the ledger has it, open or not.
    """

    def __init__(
        self,
        prices: Prices,
        open_calls: Mapping[str, str],
        known: Callable[[str, str, str], Row | None],
        booked: Callable[[str], Row | None],
    ) -> None:
        self.troubles: Counter[str] = Counter()
        """What could not be used of records: `decision.tags`, `started`, `finished.unseen`."""
        self._prices = prices
        self._known = known
        self._booked = booked
        self._kept = set(open_calls)
        """The calls that a store has."""
        self._calls = dict(self._opened(open_calls))
        self._digests: set[str] = set()
        """Those whose prices were handed out."""
        self._begin()

    def _begin(self) -> None:
        self._touched: dict[str, OpenCall] = {}
        self._ended: dict[tuple[str, int], None] = {}
        """The attempts that have ended, in the order of their ends."""
        self._rows: dict[str, Booked] = {}
        self._messages: dict[Message, str] = {}
        """Message -> the attempt that is charged for it."""
        self._repeats: dict[str, list[str]] = {}
        """That attempt -> those of these rows that point to it."""
        self._moved: dict[Message, Moved] = {}
        self._adjustments: dict[str, Adjustment] = {}

    def _opened(self, open_calls: Mapping[str, str]) -> Iterator[tuple[str, OpenCall]]:
        for decision, text in open_calls.items():
            try:
                yield decision, from_json(text)
            except msgspec.DecodeError:
                self._wrong("open_call")

    def take(self, file: str, record: Record) -> None:
        """Take one record; one of a kind that is not the ledger's is passed over."""
        reader = READERS.get(record.kind)
        said: Decided | Adjusted | BatchResult | Said | None
        said = None if reader is None else reader.read(record.data, self._wrong)
        if said is None:
            return
        if isinstance(said, Decided):
            self._take_decided(said, self._place(file, record))
        elif isinstance(said, Adjusted):
            self._take_adjusted(said, record)
        elif isinstance(said, Finished):
            self._take_finished(said, self._place(file, record))
        elif isinstance(said, BatchResult):
            self._take_result(said, self._place(file, record))
        else:
            self._take_said(said, said.attempt, self._place(file, record))

    def wanted(self) -> Wanted:
        """Return what `changes` will ask `known` and `booked` for."""
        attempts: set[str] = set()
        messages: set[Message] = set()
        for decision, call in self._touched.items():
            if call.over is not None:
                attempts.update(attempt_id(decision, number) for number in call.booked)
            for number, attempt in call.attempts.items():
                if attempt.fresh:
                    attempts.add(attempt_id(decision, number))
                if attempt.message_id is not None and (attempt.ended or call.over):
                    goes = attempt.started or NOWHERE
                    messages.add(
                        Message(goes.platform or "", goes.account or "", attempt.message_id)
                    )
        return Wanted(frozenset(attempts), frozenset(messages))

    def changes(self) -> Changes:
        """Return what the records have changed, and forget it."""
        for decision, number in self._ended:
            self._book(decision, self._calls[decision], number)
        for decision, call in self._touched.items():
            for number in list(call.attempts):
                self._book(decision, call, number)
            self._name(decision, call)
        ended = [decision for decision, call in self._touched.items() if not _goes_on(call)]
        for decision in ended:
            del self._calls[decision], self._touched[decision]
        changes = Changes(
            rows=list(self._rows.values()),
            moved=self._moved,
            open_calls={
                **{decision: to_json(call) for decision, call in self._touched.items()},
                **dict.fromkeys(self._kept.intersection(ended)),
            },
            files={decision: call.file for decision, call in self._touched.items()},
            adjustments=list(self._adjustments.values()),
            price_rows=dict(self._price_rows()),
        )
        self._kept.difference_update(ended)
        self._kept.update(self._touched)
        self._begin()
        return changes

    def _take_decided(self, said: Decided, place: Place) -> None:
        if said.plan == []:
            return  # It was refused: nothing is sent, and no other record of it comes.
        self._call(said.decision, place).decided = said

    def _take_result(self, said: BatchResult, place: Place) -> None:
        decided, started, finished = said.parts()
        self._take_decided(decided, place)
        self._take_said(started, 1, place)
        self._take_finished(finished, place)

    def _take_said(self, said: Said, number: int, place: Place) -> None:
        call = self._call(said.decision, place)
        attempt = call.attempts.get(number)
        if attempt is None:
            attempt = call.attempts[number] = Attempt(began=place)
        why = attempt.take(said, place)
        if why is not None:
            self._wrong(why)
        if attempt.ended is not None:
            self._ended[said.decision, number] = None

    def _take_finished(self, said: Finished, place: Place) -> None:
        if said.attempt is not None:
            self._take_said(said, said.attempt, place)
        elif said.decision not in self._calls:
            self._wrong("finished.unseen")
            return
        call = self._call(said.decision, place)
        if call.over is None:
            call.over, call.over_us = said, place.at_us
            self._ended.update(((said.decision, number), None) for number in call.attempts)

    def _take_adjusted(self, said: Adjusted, record: Record) -> None:
        found = {**msgspec.structs.asdict(said), "day": said.day.isoformat()}
        adjustment = Adjustment(**found, at_us=self._at_us(record))
        before = self._adjustments.get(said.id, adjustment)
        # Two journals may tell of one; the first to say so counts, in whatever order they are read.
        self._adjustments[said.id] = min(before, adjustment, key=lambda each: each.at_us)

    def _call(self, decision: str, place: Place) -> OpenCall:
        call = self._calls.get(decision)
        if call is None:
            call = self._calls[decision] = OpenCall(file=place.file)
        call.file, call.last_us = place.file, max(call.last_us, place.at_us)
        self._touched[decision] = call
        return call

    def _book(self, decision: str, call: OpenCall, number: int) -> None:
        """Make a row of what is known of an attempt."""
        attempt = call.attempts[number]
        if self._is_booked(decision, number, attempt):
            call.closed(number)
        elif attempt.started is None and call.decided is None:
            self._wrong("attempt.unseen")
            del call.attempts[number]
        else:
            found = taken(decision, call, number, attempt)
            self._put(found)
            if not found.row.open:
                call.closed(number)

    def _is_booked(self, decision: str, number: int, attempt: Attempt) -> bool:
        """Say whether the ledger has an attempt with its end: then nothing more is to be said."""
        if not attempt.fresh:
            return False
        attempt.fresh = False
        row = self._booked(attempt_id(decision, number))
        return row is not None and not row.open

    def _put(self, found: Taken) -> None:
        row = found.row
        twin = None if row.open else self._twin(row)
        if twin is None:
            priced(row, found.usage, self._prices, found.speed)
            self._rows[row.attempt] = Booked(row, None)
            message = _message(row)
            if not row.open and message is not None:
                self._messages[message] = row.attempt
        else:
            self._put_once(row, twin)

    def _put_once(self, row: Row, twin: Booked) -> None:
        """Book a row that shows a message which another one is charged for."""
        first, again = once(row, twin.row, self._prices)
        for each in (first, again):
            before = twin.before if each.attempt == twin.row.attempt else None
            self._rows[each.attempt] = Booked(each, before)
        self._repeats.setdefault(first.attempt, []).append(again.attempt)
        message = Message(row.platform, row.account, row.message_id or "")
        self._messages[message] = first.attempt
        if again.attempt == twin.row.attempt:
            self._move(message, twin, first.attempt)

    def _move(self, message: Message, twin: Booked, first: str) -> None:
        """Let all that point to a row that was charged point to the one that is now."""
        moved = self._repeats.pop(twin.row.attempt, [])
        for attempt in moved:
            row, before = self._rows[attempt]
            self._rows[attempt] = Booked(replace(row, duplicate_of=first), before)
        self._repeats[first] += moved
        if message in self._moved:
            self._moved[message] = Moved(self._moved[message].before, first)
        elif twin.before is not None:
            self._moved[message] = Moved(twin.row.attempt, first)

    def _twin(self, row: Row) -> Booked | None:
        """Return the row that is charged for the same message."""
        message = _message(row)
        if message is None:
            return None
        attempt = self._messages.get(message)
        if attempt is not None:
            return self._rows[attempt]
        found = self._known(*message)
        return None if found is None else Booked(found, found)

    def _name(self, decision: str, call: OpenCall) -> None:
        """Put the id that the caller saw into the rows that were booked before it was known."""
        request_id = None if call.over is None else call.over.request_id
        if request_id is None:
            return
        for number in call.booked:
            attempt = attempt_id(decision, number)
            found = self._rows.get(attempt)
            if found is None:
                row = self._booked(attempt)
                found = None if row is None else Booked(row, None if row.open else row)
            if found is not None and found.row.request_id is None:
                row = replace(found.row, request_id=request_id)
                self._rows[attempt] = Booked(row, found.before)

    def _price_rows(self) -> Iterator[tuple[str, str]]:
        for digest in {row.price_digest for row, _ in self._rows.values()} - self._digests:
            told = self._prices.told(digest) if digest else None
            if told is not None:
                self._digests.add(digest)
                yield digest, told

    def _place(self, file: str, record: Record) -> Place:
        return Place(file, record.seq, self._at_us(record))

    def _at_us(self, record: Record) -> int:
        found = at_us(record.at)
        if found is None:
            self._wrong(f"{record.kind}.at")
        return found or 0

    def _wrong(self, what: str) -> None:
        self.troubles[what] += 1


def _goes_on(call: OpenCall) -> bool:
    """Say whether more may come of a call; of one that nobody saw begin, only its attempts."""
    return call.over is None and (call.decided is not None or bool(call.attempts))


def _message(row: Row) -> Message | None:
    """Return what a row shows; None where no id tells, or none that can be relied on."""
    if row.message_id is None or row.platform in UNSURE:
        return None
    return Message(row.platform, row.account, row.message_id)
