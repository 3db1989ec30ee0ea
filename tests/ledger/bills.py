"""The ledger held against the bill: what the emulated platforms charge, and what rows say of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import cast

from gateway.emulator import Record
from gateway.journal.record import decoded
from gateway.ledger.costs import UNSIZED
from gateway.ledger.fold import Fold
from gateway.ledger.row import Row, State
from gateway.prices import shipped
from gateway.prices.cost import Context, Scope
from gateway.usage import Usage
from providers import catalog

METADATA = "x-amzn-bedrock-request-metadata"
NEVER_ARRIVES = frozenset({State.NOT_SENT})
AT_S = 1_795_824_000.0
"""Prices of one day for all: 2026-11-28."""


@dataclass(frozen=True)
class Billed:
    """One request that arrived at a platform, and what it charges for it."""

    platform: str
    pico: int
    message_id: str | None = None
    attempt: str | None = None
    """The name that the request bore."""

    def __str__(self) -> str:
        return f"{self.platform} {self.attempt or self.message_id or 'request'}"


def billed(record: Record) -> Billed:
    """Return what a request costs by the emulator's account; it must have ended."""
    bill = record.billed
    assert bill is not None, f"request {record.number} has not ended"
    named = json.loads(record.header(METADATA) or "{}")
    pico = 0
    if bill.usage:
        pico = _priced(record.platform, bill.scope, bill.model, json.dumps(bill.usage))
    return Billed(record.platform, pico, bill.message_id, named.get("tidegate-attempt"))


@lru_cache(maxsize=4096)
def _priced(platform: str, scope: str, model: str, usage: str) -> int:
    context = Context(
        platform=platform,
        scope=cast("Scope", scope),
        model=catalog.canonical(model) or model,
        at_s=AT_S,
    )
    cost = shipped().cost(Usage.of({"usage": json.loads(usage)}), context)
    assert cost.net_pico is not None, cost.unpriced
    return cost.net_pico


def folded(journal: Path) -> list[Row]:
    """Return the rows of a journal's files, folded at once, in the order of their starts."""
    files = sorted(journal.glob("*.jsonl"))
    return folded_lines(
        (file.name, line) for file in files for line in file.read_bytes().splitlines()
    )


def folded_lines(lines: Iterable[tuple[str, bytes]]) -> list[Row]:
    """Return the rows of these lines of files, in the order of their starts."""
    fold = Fold(shipped(), {}, lambda *_: None, lambda _: None)
    for name, line in lines:
        fold.take(name, decoded(line))
    changes = fold.changes()
    assert not fold.troubles, fold.troubles
    rows = [booked.row for booked in changes.rows]
    return sorted(rows, key=lambda row: (row.started_us, row.number))


def differences(
    rows: Sequence[Row], bills: Iterable[Billed], *, in_turn: bool = True
) -> Iterator[str]:
    """Yield where rows and bills do not agree: each request has one row, and each row is right.

    A request is known by its name, else by its answer's id, else by its platform and order.

    Args:
        rows: The ledger's, in the order of their starts.
        bills: The platforms', in the order of arrival.
        in_turn: Whether one attempt began after the other; else only sums tell of the last kind.
    """
    left = {row.attempt: row for row in rows}
    if len(left) < len(rows):
        yield "an attempt has two rows"
    for row in rows:
        yield from _unsound(row)
    by_message = {row.message_id: row for row in rows if row.duplicate_of is None}
    unknown: dict[str, list[Billed]] = defaultdict(list)
    for bill in bills:
        shown = by_message.get(bill.message_id or "")
        name = bill.attempt or (shown.attempt if shown is not None else "")
        found = left.pop(name, None)
        if found is not None:
            yield from _unequal(found, bill)
        elif bill.attempt is not None:
            yield f"{bill} has no row of its own"
        else:
            unknown[bill.platform].append(bill)
    yield from _unmatched(left, unknown, in_turn=in_turn)


def _unsound(row: Row) -> Iterator[str]:
    """Yield what no row of an ended call may be."""
    name = f"{row.upstream} {row.attempt}"
    if row.open:
        yield f"{name} is open"
    if row.unpriced is not None or row.low_pico is None:
        yield f"{name} has no price: {row.unpriced}"
    elif row.high_pico is None:
        if UNSIZED.isdisjoint(row.flags):
            yield f"{name} has no upper bound, and does not say why"
    elif not 0 <= row.low_pico <= row.high_pico:
        yield f"{name} costs from {row.low_pico} to {row.high_pico}"
    elif row.state in {State.NOT_SENT, State.REJECTED} and row.high_pico:
        yield f"{name} is {row.state} and costs {row.high_pico}"


def _unequal(row: Row, bill: Billed) -> Iterator[str]:
    name = f"{row.upstream} {row.attempt} ({row.state}, {row.outcome})"
    if row.platform != bill.platform:
        yield f"{name} is billed by {bill.platform}"
    if None not in (row.message_id, bill.message_id) and row.message_id != bill.message_id:
        yield f"{name} shows {row.message_id}, and {bill.message_id} is billed"
    if row.state in NEVER_ARRIVES:
        yield f"{name} arrived"
    yield from _outside(name, [row], bill.pico)


def _outside(name: str, rows: Iterable[Row], pico: int) -> Iterator[str]:
    """Yield it where a bill is not what rows allow; of an exact row that is one amount."""
    ends = [(row.low_pico or 0, inf if row.high_pico is None else row.high_pico) for row in rows]
    low, high = sum(each[0] for each in ends), sum(each[1] for each in ends)
    if not low <= pico <= high:
        yield f"{name} is from {low} to {high}, and {pico} is billed"


def _unmatched(
    left: Mapping[str, Row], unknown: Mapping[str, list[Billed]], *, in_turn: bool
) -> Iterator[str]:
    """Yield what is wrong with requests that cannot be told apart, and rows that none came of."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in left.values():
        if row.state not in NEVER_ARRIVES:
            rows[row.platform].append(row)
    for platform in sorted({*rows, *unknown}):
        of, bills = rows[platform], unknown.get(platform, [])
        if len(bills) > len(of):
            yield f"{len(bills)} requests to {platform} have {len(of)} rows"
        elif in_turn and len(bills) == len(of):
            for row, bill in zip(of, bills, strict=True):
                yield from _unequal(row, bill)
        else:
            total = sum(bill.pico for bill in bills)
            yield from _outside(f"{len(of)} attempts at {platform}", of, total)


def width_pico(rows: Iterable[Row]) -> int:
    """Return how far the bounds of rows are apart; 0 where all are exact."""
    width = 0
    for row in rows:
        assert row.low_pico is not None
        assert row.high_pico is not None, f"{row.attempt} has no upper bound"
        width += row.high_pico - row.low_pico
    return width


def kinds(rows: Iterable[Row]) -> Iterator[tuple[str, int]]:
    """Yield what each row is that is not exact, and how far its bounds are apart."""
    for row in rows:
        width = width_pico([row])
        if width:
            yield f"{row.state}, {row.outcome}", width
