"""The price book against its witnesses: what differs, what of it is explained, what is not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable

from gateway.prices.rows import PriceFile
from gateway.prices.witness import Bands, Difference, Finding, Sku, Witness, book, compare
from gateway.prices.witness_explained import Explained, explained_by, stale
from gateway.prices.witness_files import Line, data, explained_rows, price_files, where
from providers import catalog


@dataclass(frozen=True)
class Report:
    """What a check found."""

    day: date
    witnesses: tuple[Witness, ...]
    book: dict[Sku, Bands]
    findings: tuple[Finding, ...]
    """Of every SKU of the book by every witness."""
    explained: tuple[tuple[Difference, Explained], ...]
    unexplained: tuple[Difference, ...]
    stale: tuple[str, ...]
    theirs_only: tuple[tuple[Sku, str], ...]
    """What a witness prices and the book does not, and by which entry."""

    @property
    def ok(self) -> bool:
        """Say whether every disagreement is explained, and every explanation still needed."""
        return not self.unexplained and not self.stale

    @property
    def unseen(self) -> tuple[Sku, ...]:
        """Return the SKUs that no witness models."""
        seen = {each.sku for each in self.findings if each.ids}
        return tuple(sku for sku in self.book if sku not in seen)


def check(
    day: date,
    witnesses: Sequence[Witness],
    *,
    prices: Traversable | None = None,
    disagreements: Traversable | None = None,
) -> Report:
    """Compare the rows in force on a day; raises ConfigError for a file that is none.

    Args:
        day: In UTC.
        witnesses: Those to ask; explanations of others are left alone.
        prices: The folder of price files; None: those of the package.
        disagreements: The explained ones; None: those of the package.
    """
    files = price_files(prices or data("prices"))
    names = {each.name for each in witnesses}
    rows = explained_rows(disagreements or data("price_disagreements.toml"))
    rows = tuple(each for each in rows if each.witness in names)
    ours = book(files, day)
    findings = tuple(compare(sku, ours[sku], each) for sku in ours for each in witnesses)
    differences = [each for finding in findings for each in finding.differences]
    reasons = [(each, explained_by(each, rows)) for each in differences]
    return Report(
        day,
        tuple(witnesses),
        ours,
        findings,
        tuple((each, row) for each, row in reasons if row is not None),
        tuple(each for each, row in reasons if row is None),
        tuple(stale(rows, differences)),
        tuple(_theirs_only(ours, witnesses)),
    )


def newest(files: Sequence[PriceFile]) -> date:
    """Return the day on which a price was checked last."""
    return max(row.checked_on for file in files for row in file.rows)


def _theirs_only(ours: dict[Sku, Bands], witnesses: Sequence[Witness]) -> list[tuple[Sku, str]]:
    kinds = (("standard", "standard"), ("batch", "standard"), ("standard", "fast"))
    lines = {(line.platform, each) for line in _lines() for each in line.scopes}
    asked = [
        Sku(platform, scope, model.id, *kind)
        for platform, scope in sorted(lines)
        for model in catalog.models()
        for kind in kinds
    ]
    return [
        (sku, f"{witness.name} {quote.id}")
        for sku in asked
        if sku not in ours
        for witness in witnesses
        for quote in witness.quotes(sku)
    ]


def _lines() -> tuple[Line, ...]:
    return (*where().genai, *where().litellm)
