"""However records are cut into batches, taken again, or interleaved: the rows are the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.ledger.costs import context
from gateway.ledger.row import Row, State
from gateway.prices import shipped
from gateway.usage import Usage
from tests.laws import rarely
from tests.ledger.flat_prices import FlatPrices
from tests.ledger.keeping import Kept, sums
from tests.ledger.records import ORDINARY, REPEATING, Placed, history
from tests.ledger.sums import Sum, charged, total, waste

CALLS = 8
JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1.5,
    "",
    "x" * 5000,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "\x00",
    "0",
)


def folded(records: Sequence[Placed], kept: Kept | None = None) -> Kept:
    """Return what comes of records in one batch."""
    kept = Kept() if kept is None else kept
    kept.fold(records)
    kept.restart()
    return kept


def decision_of(placed: Placed) -> str:
    found: str = msgspec.json.decode(placed.record.data)["decision"]
    return found


@rarely(5)
def test_each_attempt_is_booked_as_what_happened(rng: random.Random) -> None:
    told = history(rng, calls=CALLS)
    kept = folded(told.records)
    assert kept.rows.keys() == told.ends.keys()
    for attempt, end in told.ends.items():
        row = kept.rows[attempt]
        assert (row.state, row.won, row.open) == (end.state, end.won, end.open), attempt
    assert not kept.troubles


@rarely(5)
def test_what_a_platform_bills_lies_within_the_bounds(rng: random.Random) -> None:
    told, prices = history(rng, calls=CALLS), rng.choice((FlatPrices(), shipped()))
    for attempt, row in folded(told.records, Kept(prices)).rows.items():
        usage = told.ends[attempt].usage
        billed = 0 if usage is None else prices.cost(Usage.of(usage), context(row)).net_pico
        assert billed is not None
        assert row.low_pico is not None
        assert row.high_pico is not None
        assert row.low_pico <= billed <= row.high_pico
        if row.state is State.FINAL:
            assert row.net_pico == billed == row.low_pico == row.high_pico
        if row.net_pico is not None:
            assert row.low_pico <= row.net_pico <= row.high_pico


@rarely(5)
def test_any_cut_into_batches_and_any_records_taken_again_give_the_same(
    rng: random.Random,
) -> None:
    told = history(rng, calls=CALLS, ways=rng.choice((ORDINARY, REPEATING)))
    records, once = told.records, folded(told.records)
    kept, at = Kept(), 0
    while at < len(records):
        upto = rng.randint(at + 1, len(records))
        kept.fold(records[at:upto])
        at = upto
        if rng.random() < 0.7:
            kept.restart()
        if rng.random() < 0.5:
            rows, summed = kept.rows, kept.sums.copy()
            start, stop = sorted((rng.randint(0, at), rng.choice((at, rng.randint(0, at)))))
            kept.fold(records[start:stop])
            assert kept.rows == rows
            assert kept.sums == summed
    assert kept.rows == once.rows
    assert kept.sums == once.sums
    # A row that was still open may have rested on other prices than in the end.
    assert kept.price_rows.items() >= once.price_rows.items()


@rarely(5)
def test_a_journal_folded_again_into_rows_that_exist_changes_nothing(rng: random.Random) -> None:
    told = history(rng, calls=CALLS, ways=rng.choice((ORDINARY, REPEATING)))
    kept = folded(told.records)
    rows, summed, written = kept.rows, kept.sums.copy(), kept.written
    kept.open_calls.clear()
    kept.prices = FlatPrices(version=2)
    kept.restart()
    kept.in_batches(told.records, rng.choices(range(len(told.records)), k=4))
    ended = {attempt for attempt, row in rows.items() if not row.open}
    assert {each: row for each, row in kept.rows.items() if each in ended} == {
        each: rows[each] for each in ended
    }
    assert kept.rows.keys() == rows.keys()
    assert kept.sums == summed
    if len(ended) == len(rows):
        assert kept.written == written


@rarely(5)
def test_sums_kept_by_difference_are_the_sums_of_the_rows(rng: random.Random) -> None:
    told = history(rng, calls=CALLS, ways=REPEATING)
    kept = Kept()
    kept.in_batches(told.records, rng.choices(range(len(told.records)), k=5))
    added: Counter[str] = Counter()
    for row in kept.rows.values():
        if not row.open:
            added.update(sums(row))
    assert kept.sums == added


@rarely(5)
def test_how_calls_are_interleaved_does_not_matter(rng: random.Random) -> None:
    told = history(rng, calls=CALLS, ways=rng.choice((ORDINARY, REPEATING)))
    assert folded(interleaved_again(rng, told.records)).rows == folded(told.records).rows


@rarely(5)
def test_a_message_shown_in_any_order_is_charged_once_and_the_same(rng: random.Random) -> None:
    told = history(rng, calls=CALLS, ways=REPEATING)
    one, other = Kept(), Kept()
    one.in_batches(told.records, rng.choices(range(len(told.records)), k=3))
    moved = interleaved_again(rng, told.records)
    other.in_batches(moved, rng.choices(range(len(moved)), k=3))
    assert charged_once(one) == charged_once(other)
    assert one.rows == other.rows
    assert total(one.rows.values()) == total(other.rows.values())


@rarely(20)
def test_a_crash_after_any_record_leaves_each_started_attempt_with_a_row(
    rng: random.Random,
) -> None:
    told = history(rng, calls=3)
    kept, started = Kept(), set()
    for placed in told.records:
        folded([placed], kept)
        if placed.record.kind == "started":
            data = msgspec.json.decode(placed.record.data)
            started.add(f"{data['decision']}.{data['attempt']}")
        assert kept.rows.keys() == started


@rarely(5)
def test_the_total_is_the_sum_of_the_attempts(rng: random.Random) -> None:
    told = history(rng, calls=CALLS, ways=rng.choice((ORDINARY, REPEATING)))
    rows = list(folded(told.records).rows.values())
    whole = total(rows)
    assert whole.exact_pico <= whole.low_pico <= whole.high_pico
    added = Sum()
    for row in rows:
        added += total([row])
    assert whole == added
    got = total(row for row in rows if row.won)
    running = total(row for row in rows if row.open)
    assert whole == got + waste(rows) + running
    some, most = (charged(rows, charge_partial=each) for each in (False, True))
    assert some.low_pico <= most.low_pico <= got.low_pico
    assert some.high_pico <= most.high_pico <= got.high_pico
    assert some.exact_pico == some.low_pico == some.high_pico


@rarely(5)
def test_what_is_malformed_is_named_and_spoils_nothing_else(rng: random.Random) -> None:
    told = history(rng, calls=4, processes=1)
    at = rng.randrange(len(told.records))
    file, record = told.records[at]
    spoilt = Placed(file, msgspec.structs.replace(record, data=_spoilt(rng, record.data)))
    kept = folded([*told.records[:at], spoilt, *told.records[at + 1 :]])
    decision = decision_of(told.records[at])
    whole = folded(told.records).rows

    def others(rows: dict[str, Row]) -> dict[str, Row]:
        return {each: row for each, row in rows.items() if row.decision != decision}

    assert others(kept.rows) == {**others(kept.rows), **others(whole)}


def _spoilt(rng: random.Random, data: msgspec.Raw) -> msgspec.Raw:
    """Return the data with something wrong in it, in a member or in all of it."""
    if rng.random() < 0.2:
        return msgspec.Raw(rng.choice((b"", b"[]", b"null", b"{", b"\xff", b'{"a":' * 2000)))
    found = msgspec.json.decode(data)
    member = rng.choice(list(found))
    if rng.random() < 0.2:
        del found[member]
    else:
        found[member] = rng.choice(JUNK)
    return msgspec.Raw(msgspec.json.encode(found))


def interleaved_again(rng: random.Random, records: Sequence[Placed]) -> list[Placed]:
    """Return the records in another order; those of each call stay in theirs."""
    waiting: dict[str, list[Placed]] = {}
    for placed in records:
        waiting.setdefault(decision_of(placed), []).append(placed)
    moved = []
    while waiting:
        decision = rng.choice(list(waiting))
        moved.append(waiting[decision].pop(0))
        if not waiting[decision]:
            del waiting[decision]
    return moved


def charged_once(kept: Kept) -> tuple[dict[str, Row], set[str]]:
    """Return the rows that cost something, and which ones repeat another."""
    rows = kept.rows
    repeats = {attempt for attempt, row in rows.items() if row.duplicate_of is not None}
    for attempt in repeats:
        row = rows[attempt]
        assert (row.net_pico, row.low_pico, row.high_pico, row.list_pico) == (0, 0, 0, 0)
        assert rows[row.duplicate_of or ""].started_us <= row.started_us
    return {attempt: row for attempt, row in rows.items() if attempt not in repeats}, repeats
