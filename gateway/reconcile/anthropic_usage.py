"""The usage report of the Admin API: tokens, no money.

`GET /v1/organizations/usage_report/messages`, and the analytics reports of the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from gateway.reconcile.anthropic_pages import Row, converted
from gateway.reconcile.anthropic_report import Report
from gateway.reconcile.anthropic_rows import about
from gateway.reconcile.statement import Charge, Kind

_Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Written(Struct):
    ephemeral_5m_input_tokens: _Count
    ephemeral_1h_input_tokens: _Count


class _Tools(Struct):
    web_search_requests: _Count = 0


class _Counts(Struct):
    uncached_input_tokens: _Count
    cache_read_input_tokens: _Count
    cache_creation: _Written
    output_tokens: _Count
    server_tool_use: _Tools | None = None


class AnthropicUsage(Report):
    """Reads usage reports."""

    form = "anthropic-usage"
    member = "uncached_input_tokens"
    counters = frozenset({*_Counts.__struct_fields__, "requests"})
    measures = ("tokens",)

    def charges(self, row: Row) -> Iterator[Charge]:
        """Yield the lines that a row is; raises BadStatement."""
        told = about(row)
        for kind, quantity in _quantities(converted(row, _Counts)).items():
            if quantity:
                yield told.charge(kind, quantity=Decimal(quantity))


def _quantities(counts: _Counts) -> dict[Kind, int]:
    tools = counts.server_tool_use
    return {
        "input": counts.uncached_input_tokens,
        "output": counts.output_tokens,
        "cache_write_5m": counts.cache_creation.ephemeral_5m_input_tokens,
        "cache_write_1h": counts.cache_creation.ephemeral_1h_input_tokens,
        "cache_read": counts.cache_read_input_tokens,
        "web_search": 0 if tools is None else tools.web_search_requests,
    }
