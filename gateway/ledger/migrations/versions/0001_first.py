"""The first tables: attempts, sums, adjustments, prices, and how far the journal is folded."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_AMOUNTS = ("list", "net", "low", "high", "uncached")
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "thinking_tokens",
    "web_searches",
)


def upgrade() -> None:
    """Make the tables."""
    _attempts()
    _sums("rollups", _rollup_key())
    _sums("tag_rollups", _tag_key())
    _adjustments()
    _places()


def _text(
    name: str, length: int | None, *, nullable: bool = False, primary_key: bool = False
) -> sa.Column[str]:
    kind = sa.Text() if length is None else sa.String(length)
    return sa.Column(name, kind, nullable=nullable, primary_key=primary_key)


def _attempts() -> None:
    op.create_table(
        "attempts",
        _text("attempt", 64, primary_key=True),
        _text("decision", 48),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("kind", 32),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        _text("day", 10),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger()),
        _text("environment", 64),
        _text("door", 16),
        _text("caller", 64),
        _text("data_class", 256),
        _text("team", 256),
        _text("tags", None),
        _text("session", 256),
        _text("agent", 256),
        _text("parent_agent", 256),
        _text("payer", 32),
        _text("request_id", 256, nullable=True),
        _text("platform_request_id", 256, nullable=True),
        _text("message_id", 256, nullable=True),
        _text("upstream", 64),
        _text("platform", 32),
        _text("account", 256),
        _text("region", 64),
        _text("scope", 16),
        _text("model", 256),
        _text("wire_model", None),
        _text("served_model", 256, nullable=True),
        _text("state", 16),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("won", sa.Boolean(), nullable=False),
        _text("outcome", 32),
        _text("stop_reason", 64, nullable=True),
        _text("refusal_category", 64, nullable=True),
        *(sa.Column(name, sa.BigInteger()) for name in _COUNTS),
        _text("usage", None, nullable=True),
        *(sa.Column(f"{name}_pico", sa.BigInteger()) for name in _AMOUNTS),
        _text("unpriced", None, nullable=True),
        _text("price_digest", 64),
        _text("flags", None),
        _text("duplicate_of", 64, nullable=True),
        _text("own", None, nullable=True),
        _text("file", 128),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("max_tokens", sa.BigInteger()),
        sa.Column("body_bytes", sa.BigInteger()),
    )
    for name in ("decision", "started_us", "session", "request_id"):
        op.create_index(f"ix_attempts_{name}", "attempts", [name])
    op.create_index("attempts_identity", "attempts", ["platform", "account", "message_id"])
    still_open = sa.text("open")
    op.create_index(
        "attempts_open",
        "attempts",
        ["open"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _rollup_key() -> list[sa.Column[Any]]:
    names = ("day", "environment", "upstream", "platform", "model", "caller", "data_class")
    return [_text(name, 256, primary_key=True) for name in (*names, "team", "state")]


def _tag_key() -> list[sa.Column[Any]]:
    lengths = {"day": 10, "environment": 64, "tag": 256, "value": 256, "state": 16}
    return [_text(name, length, primary_key=True) for name, length in lengths.items()]


def _sums(table: str, key: list[sa.Column[Any]]) -> None:
    amounts = [f"{name}_{part}" for name in _AMOUNTS for part in ("usd", "rest_pico")]
    op.create_table(
        table,
        *key,
        sa.Column("won", sa.Boolean(), primary_key=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("attempts", *_COUNTS, "unpriced", "unbounded", *amounts)
        ),
    )


def _adjustments() -> None:
    op.create_table(
        "adjustments",
        _text("id", 64, primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        _text("day", 10),
        _text("platform", 32),
        _text("upstream", 64),
        _text("model", 256),
        _text("attempt", 64, nullable=True),
        sa.Column("amount_pico", sa.BigInteger(), nullable=False),
        _text("reason", None),
        _text("source", None),
    )
    op.create_index("ix_adjustments_day", "adjustments", ["day"])


def _places() -> None:
    """Make the tables of what is not rows: prices, cursors, days that are kept, open calls."""
    op.create_table(
        "price_rows",
        _text("digest", 64, primary_key=True),
        _text("data", None),
    )
    op.create_table(
        "cursors",
        _text("file", 128, primary_key=True),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        _text("head", 64),
        sa.Column("closed", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "horizons",
        _text("of", 32, primary_key=True),
        _text("day", 10),
    )
    op.create_table(
        "open_calls",
        _text("decision", 48, primary_key=True),
        sa.Column("file", sa.String(128), sa.ForeignKey("cursors.file"), nullable=False),
        _text("data", None),
    )
    op.create_index("ix_open_calls_file", "open_calls", ["file"])
