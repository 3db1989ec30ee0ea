"""What holds for any statement and any ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway import money
from gateway.ledger.row import Adjustment
from gateway.reconcile.adjusting import adjustments
from gateway.reconcile.booking import Booked, Chosen
from gateway.reconcile.matching import Comparison, compare
from gateway.reconcile.reading import read
from gateway.reconcile.spans import Span
from gateway.reconcile.statement import Charge, Gathered, Kind, Statement
from gateway.reconcile.sums import Sums
from gateway.reconcile.terms import Class
from tests.reconcile.sides import FIRST, OPUS, SONNET, WEEK, charge, statement, sums
from tests.reconcile.test_reading_aws import HOURLY, rows

KINDS: list[Kind] = ["input", "output", "cache_read", "tokens", "not_understood", "other"]
USD = st.decimals(-3, 30, places=7)
START_H = WEEK[0].start


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    kind = draw(st.sampled_from(KINDS))
    start = START_H + draw(st.integers(0, 6 * 24))
    hours = draw(st.sampled_from([1, 24, 48]))
    named = "oddity" if kind == "not_understood" else ""
    return charge(
        kind,
        tokens=draw(st.integers(0, 500)) if kind in {"input", "output", "cache_read"} else None,
        usd=str(draw(USD)),
        model=draw(st.sampled_from([OPUS, SONNET])) if not named else None,
        scope=draw(st.sampled_from(["global", "regional"])),
        period=Span(start, start + hours),
        named=named,
        what=draw(st.sampled_from(["credit", "code_execution"])) if kind == "other" else "",
    )


@st.composite
def attempts(draw: st.DrawFn) -> Sums:
    start = START_H + draw(st.integers(-30, 8 * 24))
    cost = draw(st.decimals(0, 30, places=9))
    return sums(
        usd=str(cost),
        bounds=(str(cost / 2), str(cost * 2)) if draw(st.booleans()) else None,
        model=draw(st.sampled_from([OPUS, SONNET])),
        scope=draw(st.sampled_from(["global", "regional"])),
        start_h=start,
        end_h=start + draw(st.sampled_from([0, 0, 1, 30])),
        input=draw(st.integers(1, 500)),
        output=draw(st.integers(1, 500)),
    )


SIDES = st.tuples(st.lists(charges(), max_size=12), st.lists(attempts(), max_size=12))
COVERED = st.sampled_from([WEEK, (Span(START_H + 30, START_H + 100),), (FIRST,), ()])


def gathered(found: Sequence[Charge]) -> Statement:
    lines = Gathered()
    for each in found:
        lines.add(each)
    return statement(*lines.charges())


def booked(made: Sequence[Adjustment]) -> list[Booked]:
    return [
        Booked(
            id=each.id, day=each.day, platform=each.platform, upstream=each.upstream,
            model=each.model, amount_pico=each.amount_pico,
        )
        for each in made
    ]  # fmt: skip


@given(SIDES, COVERED)
def test_each_line_and_attempt_is_in_one_group_or_named(
    sides: tuple[list[Charge], list[Sums]], covered: Any
) -> None:
    told, ours = sides
    found = compare(gathered(told), ours, covered)
    keys = [group.key for group in found.groups]
    assert len(keys) == len(set(keys))
    assert all(group.found.kind in Class for group in found.groups)
    groups = sum(group.theirs or 0 for group in found.groups if group.key.family.measure == "usd")
    left = sum(money.pico(each.usd) for each in found.left if each.usd is not None)
    beside = sum(each.pico for each in found.residuals)
    assert groups + left + beside == sum(money.pico(each.amount or Decimal()) for each in told)
    compared = {hour for span in found.periods for hour in range(span.start, span.end)}
    within = [each for each in ours if each.start_h in compared]
    (total,) = [0] if not within else [sum(_cost(each) for each in within)]
    assert total == sum(
        group.ours.value
        for group in found.groups
        if group.ours is not None and group.key.family.measure == "usd"
    )


def _cost(each: Sums) -> int:
    return sum(bounded.value for cell, bounded in each.cells.items() if cell.measure == "usd")


@given(SIDES, COVERED)
def test_adjustments_are_the_bill_less_the_ledger(
    sides: tuple[list[Charge], list[Sums]], covered: Any
) -> None:
    told, ours = sides
    found = compare(gathered(told), ours, covered)
    made = adjustments(found, [], Chosen())
    assert sum(each.amount_pico for each in made) == _bill(found) - _ledger(found)
    assert len({each.id for each in made}) == len(made)
    # Written, they are found again: there is nothing left to write, and all money matches.
    again = compare(gathered(told), ours, covered, booked=booked(made))
    assert adjustments(again, booked(made), Chosen()) == []
    whole = again.whole_days()
    for group in again.groups:
        day = money_day(group.key.period)
        if group.key.family.measure == "usd" and day in whole and _is_whole(group.key.period):
            assert group.difference == 0


@given(SIDES, SIDES)
def test_a_corrected_statement_takes_the_place_of_the_first(
    first: tuple[list[Charge], list[Sums]], second: tuple[list[Charge], list[Sums]]
) -> None:
    ours = first[1]
    made = adjustments(compare(gathered(first[0]), ours, WEEK), [], Chosen())
    corrected = compare(gathered(second[0]), ours, WEEK, booked=booked(made))
    more = adjustments(corrected, booked(made), Chosen())
    days = corrected.whole_days()
    both = sum(each.amount_pico for each in (*made, *more) if each.day in days)
    assert both == _bill(corrected) - _ledger(corrected)


def money_day(period: Span) -> str:
    from gateway.reconcile.spans import moment  # noqa: PLC0415

    return f"{moment(period.start):%Y-%m-%d}"


def _is_whole(period: Span) -> bool:
    return period.start % 24 == 0 and period.end % 24 == 0


def _bill(found: Comparison) -> int:
    whole = found.whole_days()
    groups = sum(
        group.theirs or 0
        for group in found.groups
        if group.key.family.measure == "usd" and _all_days(group.key.period) <= whole
    )
    beside = sum(
        each.pico for each in found.residuals if each.booked and money_day(each.period) in whole
    )
    return groups + beside


def _ledger(found: Comparison) -> int:
    whole = found.whole_days()
    return sum(
        (group.ours.value if group.ours else 0) - group.booked_pico
        for group in found.groups
        if group.key.family.measure == "usd" and _all_days(group.key.period) <= whole
    )


def _all_days(period: Span) -> set[str]:
    return {money_day(Span(hour, hour + 1)) for hour in range(period.start, period.end)}


@given(SIDES, COVERED, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_splitting_of_lines_matters(
    sides: tuple[list[Charge], list[Sums]], covered: Any, random: Any
) -> None:
    told, ours = sides
    parts = [part for each in told for part in _split(each, random.randint(0, 3))]
    random.shuffle(parts)
    shuffled = random.sample(ours, len(ours))
    before, after = (
        compare(gathered(told), ours, covered),
        compare(gathered(parts), shuffled, covered),
    )
    assert _numbers(before) == _numbers(after)
    assert adjustments(before, [], Chosen()) == adjustments(after, [], Chosen())


def _split(each: Charge, share: int) -> list[Charge]:
    if share == 0 or each.amount is None:
        return [each]
    part = each.amount / (10**share)
    one = replace(each, amount=part, quantity=each.quantity and Decimal(0))
    return [one, replace(each, amount=each.amount - part)]


def _numbers(found: Comparison) -> Any:
    groups = [(each.key, each.ours, each.theirs, each.found) for each in found.groups]
    totals = [(each.key, each.ours, each.theirs, each.found) for each in found.totals]
    left = [(each.period, each.why, each.usd) for each in found.left]
    return groups, totals, left, [(each.what, each.pico) for each in found.residuals]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=10, max_size=10), st.permutations(range(10)))
def test_neither_the_order_nor_the_splitting_of_files_matters(
    tmp_path: Path, file_of: list[int], order: list[int]
) -> None:
    content = rows()
    paths = []
    for number in sorted(set(file_of)):
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(content[0]))
        writer.writeheader()
        writer.writerows(content[at] for at in order if file_of[at] == number)
        path = tmp_path / f"{number}.csv"
        path.write_text(buffer.getvalue())
        paths.append(path)
    (whole,), (parts,) = read([HOURLY]), read(paths)
    assert parts.spans == whole.spans
    without_places = [replace(each, first="") for each in parts.charges]
    assert without_places == [replace(each, first="") for each in whole.charges]
