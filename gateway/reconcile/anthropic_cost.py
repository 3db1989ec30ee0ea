"""The cost report of the Admin API: money by day, no tokens.

`GET /v1/organizations/cost_report`, and the analytics reports of the same shape. Amounts are cents
as decimal text. What Priority Tier costs is not in it.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.reconcile.anthropic_pages import Buckets, Row, converted, is_report
from gateway.reconcile.anthropic_rows import about
from gateway.reconcile.exact import number
from gateway.reconcile.keeping import Selection
from gateway.reconcile.source import Source
from gateway.reconcile.statement import TOKENS, Charge, File, Gathered, Kind, Statement
from gateway.reconcile.terms import terms

_COUNTERS = frozenset({"amount", "list_amount", "requests"})
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


class AnthropicCost:
    """Reads cost reports."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._files: list[File] = []
        self._buckets = Buckets(_COUNTERS, lambda row: "amount" in row)

    @staticmethod
    def knows(head: bytes) -> bool:
        """Say whether a file that begins so is a cost report."""
        return is_report(head, b"amount")

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""
        self._buckets.take(source)
        self._files.append(source.file)

    def done(self) -> Statement:
        """Return what all files say; raises BadStatement where they contradict each other."""
        gathered = Gathered(self._selection)
        for row in self._buckets.rows():
            gathered.add(_charge(row))
        self._selection.check("the cost report")
        left_out = terms().anthropic.leaves_out_tiers
        return Statement(
            format="anthropic-cost",
            platform="anthropic",
            measures=("usd",),
            files=tuple(sorted(self._files, key=lambda file: file.digest)),
            charges=gathered.charges(),
            spans=self._buckets.spans(),
            leaves_out_tiers=left_out,
            notes=(
                *sorted(self._buckets.notes),
                f"the cost report has no costs of the tier {', '.join(left_out)}",
            ),
        )


def _charge(row: Row) -> Charge:
    cost: _Cost = converted(row, _Cost)
    if cost.currency != "USD":
        raise row.source.bad(f"is in {cost.currency[:10]}; only USD is compared", row.where)
    try:
        amount = number(cost.amount).scaleb(_CENT)
    except ValueError as error:
        raise row.source.bad(f"amount: {error}", row.where) from None
    kind, what = _kind(cost)
    return about(row).charge(kind, what=what, amount=amount)


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
