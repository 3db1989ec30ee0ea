"""Both sides of a comparison, made by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.money import PICO_PER_USD
from gateway.reconcile.spans import Span, Spans
from gateway.reconcile.statement import Charge, Kind, Routing, Statement
from gateway.reconcile.sums import Bounded, Cell, Sums

DAY = 20759
"""2026-11-02."""
FIRST = Span(DAY * 24, DAY * 24 + 24)
WEEK: Spans = (Span(FIRST.start, FIRST.start + 7 * 24),)
OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
PICO = PICO_PER_USD


def charge(
    kind: Kind = "input",
    *,
    tokens: int | str | None = None,
    usd: str | None = None,
    model: str | None = OPUS,
    scope: Routing | None = "global",
    period: Span = FIRST,
    **more: Any,
) -> Charge:
    return Charge(
        platform="bedrock",
        period=period,
        model=model,
        kind=kind,
        scope=scope,
        quantity=None if tokens is None else Decimal(tokens),
        amount=None if usd is None else Decimal(usd),
        **more,
    )


def statement(*charges: Charge, spans: Spans = WEEK, **more: Any) -> Statement:
    told: dict[str, Any] = {"measures": ("tokens", "usd"), "format": "aws-cur", "files": ()} | more
    return Statement(platform="bedrock", charges=charges, spans=spans, **told)


def sums(
    *,
    usd: str | None = None,
    bounds: tuple[str, str] | None = None,
    model: str = OPUS,
    scope: Routing = "global",
    start_h: int = FIRST.start,
    end_h: int | None = None,
    **more: Any,
) -> Sums:
    """Return attempts of the ledger; tokens by keyword: `input=100`."""
    cells: dict[Cell, Bounded] = {}
    for kind in ("input", "output", "cache_read", "web_search"):
        if kind in more:
            cells[Cell("tokens", kind)] = Bounded.exactly(more.pop(kind) * PICO)
    if usd is not None:
        low, high = bounds or (usd, usd)
        cells[Cell("usd", "tokens")] = Bounded(_pico(usd), _pico(low), _pico(high))
    return Sums(
        start_h=start_h,
        end_h=start_h if end_h is None else end_h,
        model=model,
        scope=scope,
        cells=cells,
        **more,
    )


def _pico(usd: str) -> int:
    return int(Decimal(usd) * PICO)
