"""Cost and usage reports of AWS (CUR 2.0, CSV): what Amazon Bedrock cost, hour by hour.

Rows of Claude on Bedrock count, whether AWS sells the model itself or through AWS Marketplace. A
file is read row by row; what is kept are sums, and a few bytes for each row of Bedrock, by which a
row that comes twice is known.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from gateway.reconcile.aws_rows import Columns, Table, charge_of, is_bedrock, is_platform
from gateway.reconcile.keeping import Selection
from gateway.reconcile.source import Source
from gateway.reconcile.spans import DAY_H, Span
from gateway.reconcile.statement import File, Gathered, Statement
from gateway.reconcile.terms import terms

_DIGEST_BYTES = 8
_ABOUT = (
    "identity_line_item_id", "line_item_usage_start_date", "line_item_usage_end_date",
    "line_item_line_item_type", "line_item_usage_type", "line_item_usage_account_id",
    "line_item_iam_principal", "line_item_resource_id", "resource_tags", "tags",
)  # fmt: skip
_NUMBERS = (
    "line_item_usage_amount", "line_item_unblended_cost", "line_item_net_unblended_cost",
    "pricing_unit", "line_item_currency_code",
)  # fmt: skip


class AwsCur:
    """Reads cost and usage reports."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._gathered = Gathered(selection)
        self._files: list[File] = []
        self._seen: dict[bytes, bytes] = {}
        """The id of a row -> a digest of all that it says."""
        self._short: Span | None = None
        self._long: Span | None = None
        """From the first to the last use of anything: of rows up to a day, and of longer ones."""
        self._count: Counter[str] = Counter()

    @classmethod
    def knows(cls, head: bytes) -> bool:
        """Say whether a file that begins so is a cost and usage report."""
        return b"line_item_usage_type" in head.partition(b"\n")[0]

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""
        with source.opened() as raw:
            text = io.TextIOWrapper(raw, "utf-8-sig", newline="")
            try:
                self._rows(source, csv.reader(text, strict=True))
            except UnicodeDecodeError:
                raise source.bad("is not UTF-8") from None
            finally:
                text.detach()
        self._files.append(source.file)

    def done(self) -> Statement:
        """Return what all files say."""
        self._selection.check("the cost and usage report")
        # What is billed by the month says nothing of how far the report goes.
        span = self._short or self._long
        return Statement(
            format="aws-cur",
            platform="bedrock",
            measures=("tokens", "usd"),
            files=tuple(sorted(self._files, key=lambda file: file.digest)),
            charges=self._gathered.charges(),
            spans=() if span is None else (span,),
            notes=tuple(self._notes()),
        )

    def _notes(self) -> Iterator[str]:
        says = {
            "other models": "rows of Bedrock about other models than Claude",
            "twice": "rows that stand in two files, and are counted once",
        }
        for what, text in says.items():
            if self._count[what]:
                yield f"{text}: {self._count[what]}"

    def _rows(self, source: Source, rows: Any) -> None:
        columns: Columns | None = None
        try:
            for row in rows:
                if columns is None:
                    columns = _columns(source, row)
                elif row:
                    self._row(Table(source, columns, row, f"row {rows.line_num}"))
        except csv.Error as error:
            raise source.bad(str(error), f"row {rows.line_num}") from None
        if columns is None:
            raise source.bad("is empty")

    def _row(self, row: Table) -> None:
        row.check_length()
        self._reach(row)
        if not (is_bedrock(row) or is_platform(row)) or self._twice(row):
            return
        charge = charge_of(row)
        if charge is None:
            self._count["other models"] += 1
        else:
            self._gathered.add(charge)

    def _reach(self, row: Table) -> None:
        span = row.period()
        what = terms().aws.line_types.get(row["line_item_line_item_type"])
        if span is None or what != "usage":
            return
        if span.end - span.start <= DAY_H:
            self._short = _around(self._short, span)
        else:
            self._long = _around(self._long, span)

    def _twice(self, row: Table) -> bool:
        """Say whether a row was read before; raises BadStatement where it said something else."""
        name = _digest([row[column] for column in _ABOUT])
        content = _digest([row[column] for column in _NUMBERS])
        known = self._seen.setdefault(name, content)
        if known is not content and known == content:
            self._count["twice"] += 1
            return True
        if known != content:
            raise row.bad(
                f"line item {row['identity_line_item_id'][:60]} stands in another place with other "
                "numbers; give one version of the report"
            )
        return False


def _columns(source: Source, header: Sequence[str]) -> Columns:
    columns = {name: at for at, name in enumerate(header)}
    missing = [name for name in terms().aws.required if name not in columns]
    if missing:
        raise source.bad(f"has no column {', '.join(missing)}; add it to the export")
    return columns


def _around(known: Span | None, span: Span) -> Span:
    if known is None:
        return span
    return Span(min(known.start, span.start), max(known.end, span.end))


def _digest(parts: Sequence[str]) -> bytes:
    return blake2b("\x1f".join(parts).encode(), digest_size=_DIGEST_BYTES).digest()
