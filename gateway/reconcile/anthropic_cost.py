"""The cost report of the Admin API: money by day, no tokens.

`GET /v1/organizations/cost_report`, and the analytics reports of the same shape. Amounts are cents
as decimal text. What Priority Tier costs is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from gateway.reconcile.anthropic_pages import Row, converted
from gateway.reconcile.anthropic_report import Report
from gateway.reconcile.anthropic_rows import about
from gateway.reconcile.exact import number
from gateway.reconcile.statement import TOKENS, Charge, Kind
from gateway.reconcile.terms import terms

_CENT = -2
_TOKEN_TYPES: dict[str, Kind] = {
    "uncached_input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
}


class _Cost(Struct):
    amount: str
    currency: str
    cost_type: str | None = None
    token_type: str | None = None
    description: str | None = None


class AnthropicCost(Report):
    """Reads cost reports."""

    form = "anthropic-cost"
    member = "amount"
    counters = frozenset({"amount", "list_amount", "requests"})
    measures = ("usd",)

    def charges(self, row: Row) -> Iterator[Charge]:
        """Yield the line that a row is; raises BadStatement."""
        cost: _Cost = converted(row, _Cost)
        if cost.currency != "USD":
            raise row.source.bad(f"is in {cost.currency[:10]}; only USD is compared", row.where)
        try:
            amount = number(cost.amount).scaleb(_CENT)
        except ValueError as error:
            raise row.source.bad(f"amount: {error}", row.where) from None
        kind, what = _kind(cost)
        yield about(row).charge(kind, what=what, amount=amount)

    def leaves_out_tiers(self) -> tuple[str, ...]:
        """Return the tiers whose costs are never in it."""
        return terms().anthropic.leaves_out_tiers

    def notes(self) -> Iterator[str]:
        """Yield that."""
        yield f"the cost report has no costs of the tier {', '.join(self.leaves_out_tiers())}"


def _kind(cost: _Cost) -> tuple[Kind, str]:
    if cost.token_type is not None:
        kind = _TOKEN_TYPES.get(cost.token_type)
        return (kind, "") if kind in TOKENS else ("not_understood", cost.token_type)
    if cost.cost_type is None:
        return "all", ""
    known = terms().anthropic.cost_types.get(cost.cost_type)
    if known is not None:
        return known, ""
    if cost.cost_type in terms().residuals:
        return "other", cost.cost_type
    return "not_understood", cost.cost_type
