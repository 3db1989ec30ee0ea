"""Small price books, and what they are asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from gateway.prices.cost import Context
from gateway.prices.files import read_files
from gateway.prices.own import read_own
from gateway.prices.pricing import NO_OWN, PriceBook
from gateway.prices.runs import Iterations
from gateway.usage import Usage

NOW = "2026-11-22T12:00:00"
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
MICRO = 1_000_000
"""Picodollars."""
UPSTREAMS = {"direct": "anthropic", "bedrock-eu": "bedrock", "bedrock-us": "bedrock"}
HEAD = 'platforms = ["anthropic"]\n'


def at(moment: str = NOW) -> float:
    return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()


def asked(model: str = OPUS, **changes: Any) -> Context:
    fields: dict[str, Any] = {"platform": "anthropic", "scope": "global", "at_s": at()}
    return Context(model=model, **(fields | changes))


def row(model: str = OPUS, **changes: Any) -> str:
    """Return a `[[rows]]` table; None leaves a key out."""
    fields: dict[str, Any] = {
        "model": model,
        "scope": "global",
        "input": "4",
        "output": "20",
        "cache_write_5m": "5",
        "cache_write_1h": "8",
        "cache_read": "0.2",
        "effective_from": dt.date(2026, 1, 1),
        "source": "made up",
        "checked_on": dt.date(2026, 11, 22),
    }
    return "\n".join(["[[rows]]", *_pairs(fields | changes), ""])


def contract(multiplier: str = "0.82", **changes: Any) -> str:
    fields: dict[str, Any] = {
        "name": "acme",
        "multiplier": multiplier,
        "effective_from": dt.date(2026, 1, 1),
    }
    return "\n".join(["[[contracts]]", *_pairs(fields | changes), ""])


def book(text: str, own: str = "", iterations: Iterations = "always") -> PriceBook:
    """Return the book of one file, and of a user's own prices."""
    files = read_files([("anthropic.toml", text)])
    mine = read_own("prices.toml", f"schema = 1\n{own}", UPSTREAMS) if own else NO_OWN
    return PriceBook(files, mine, iterations)


def used(fields: Mapping[str, Any] | None = None, **more: Any) -> Usage:
    return Usage.of({**(fields or {}), **more})


def _pairs(fields: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
