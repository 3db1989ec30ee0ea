"""The usage report of the Admin API: tokens, no money.

`GET /v1/organizations/usage_report/messages`, and the analytics reports of the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from gateway.reconcile.anthropic_pages import Buckets, Row, converted, is_report
from gateway.reconcile.anthropic_rows import About, about
from gateway.reconcile.keeping import Selection
from gateway.reconcile.source import Source
from gateway.reconcile.statement import Charge, File, Gathered, Kind, Statement

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


_COUNTERS = frozenset({*_Counts.__struct_fields__, "requests"})


class AnthropicUsage:
    """Reads usage reports."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._files: list[File] = []
        self._buckets = Buckets(_COUNTERS, lambda row: "uncached_input_tokens" in row)

    @staticmethod
    def knows(head: bytes) -> bool:
        """Say whether a file that begins so is a usage report."""
        return is_report(head, b"uncached_input_tokens")

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""
        self._buckets.take(source)
        self._files.append(source.file)

    def done(self) -> Statement:
        """Return what all files say; raises BadStatement where they contradict each other."""
        gathered = Gathered(self._selection)
        for row in self._buckets.rows():
            for charge in _charges(row):
                gathered.add(charge)
        self._selection.check("the usage report")
        return Statement(
            format="anthropic-usage",
            platform="anthropic",
            measures=("tokens",),
            files=tuple(sorted(self._files, key=lambda file: file.digest)),
            charges=gathered.charges(),
            spans=self._buckets.spans(),
            notes=tuple(sorted(self._buckets.notes)),
        )


def _charges(row: Row) -> Iterator[Charge]:
    counts: _Counts = converted(row, _Counts)
    told: About = about(row)
    quantities: dict[Kind, int] = {
        "input": counts.uncached_input_tokens,
        "output": counts.output_tokens,
        "cache_write_5m": counts.cache_creation.ephemeral_5m_input_tokens,
        "cache_write_1h": counts.cache_creation.ephemeral_1h_input_tokens,
        "cache_read": counts.cache_read_input_tokens,
        "web_search": counts.server_tool_use.web_search_requests if counts.server_tool_use else 0,
    }
    for kind, quantity in quantities.items():
        if quantity:
            yield told.charge(kind, quantity=Decimal(quantity))
