"""What is written in one transaction: rows, sums by difference, and what columns cannot hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Table, select

from gateway.ledger import schema
from gateway.ledger.fold import Booked, Changes, Message, Wanted
from gateway.ledger.reading import Cursor
from gateway.ledger.rollups import COUNT_MAX
from gateway.ledger.row import Adjustment, Row, State
from gateway.ledger.store import Ledger
from gateway.ledger.writing import Looked
from gateway.money import PICO_MAX, PICO_PER_USD, joined

AT_US = 1_795_000_000_250_000
DAY = "2026-11-18"


def row(number: int = 1, **more: Any) -> Row:
    values: dict[str, Any] = {
        "attempt": f"dec_{number}.1",
        "decision": f"dec_{number}",
        "number": 1,
        "kind": "messages",
        "streamed": True,
        "started_us": AT_US,
        "upstream": "direct",
        "platform": "anthropic",
        "scope": "global",
        "model": "claude-opus-5-5",
        "state": State.FINAL,
        "open": False,
        "won": True,
        "team": "search",
        "tags": {"team": "search", "app": "chat"},
        "input_tokens": 10,
        "output_tokens": 20,
        "list_pico": 7,
        "net_pico": 5,
        "low_pico": 5,
        "high_pico": 5,
        "flags": ("estimated",),
    }
    return Row(**(values | more))


def changes(*booked: Booked, **more: Any) -> Changes:
    empty: dict[str, Any] = {"open_calls": {}, "files": {}, "adjustments": [], "price_rows": {}}
    return Changes(rows=list(booked), **(empty | more))


def all_of(ledger: Ledger, table: Table) -> list[dict[str, Any]]:
    with ledger.reading() as connection:
        return [dict(each) for each in connection.execute(select(table)).mappings()]


def put(ledger: Ledger, *booked: Booked) -> None:
    ledger.apply(changes(*booked), [])


def net_pico(sums: dict[str, Any]) -> int:
    assert 0 <= sums["net_rest_pico"] < PICO_PER_USD
    return joined(sums["net_usd"], sums["net_rest_pico"])


def test_a_row_comes_back_as_it_was_written(ledger: Ledger) -> None:
    written = row(ended_us=AT_US + 5, usage='{"input_tokens":10}', message_id="msg_1", seq=3)
    put(ledger, Booked(written, None))
    found = Looked()
    wanted = Wanted(frozenset({"dec_1.1", "dec_9.1"}), frozenset())
    with ledger.writing() as writing:
        found.add(writing.wanted(wanted))
    assert found.booked("dec_1.1") == written
    assert found.booked("dec_9.1") is None
    assert found.known("anthropic", "", "msg_1") == written


def test_a_message_is_known_by_the_row_that_is_charged_for_it(ledger: Ledger) -> None:
    charged = row(1, message_id="msg_1")
    others = [
        row(2, message_id="msg_1", duplicate_of="dec_1.1"),
        row(3, message_id="msg_1", open=True),
        row(4, message_id="msg_1", account="another"),
        row(5, message_id="msg_2", platform="bedrock"),
    ]
    put(ledger, *(Booked(each, None) for each in (charged, *others)))
    message = Message("anthropic", "", "msg_1")
    with ledger.writing() as writing:
        assert list(writing.wanted(Wanted(frozenset(), frozenset({message})))) == [charged]


def test_sums_are_changed_by_difference(ledger: Ledger) -> None:
    first = row(1)
    put(ledger, Booked(first, None), Booked(row(2), None), Booked(row(3, team="billing"), None))
    later = replace(first, net_pico=50, output_tokens=100, duplicate_of=None)
    put(ledger, Booked(later, first))
    sums = {each["team"]: each for each in all_of(ledger, schema.rollups)}
    assert sums.keys() == {"search", "billing"}
    assert (sums["search"]["attempts"], net_pico(sums["search"])) == (2, 55)
    assert (sums["search"]["input_tokens"], sums["search"]["output_tokens"]) == (20, 120)
    assert (sums["search"]["day"], sums["search"]["won"]) == (DAY, True)
    tags = {(each["tag"], each["value"]): each for each in all_of(ledger, schema.tag_rollups)}
    assert {key: each["attempts"] for key, each in tags.items()} == {
        ("app", "chat"): 3,
        ("team", "search"): 3,
    }


def test_a_row_that_goes_elsewhere_leaves_nothing_behind(ledger: Ledger) -> None:
    first = row(1)
    put(ledger, Booked(first, None))
    put(ledger, Booked(replace(first, state=State.PARTIAL), first))
    assert [each["state"] for each in all_of(ledger, schema.rollups)] == ["partial"]
    assert {each["state"] for each in all_of(ledger, schema.tag_rollups)} == {"partial"}


def test_a_row_that_is_open_is_in_no_sum(ledger: Ledger) -> None:
    put(ledger, Booked(row(1, open=True), None))
    assert all_of(ledger, schema.rollups) == all_of(ledger, schema.tag_rollups) == []
    put(ledger, Booked(row(1), None))
    assert len(all_of(ledger, schema.attempts)) == len(all_of(ledger, schema.rollups)) == 1


def test_of_a_message_that_is_charged_elsewhere_only_the_attempt_counts(ledger: Ledger) -> None:
    again = row(1, duplicate_of="dec_0.1", net_pico=0, list_pico=0, low_pico=0, high_pico=0)
    put(ledger, Booked(again, None))
    (sums,) = all_of(ledger, schema.rollups)
    assert (sums["attempts"], sums["output_tokens"], net_pico(sums)) == (1, 0, 0)


def test_sums_hold_more_than_64_bits_of_picodollars(ledger: Ledger) -> None:
    for number in range(3):
        put(ledger, *(Booked(row(10 * number + at, net_pico=PICO_MAX), None) for at in range(4)))
    (sums,) = all_of(ledger, schema.rollups)
    assert net_pico(sums) == 12 * PICO_MAX
    first = row(0, net_pico=PICO_MAX)
    put(ledger, Booked(replace(first, net_pico=-3), first))
    (sums,) = all_of(ledger, schema.rollups)
    assert net_pico(sums) == 11 * PICO_MAX - 3


def test_unpriced_rows_are_counted(ledger: Ledger) -> None:
    unknown = {"net_pico": None, "low_pico": None, "high_pico": None, "list_pico": None}
    put(ledger, Booked(row(1, unpriced="no price", **unknown), None), Booked(row(2), None))
    (sums,) = all_of(ledger, schema.rollups)
    assert (sums["attempts"], sums["unpriced"], net_pico(sums)) == (2, 1, 5)


def test_counts_that_nobody_can_mean_do_not_break_the_sums(ledger: Ledger) -> None:
    for batch in range(3):
        many = (row(1000 * batch + at, output_tokens=2**53) for at in range(1000))
        put(ledger, *(Booked(each, None) for each in many))
    (sums,) = all_of(ledger, schema.rollups)
    assert sums["output_tokens"] == 3000 * COUNT_MAX
    assert all_of(ledger, schema.attempts)[0]["output_tokens"] == 2**53


def test_what_a_column_cannot_hold_is_made_to_fit(ledger: Ledger) -> None:
    strange = row(
        1,
        team="a\0b" + "c" * 300,
        session="s" * 999,
        max_tokens=10**30,
        net_pico=2**63,
        tags={"a\0": "b\0" * 300},
    )
    put(ledger, Booked(strange, None))
    (found,) = all_of(ledger, schema.attempts)
    assert found["team"] == "a\ufffdb" + "c" * 253
    assert found["session"] == "s" * 256
    # Postgres reads no escaped zero byte out of JSON.
    assert found["tags"] == '{"a\ufffd":"' + "b\ufffd" * 300 + '"}'
    assert (found["max_tokens"], found["net_pico"]) == (None, None)
    (sums,) = all_of(ledger, schema.rollups)
    assert sums["team"] == found["team"]
    assert len(all_of(ledger, schema.tag_rollups)) == 1


def test_an_adjustment_written_again_changes_nothing(ledger: Ledger) -> None:
    adjustment = Adjustment(
        id="a", at_us=AT_US, day=DAY, platform="x", amount_pico=-5, reason="r", source="s"
    )
    ledger.apply(changes(adjustments=[adjustment]), [])
    again = replace(adjustment, amount_pico=9)
    ledger.apply(changes(adjustments=[again, replace(again, id="b")]), [])
    found = {each["id"]: each["amount_pico"] for each in all_of(ledger, schema.adjustments)}
    assert found == {"a": -5, "b": 9}


def test_what_is_kept_of_a_call_goes_when_it_is_over(ledger: Ledger) -> None:
    cursor = Cursor("journal-1.jsonl", 10, 1, "00", closed=False)
    kept = changes(
        open_calls={"dec_1": "{}", "dec_2": "{}"},
        files=dict.fromkeys(("dec_1", "dec_2"), cursor.file),
    )
    ledger.apply(kept, [cursor])
    ledger.apply(
        changes(open_calls={"dec_1": None, "dec_2": "[]"}, files={"dec_2": cursor.file}), []
    )
    (found,) = all_of(ledger, schema.open_calls)
    assert found == {"decision": "dec_2", "file": cursor.file, "data": "[]"}
    with ledger.writing() as writing:
        assert writing.open_calls(["dec_1", "dec_2"]) == {"dec_2": "[]"}


def test_prices_are_kept_once(ledger: Ledger) -> None:
    ledger.apply(changes(price_rows={"d": "[1]"}), [])
    ledger.apply(changes(price_rows={"d": "[2]", "e": "[3]"}), [])
    found = {each["digest"]: each["data"] for each in all_of(ledger, schema.price_rows)}
    assert found == {"d": "[1]", "e": "[3]"}


def test_what_is_raised_in_a_transaction_undoes_it(ledger: Ledger) -> None:
    def broken() -> None:
        with ledger.writing() as writing:
            writing.apply(changes(Booked(row(1), None), price_rows={"d": "[1]"}), [])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert all_of(ledger, schema.attempts) == all_of(ledger, schema.price_rows) == []
    assert all_of(ledger, schema.rollups) == []


def test_a_reader_sees_one_state(ledger: Ledger) -> None:
    put(ledger, Booked(row(1), None))
    with ledger.reading() as connection:
        before = connection.execute(select(schema.attempts.c.attempt)).all()
        put(ledger, Booked(row(2), None))
        assert connection.execute(select(schema.attempts.c.attempt)).all() == before
    assert len(all_of(ledger, schema.attempts)) == 2


def test_rows_of_a_year_far_away_have_a_day(ledger: Ledger, tmp_path: Path) -> None:
    put(ledger, Booked(row(1, started_us=PICO_MAX), None), Booked(row(2, started_us=-1), None))
    assert {each["day"] for each in all_of(ledger, schema.attempts)} == {"9999-12-31", "1969-12-31"}
