"""The ledger's tables, alike in SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()
NAME_LENGTH = 256
"""How much of a tag and of its value is a key."""
VERSION_TABLE = "ledger_version"
"""Holds which migration made the tables."""

attempts = Table(
    "attempts",
    metadata,
    Column("attempt", String(64), primary_key=True),
    Column("decision", String(48), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("day", String(10), nullable=False),
    Column("started_us", BigInteger, nullable=False, index=True),
    Column("ended_us", BigInteger),
    Column("environment", String(64), nullable=False),
    Column("door", String(16), nullable=False),
    Column("caller", String(64), nullable=False),
    Column("data_class", String(256), nullable=False),
    Column("team", String(256), nullable=False),
    Column("tags", Text, nullable=False),
    Column("session", String(256), nullable=False, index=True),
    Column("agent", String(256), nullable=False),
    Column("parent_agent", String(256), nullable=False),
    Column("payer", String(32), nullable=False),
    Column("request_id", String(256), index=True),
    Column("platform_request_id", String(256)),
    Column("message_id", String(256)),
    Column("upstream", String(64), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("account", String(256), nullable=False),
    Column("region", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("model", String(256), nullable=False),
    Column("wire_model", Text, nullable=False),
    Column("served_model", String(256)),
    Column("state", String(16), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("won", Boolean, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("stop_reason", String(64)),
    Column("refusal_category", String(64)),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cache_write_5m_tokens", BigInteger),
    Column("cache_write_1h_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("thinking_tokens", BigInteger),
    Column("web_searches", BigInteger),
    Column("usage", Text),
    Column("list_pico", BigInteger),
    Column("net_pico", BigInteger),
    Column("low_pico", BigInteger),
    Column("high_pico", BigInteger),
    Column("uncached_pico", BigInteger),
    Column("unpriced", Text),
    Column("price_digest", String(64), nullable=False),
    Column("flags", Text, nullable=False),
    Column("duplicate_of", String(64)),
    Column("own", Text),
    Column("file", String(128), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("max_tokens", BigInteger),
    Column("body_bytes", BigInteger),
    Index("attempts_identity", "platform", "account", "message_id"),
    Index(
        "attempts_open",
        "open",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
)
"""One row for each attempt (`gateway.ledger.row.Row`)."""

MEASURES = (
    "attempts",
    "input_tokens",
    "output_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "thinking_tokens",
    "web_searches",
    "unpriced",
    "unbounded",
)
"""What is summed: attempts, tokens, and how many rows have no price, or one without upper bound."""
AMOUNTS = ("list", "net", "low", "high", "uncached")
"""Each as whole dollars (`net_usd`) and the picodollars that are left (`net_rest_pico`)."""


def _sums() -> list[Column[int]]:
    names = [*MEASURES, *(f"{each}_{part}" for each in AMOUNTS for part in ("usd", "rest_pico"))]
    return [Column(name, BigInteger, nullable=False) for name in names]


DIMENSIONS = (
    "day",
    "environment",
    "upstream",
    "platform",
    "model",
    "caller",
    "data_class",
    "team",
    "state",
    "won",
)

rollups = Table(
    "rollups",
    metadata,
    *(Column(name, String(256), primary_key=True) for name in DIMENSIONS if name != "won"),
    Column("won", Boolean, primary_key=True),
    *_sums(),
)
"""Sums over the attempts that have ended, by day."""

tag_rollups = Table(
    "tag_rollups",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("environment", String(64), primary_key=True),
    Column("tag", String(NAME_LENGTH), primary_key=True),
    Column("value", String(NAME_LENGTH), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("won", Boolean, primary_key=True),
    *_sums(),
)
"""The same for each tag; an attempt with two tags is in two of them."""

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("day", String(10), nullable=False, index=True),
    Column("platform", String(32), nullable=False),
    Column("upstream", String(64), nullable=False),
    Column("model", String(256), nullable=False),
    Column("attempt", String(64)),
    Column("amount_pico", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
)
"""Corrections after a comparison with a bill (`gateway.ledger.row.Adjustment`)."""

price_rows = Table(
    "price_rows",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("data", Text, nullable=False),
)
"""The prices that a digest stands for, as JSON."""

cursors = Table(
    "cursors",
    metadata,
    Column("file", String(128), primary_key=True),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
    Column("closed", Boolean, nullable=False),
)
"""How far each file of the journal is folded."""

horizons = Table(
    "horizons",
    metadata,
    Column("of", String(32), primary_key=True),
    Column("day", String(10), nullable=False),
)
"""The first day of which `attempts` and `rollups` are kept whole: older days were pruned."""

open_calls = Table(
    "open_calls",
    metadata,
    Column("decision", String(48), primary_key=True),
    Column("file", String(128), ForeignKey("cursors.file"), nullable=False, index=True),
    Column("data", Text, nullable=False),
)
"""Calls whose end has not been folded yet."""
