"""Rows and adjustments as the tables hold them, and back.

What a column cannot hold is made to fit here: neither of the two databases may stop at a record
that the other one takes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Integer, RowMapping, String, Table

from gateway.ledger import schema
from gateway.ledger.row import Adjustment, Row, State
from gateway.money import PICO_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
_encode = msgspec.json.Encoder(order="deterministic").encode
_tags = msgspec.json.Decoder(dict[str, str]).decode
_flags = msgspec.json.Decoder(tuple[str, ...]).decode


def held(text: str, length: int | None) -> str:
    """Return a text as a column of that length holds it."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if length is None or len(text) <= length else text[:length]


class _Fit:
    """What the columns of a table hold: texts without a zero byte and so long, 64-bit integers."""

    def __init__(self, table: Table) -> None:
        self._texts = {
            column.name: column.type.length
            for column in table.columns
            if isinstance(column.type, String)
        }
        self._integers = {
            column.name: column.nullable
            for column in table.columns
            if isinstance(column.type, BigInteger | Integer)
        }

    def apply(self, values: dict[str, Any]) -> dict[str, Any]:
        for name, length in self._texts.items():
            text = values[name]
            if text:
                values[name] = held(text, length)
        for name, nullable in self._integers.items():
            number = values[name]
            if number is not None and not -PICO_MAX <= number <= PICO_MAX:
                values[name] = None if nullable else max(-PICO_MAX, min(number, PICO_MAX))
        return values


_ATTEMPT, _ADJUSTMENT = _Fit(schema.attempts), _Fit(schema.adjustments)


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    try:
        return (_EPOCH + timedelta(days=number)).date().isoformat()
    except OverflowError:
        return "9999-12-31"


def day_of(time_us: int) -> str:
    """Return the UTC day of a time in microseconds since 1970."""
    return _day(time_us // DAY_US)


def start_us(day: str) -> int:
    """Return when a UTC day begins, in microseconds since 1970."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH).days * DAY_US


def stored(row: Row) -> dict[str, Any]:
    """Return a row as the table `attempts` holds it."""
    values = msgspec.structs.asdict(row)
    values["day"] = day_of(row.started_us)
    # A zero byte would be an escape in the JSON, which Postgres does not read.
    tags = {held(name, None): held(value, None) for name, value in row.tags.items()}
    values["tags"] = _encode(tags).decode()
    values["flags"] = _encode(row.flags).decode()
    values["state"] = row.state.value
    return _ATTEMPT.apply(values)


def row(values: RowMapping) -> Row:
    """Return the row that a row of the table `attempts` stands for."""
    found = dict(values)
    del found["day"]
    found["tags"] = _tags(found["tags"])
    found["flags"] = _flags(found["flags"])
    found["state"] = State(found["state"])
    return Row(**found)


def stored_adjustment(adjustment: Adjustment) -> dict[str, Any]:
    """Return an adjustment as its table holds it."""
    return _ADJUSTMENT.apply(msgspec.structs.asdict(adjustment))
