"""Statements as platforms would write them, from what the emulator says it bills.

The prices stand here once more: neither the price book nor the ledger has a part in it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.emulator.records import Record

TOKEN_TYPES = {
    "input": "uncached_input_tokens",
    "output": "output_tokens",
    "cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
    "cache_read": "cache_read_input_tokens",
}
PRICES = {
    "claude-opus-5-5": dict(zip(TOKEN_TYPES, ("4", "20", "5", "8", "0.2"), strict=True)),
    "claude-sonnet-5-5": dict(zip(TOKEN_TYPES, ("2", "10", "2.5", "4", "0.1"), strict=True)),
}
"""USD for a million tokens, on the Claude API; within a geography on Bedrock a tenth more."""
GEO = Decimal("1.1")
CUR_MODELS = {"claude-opus-5-5": "Claude5.5Opus", "claude-sonnet-5-5": "Claude5.5Sonnet"}
CUR_TYPES = {
    "input": "input-tokens",
    "output": "output-tokens",
    "cache_write_5m": "cache-write-input-token-count",
    "cache_write_1h": "cache-write-1h-input-token-count",
    "cache_read": "cache-read-input-token-count",
}


@dataclass(frozen=True)
class Billed:
    """So many tokens of one category, of one request."""

    at: datetime
    model: str
    category: str
    tokens: int


def billed(records: Iterable[Record], platform: str, back: timedelta) -> list[Billed]:
    """Return what a platform bills, as if all had been so much earlier."""
    return [
        Billed(datetime.fromtimestamp(record.at_s, UTC) - back, record.billed.model, category, n)
        for record in records
        if record.platform == platform and record.billed is not None and record.billed.usage
        for category, n in _categories(record.billed.usage)
        if n
    ]


def _categories(usage: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "input", usage["input_tokens"]
    yield "output", usage["output_tokens"]
    written = usage.get("cache_creation") or {}
    yield "cache_write_5m", written.get("ephemeral_5m_input_tokens", 0)
    yield "cache_write_1h", written.get("ephemeral_1h_input_tokens", 0)
    yield "cache_read", usage.get("cache_read_input_tokens") or 0


def summed(lines: Iterable[Billed]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line.model, line.category)
        found[key] = found.get(key, 0) + line.tokens
    return found


def usage_report(path: Path, day: datetime, tokens: Mapping[tuple[str, str], int]) -> Path:
    rows = []
    for model in dict.fromkeys(model for model, _ in tokens):
        of = {category: tokens.get((model, category), 0) for category in TOKEN_TYPES}
        rows.append(
            {
                "model": model, "api_key_id": None, "workspace_id": None, "context_window": None,
                "service_tier": None, "inference_geo": "global",
                "uncached_input_tokens": of["input"], "output_tokens": of["output"],
                "cache_read_input_tokens": of["cache_read"],
                "cache_creation": {
                    "ephemeral_5m_input_tokens": of["cache_write_5m"],
                    "ephemeral_1h_input_tokens": of["cache_write_1h"],
                },
                "server_tool_use": {"web_search_requests": 0},
            }
        )  # fmt: skip
    return _page(path, day, rows)


def cost_report(path: Path, day: datetime, tokens: Mapping[tuple[str, str], int]) -> Path:
    rows = [
        {
            "amount": str(Decimal(n) * Decimal(PRICES[model][category]) / 10_000),
            "currency": "USD", "cost_type": "tokens", "model": model,
            "token_type": TOKEN_TYPES[category], "service_tier": "standard",
            "description": f"{model} {category}", "workspace_id": None,
            "context_window": "0-200k",
        }
        for (model, category), n in tokens.items()
    ]  # fmt: skip
    return _page(path, day, rows)


def _page(path: Path, day: datetime, rows: list[dict[str, Any]]) -> Path:
    bucket = {"starting_at": _iso(day), "ending_at": _iso(day + timedelta(days=1)), "results": rows}
    path.write_text(json.dumps({"data": [bucket], "has_more": False, "next_page": None}))
    return path


def cur(path: Path, day: datetime, lines: Iterable[Billed]) -> Path:
    """Write an hourly report, with some other use of AWS all day long."""
    other = {"line_item_product_code": "AmazonS3", "pricing_unit": "Requests"}
    rows = [_cur_row(day, hour, "Requests-Tier1", "1") | other for hour in (0, 23)]
    sums: dict[tuple[int, str, str], int] = {}
    for line in lines:
        key = (line.at.hour, line.model, line.category)
        sums[key] = sums.get(key, 0) + line.tokens
    for (hour, model, category), n in sums.items():
        usage_type = f"EUC1-{CUR_MODELS[model]}-{CUR_TYPES[category]}"
        cost = Decimal(n) * Decimal(PRICES[model][category]) * GEO / 1_000_000
        row = _cur_row(day, hour, usage_type, str(cost))
        rows.append(row | {"line_item_usage_amount": str(Decimal(n) / 1000)})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            row | {"identity_line_item_id": f"made{at}"} for at, row in enumerate(rows)
        )
    return path


def _cur_row(day: datetime, hour: int, usage_type: str, cost: str) -> dict[str, str]:
    return {
        "identity_line_item_id": "",
        "line_item_currency_code": "USD",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonBedrock",
        "line_item_unblended_cost": cost,
        "line_item_usage_account_id": "111122223333",
        "line_item_usage_amount": "1",
        "line_item_usage_start_date": _iso(day + timedelta(hours=hour)),
        "line_item_usage_end_date": _iso(day + timedelta(hours=hour + 1)),
        "line_item_usage_type": usage_type,
        "pricing_unit": "1K tokens",
    }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
