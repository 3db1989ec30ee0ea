"""What the cache report says: reads, misses, money, and writes that nobody read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.reports.cache import LARGE_TOKENS
from gateway.ledger.row import Row, State
from gateway.ledger.store import Ledger
from tests.ledger.reports.rows import BEGIN_US, NOW_US, ask, emptied, fill, row

MINUTE_US = 60 * 10**6
TTL_US = {"5m": 5 * MINUTE_US, "1h": 60 * MINUTE_US}


def call(number: int, minute: float, **more: Any) -> Row:
    """Return an attempt of a session, in tokens read and written."""
    wrote = more.pop("wrote", 0)
    hour = more.pop("wrote_1h", 0)
    common: dict[str, Any] = {
        "session": "s",
        "started_us": BEGIN_US + int(minute * MINUTE_US),
        "input_tokens": 10,
        "cache_read_tokens": more.pop("read", 0),
        "cache_write_tokens": wrote + hour,
        "cache_write_5m_tokens": wrote,
        "cache_write_1h_tokens": hour,
    }
    return row(number, **common | more)


def total(ledger: Ledger, *rows: Row, **given: Any) -> dict[str, Any]:
    fill(ledger, rows)
    found: dict[str, Any] = ask(ledger, "cache", **given)["total"]
    return found


def test_reads_and_writes(ledger: Ledger) -> None:
    found = total(
        ledger, call(1, 0, wrote=5000), call(2, 1, read=5000, wrote=90), call(3, 2, read=5090)
    )
    assert found["prompt_tokens"] == 3 * 10 + 5000 + 5090 + 5090
    assert found["hit_rate"] == "0.6634"
    assert (found["cache_write_5m_tokens"], found["cache_read_tokens"]) == (5090, 10_090)
    assert (found["misses"], found["unread_writes_5m"]) == (0, 0)


def test_money_saved_against_the_same_tokens_uncached(ledger: Ledger) -> None:
    found = total(
        ledger,
        row(1, net_pico=3 * 10**12, uncached_pico=5 * 10**12),
        row(2, net_pico=2 * 10**12, uncached_pico=10**12),
        row(3, net_pico=10**12, uncached_pico=None),
        row(4, net_pico=None, uncached_pico=10**12),
    )
    amounts = [found[f"{name}_usd"] for name in ("net", "uncached", "saved")]
    assert amounts == ["5", "6", "1"]


def test_a_loss_is_below_zero(ledger: Ledger) -> None:
    assert total(ledger, row(1, uncached_pico=9 * 10**11))["saved_usd"] == "-0.1"


@pytest.mark.parametrize(("minute", "unread"), [(5, 0), (5.001, 1), (59, 1)])
def test_a_write_for_five_minutes_that_nobody_read(
    ledger: Ledger, minute: float, unread: int
) -> None:
    found = total(ledger, call(1, 0, wrote=700), call(2, minute, read=700))
    assert (found["unread_writes_5m"], found["unread_tokens_5m"]) == (unread, 700 * unread)


@pytest.mark.parametrize(("minute", "unread"), [(60, 0), (60.001, 1)])
def test_a_write_for_an_hour_that_nobody_read(ledger: Ledger, minute: float, unread: int) -> None:
    found = total(ledger, call(1, 0, wrote_1h=700), call(2, minute, read=700))
    assert (found["unread_writes_1h"], found["unread_tokens_1h"]) == (unread, 700 * unread)


def test_what_can_still_be_read_is_not_called_unread(ledger: Ledger) -> None:
    found = total(ledger, call(1, 0, wrote=700), now_us=BEGIN_US + 4 * MINUTE_US)
    assert found["unread_writes_5m"] == 0
    later = ask(ledger, "cache", now_us=BEGIN_US + 6 * MINUTE_US)["total"]
    assert later["unread_writes_5m"] == 1


@pytest.mark.parametrize(
    "other", [{"session": "t"}, {"upstream": "bedrock"}, {"model": "claude-haiku-5-5"}]
)
def test_what_another_cache_reads_does_not_count(ledger: Ledger, other: dict[str, str]) -> None:
    found = total(ledger, call(1, 0, wrote=700), call(2, 1, read=700, **other))
    assert found["unread_writes_5m"] == 1


def test_without_a_session_a_caller_has_a_cache(ledger: Ledger) -> None:
    mine = {"session": "", "caller": "alice"}
    found = total(
        ledger,
        call(1, 0, wrote=700, **mine),
        call(2, 1, read=700, **mine),
        call(3, 0, wrote=800, session="", caller="bob"),
    )
    assert (found["unread_writes_5m"], found["unread_tokens_5m"]) == (1, 800)


def test_misses(ledger: Ledger) -> None:
    found = total(
        ledger,
        call(1, 0, input_tokens=LARGE_TOKENS),  # Nothing was written before.
        call(2, 1, wrote=5000),
        call(3, 2, input_tokens=LARGE_TOKENS - 1),  # Small.
        call(4, 3, wrote=6000),  # In time.
        call(5, 30, input_tokens=LARGE_TOKENS),  # Too late.
        call(6, 31, read=1, wrote=6000),
    )
    assert (found["misses"], found["misses_in_time"]) == (2, 1)
    assert found["missed_tokens"] == 6010 + LARGE_TOKENS


@pytest.mark.parametrize(
    ("wrote", "minute", "in_time"),
    [("wrote", 5, 1), ("wrote", 5.001, 0), ("wrote_1h", 60, 1), ("wrote_1h", 60.001, 0)],
)
def test_a_miss_in_time(ledger: Ledger, wrote: str, minute: float, in_time: int) -> None:
    found = total(ledger, call(1, 0, **{wrote: 5000}), call(2, minute, input_tokens=LARGE_TOKENS))
    assert (found["misses"], found["misses_in_time"]) == (1, in_time)


def test_an_agent_has_a_prompt_of_its_own_and_reads_what_its_session_wrote(
    ledger: Ledger,
) -> None:
    found = total(
        ledger, call(1, 0, wrote=5000), call(2, 1, wrote=6000, agent="a"), call(3, 2, read=1)
    )
    assert (found["misses"], found["unread_writes_5m"]) == (0, 0)


def test_what_lies_around_the_period_is_looked_at(ledger: Ledger) -> None:
    rows = (call(1, 0, wrote=5000), call(2, 1, wrote=6000), call(3, 2, read=6000))
    period = {"from_": "2026-11-22T00:00:30Z", "to": "2026-11-22T00:01:30Z"}
    found = total(ledger, *rows, **period)
    assert (found["attempts"], found["misses_in_time"], found["unread_writes_5m"]) == (1, 1, 0)


def test_only_what_is_known_and_counts_once(ledger: Ledger) -> None:
    found = total(
        ledger,
        call(1, 0, wrote=700, state=State.UNKNOWN),
        call(2, 0, wrote=700, kind="count_tokens"),
        call(3, 0, wrote=700, duplicate_of="dec_9.1"),
        call(4, 0, wrote=700, state=State.PARTIAL, won=False),
    )
    assert (found["attempts"], found["cache_write_5m_tokens"]) == (1, 700)


def test_a_write_whose_ttl_is_not_told_is_for_five_minutes(ledger: Ledger) -> None:
    told = {"cache_write_5m_tokens": None, "cache_write_1h_tokens": None}
    found = total(ledger, call(1, 0, cache_write_tokens=700, **told))
    assert (found["cache_write_5m_tokens"], found["unread_tokens_5m"]) == (700, 700)


def test_without_a_prompt_there_is_no_rate(ledger: Ledger) -> None:
    assert total(ledger, row(1, input_tokens=None))["hit_rate"] is None


LANES = st.fixed_dictionaries(
    {
        "session": st.sampled_from(["", "s"]),
        "caller": st.sampled_from(["", "alice"]),
        "agent": st.sampled_from(["", "a"]),
        "upstream": st.sampled_from(["direct", "bedrock"]),
        "minute": st.integers(0, 80),
        "read": st.sampled_from([0, 0, 9]),
        "wrote": st.sampled_from([0, 5000]),
        "wrote_1h": st.sampled_from([0, 6000]),
        "input_tokens": st.sampled_from([None, 3, LARGE_TOKENS]),
    }
)


@settings(
    max_examples=settings().max_examples // 8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(LANES, max_size=8))
def test_it_is_what_one_counts_by_hand(ledger: Ledger, drawn: list[dict[str, Any]]) -> None:
    rows = [call(number, **each) for number, each in enumerate(drawn)]
    fill(emptied(ledger), rows)
    found = ask(ledger, "cache")["total"]
    rows.sort(key=lambda each: (each.started_us, each.attempt))
    for ttl in TTL_US:
        assert found[f"unread_writes_{ttl}"] == sum(
            _unread(rows, at, ttl) for at in range(len(rows))
        )
    assert found["misses"] == sum(_missed(rows, at, None) for at in range(len(rows)))
    in_time = sum(any(_missed(rows, at, ttl) for ttl in TTL_US) for at in range(len(rows)))
    assert found["misses_in_time"] == in_time


def _lane(each: Row) -> tuple[str, str, str]:
    named = f"session {each.session}" if each.session else f"caller {each.caller}"
    return named, each.upstream, each.model


def _wrote(each: Row, ttl: str) -> int:
    found: int = getattr(each, f"cache_write_{ttl}_tokens") or 0
    return found


def _unread(rows: list[Row], at: int, ttl: str) -> bool:
    mine = rows[at]
    end_us = mine.started_us + TTL_US[ttl]
    read = any(
        _lane(each) == _lane(mine) and each.cache_read_tokens and each.started_us <= end_us
        for each in rows[at + 1 :]
    )
    return _wrote(mine, ttl) > 0 and not read and end_us < NOW_US


def _missed(rows: list[Row], at: int, ttl: str | None) -> bool:
    """Say whether a large prompt read nothing, though it was written before, or so lately."""
    mine = rows[at]
    prompt = (mine.input_tokens or 0) + _wrote(mine, "5m") + _wrote(mine, "1h")
    before = [
        each
        for each in rows[:at]
        if (*_lane(each), each.agent) == (*_lane(mine), mine.agent)
        and any(
            _wrote(each, some)
            and (ttl is None or each.started_us + TTL_US[some] >= mine.started_us)
            for some in TTL_US
            if ttl in {None, some}
        )
    ]
    return not mine.cache_read_tokens and prompt >= LARGE_TOKENS and bool(before)
