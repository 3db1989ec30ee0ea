"""One row of a cost and usage report -> a line of the statement. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from gateway.reconcile.aws_usage_types import Parsed, is_claude, model, parsed
from gateway.reconcile.exact import number, times
from gateway.reconcile.source import Source
from gateway.reconcile.spans import HOUR_S, Span
from gateway.reconcile.statement import BadStatement, Charge, Kind
from gateway.reconcile.terms import terms

Columns = Mapping[str, int]


class Table:
    """A row, by the names of its columns; a column that was not exported is empty."""

    def __init__(self, source: Source, columns: Columns, cells: Sequence[str], where: str) -> None:
        self.source = source
        self.where = where
        self._columns = columns
        self._cells = cells

    def __getitem__(self, name: str) -> str:
        """Return what stands in a column."""
        at = self._columns.get(name)
        return "" if at is None else self._cells[at]

    def bad(self, why: str) -> BadStatement:
        """Return the error that names this row."""
        return self.source.bad(why, self.where)

    def check_length(self) -> None:
        """Raise BadStatement where the row has another number of cells than the header."""
        if len(self._cells) != len(self._columns):
            raise self.bad(f"has {len(self._cells)} cells, the header has {len(self._columns)}")

    def number(self, name: str) -> Decimal:
        """Return a number; raises BadStatement."""
        try:
            return number(self[name])
        except ValueError as error:
            raise self.bad(f"{name}: {error}") from None

    def period(self) -> Span | None:
        """Return the hours that it is about; None: it does not say; raises BadStatement."""
        start, end = self["line_item_usage_start_date"], self["line_item_usage_end_date"]
        if not start and not end:
            return None
        try:
            span = Span(_hour(start)[0], _hour(end)[1])
        except ValueError:
            raise self.bad(f"{start[:40]!r} to {end[:40]!r} is no time") from None
        # Some exports end an hour with its last second, others with the first of the next.
        return span if span.start < span.end else Span(span.start, span.start + 1)

    def members(self, name: str) -> Mapping[str, str]:
        """Return a column that is a map, as JSON; what is none is empty."""
        return _map(self[name]) if self[name] else {}


@lru_cache(maxsize=4096)
def _hour(text: str) -> tuple[int, int]:
    """Return the hour that a time is in, and the first that is not before it."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    seconds = int(moment.timestamp())
    return seconds // HOUR_S, -(-seconds // HOUR_S)


@lru_cache(maxsize=4096)
def _map(text: str) -> Mapping[str, str]:
    try:
        found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {name: str(value) for name, value in found.items()}


def _product(row: Table) -> str:
    return row["product_product_name"] or row.members("product").get("product_name", "")


def is_bedrock(row: Table) -> bool:
    """Say whether a row is about Bedrock, sold by AWS or through AWS Marketplace."""
    aws = terms().aws
    if row["line_item_product_code"] in aws.product_codes:
        return True
    return _product(row).endswith(aws.marketplace_ending)


def is_platform(row: Table) -> bool:
    """Say whether a row is about Claude Platform on AWS, which is another platform."""
    return _product(row) in terms().aws.platform_products


def charge_of(row: Table) -> Charge | None:
    """Return a row of Bedrock as a line; None: it is not about Claude. Raises BadStatement."""
    what = terms().aws.line_types.get(row["line_item_line_item_type"], "fee")
    if row["line_item_currency_code"] != "USD":
        raise row.bad(f"is in {row['line_item_currency_code'][:10]!r}; only USD is compared")
    if is_platform(row):
        return _line(row, "other", what="ccu")
    if what not in {"usage", "discount"}:
        return _line(row, "other", what=what)
    usage_type = row["line_item_usage_type"]
    named = _product(row)
    if not (is_claude(usage_type) or is_claude(named)):
        return None
    found = parsed(usage_type)
    if found is None:
        return _line(row, "not_understood", named=usage_type)
    return _tokens(row, found, found.named or named, counted=what == "usage")


def _tokens(row: Table, found: Parsed, named: str, *, counted: bool) -> Charge:
    if found.kind == "reserved":
        return _line(row, "other", what="reserved")
    quantity = _quantity(row) if counted else None
    line = _line(row, found.kind, quantity=quantity)
    canonical = model(named)
    return msgspec.structs.replace(
        line,
        model=canonical,
        named="" if canonical else named,
        scope=found.scope,
        tier=found.tier,
    )


def _quantity(row: Table) -> Decimal:
    tokens = terms().aws.units.get(row["pricing_unit"])
    if tokens is None:
        known = ", ".join(terms().aws.units)
        raise row.bad(f"pricing_unit {row['pricing_unit'][:40]!r} is no unit of tokens ({known})")
    amount = row.number("line_item_usage_amount")
    if amount < 0:
        raise row.bad("is a usage below zero; corrections come as Refund or Credit")
    return times(amount, tokens)


def _line(
    row: Table, kind: Kind, *, what: str = "", named: str = "", quantity: Decimal | None = None
) -> Charge:
    period = row.period()
    if period is None:
        raise row.bad("says neither when it begins nor when it ends")
    net = "line_item_net_unblended_cost"
    return Charge(
        platform="bedrock",
        period=period,
        named=named,
        kind=kind,
        what=what,
        quantity=quantity,
        amount=row.number(net if row[net] else "line_item_unblended_cost"),
        account=row["line_item_usage_account_id"],
        principal=row["line_item_iam_principal"],
        tags={**row.members("resource_tags"), **row.members("tags")},
        first=f"{row.source.name} {row.where}",
    )
