"""Rows of a ledger, made by hand, and put into it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from gateway.ledger.costs import priced
from gateway.ledger.row import Adjustment, Row, State
from gateway.ledger.schema import adjustments, attempts
from gateway.ledger.store import Ledger
from gateway.ledger.values import stored, stored_adjustment
from gateway.prices import shipped
from gateway.usage import Usage

OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
_numbers = itertools.count()


def at_us(text: str) -> int:
    """Return a UTC time in microseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def attempt(
    at: str = "2026-11-02T10:00:00", usage: dict[str, Any] | None = None, **more: Any
) -> Row:
    """Return an attempt, priced as the fold prices it."""
    number = next(_numbers)
    told: dict[str, Any] = {
        "attempt": f"dec_{number}.1", "decision": f"dec_{number}", "number": 1, "kind": "messages",
        "streamed": True, "started_us": at_us(at), "ended_us": at_us(at) + 1_000_000,
        "upstream": "direct", "platform": "anthropic", "scope": "global", "model": OPUS,
        "served_model": OPUS, "state": State.FINAL, "open": False, "won": True,
        "max_tokens": 1000, "body_bytes": 2000,
    } | more  # fmt: skip
    row = Row(**told)
    found = Usage.of({"usage": usage}) if usage is not None else Usage()
    if usage is not None:
        row.input_tokens, row.output_tokens = found.input_tokens, found.output_tokens
        row.cache_write_tokens = found.cache_creation_input_tokens
        row.cache_write_5m_tokens = found.cache_creation_5m_input_tokens
        row.cache_write_1h_tokens = found.cache_creation_1h_input_tokens
        row.cache_read_tokens = found.cache_read_input_tokens
        row.web_searches = found.web_search_requests
        row.usage = found.to_json()
    priced(row, found, shipped())
    return row


def put(ledger: Ledger, rows: Iterable[Row | Adjustment]) -> None:
    with ledger.writing() as writing:
        for row in rows:
            if isinstance(row, Row):
                writing.connection.execute(insert(attempts), stored(row))
            else:
                writing.connection.execute(insert(adjustments), stored_adjustment(row))
