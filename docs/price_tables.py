"""Writes the tables of price_sources.md, the price book beside two public lists: `make docs`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from docs.tables import filled, table
from gateway.prices.files import shipped_files
from gateway.prices.witness import SEARCH, Finding, Sku
from gateway.prices.witness_check import Report, check, newest
from gateway.prices.witness_explained import Explained, amount
from gateway.prices.witness_files import data, explained_rows
from gateway.prices.witness_genai import GenaiPrices
from gateway.prices.witness_litellm import LitellmMap
from providers import catalog

PAGE = Path(__file__).parent / "price_sources.md"
LOCK = Path(__file__).parents[1] / "requirements-witness.lock"
LETTERS = {"genai-prices": "G", "litellm": "L"}
SCOPES = ("global", "geo", "in_region", "government")
Kind = tuple[str, str, str]
"""Scope, processing and speed."""


def page(price_map: Path) -> str:
    """Return the page with its tables as the data and both lists say now."""
    day = newest([each.prices for each in shipped_files()])
    edition = re.search(r"^litellm==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    found = LitellmMap.read(price_map, edition[1] if edition else "")
    return filled(PAGE, tables(check(day, [found, GenaiPrices.on(day)])))


def tables(report: Report) -> str:
    """Return every table."""
    lists = ", ".join(f"{each.name} {each.version}" for each in report.witnesses)
    parts = [f"Prices of {report.day}; {lists}."]
    for platform in dict.fromkeys(sku.platform for sku in report.book):
        parts += [f"### {platform}", platform_table(report, platform)]
    parts += ["### Why ours stays", explained_table()]
    return "\n\n".join(parts) + "\n"


def platform_table(report: Report, platform: str) -> str:
    """Return what the lists say of one platform: models by what is sold."""
    theirs = {sku: entry.partition(" ")[0] for sku, entry in report.theirs_only}
    found = _by_sku(report.findings)
    skus = [sku for sku in (*report.book, *theirs) if sku.platform == platform]
    kinds = sorted(
        {sku[1:2] + sku[3:] for sku in report.book if sku.platform == platform}, key=_order
    )
    named = {sku.model for sku in skus}

    def cell(model: str, kind: Kind) -> str:
        sku = Sku(platform, kind[0], model, *kind[1:])
        if sku in found:
            return _verdict(found[sku])
        return f"only {LETTERS[theirs[sku]]}" if sku in theirs else "-"

    rows = (
        (each.id.removeprefix("claude-"), *(cell(each.id, kind) for kind in kinds))
        for each in catalog.models()
        if each.id in named
    )
    return table(("model", *map(_title, kinds)), rows)


def explained_table() -> str:
    """Return every disagreement that is known, with its reason."""
    heads = ("list", "where", "models", "theirs", "why ours stays", "checked on")
    return table(heads, map(_explained, explained_rows(data("price_disagreements.toml"))))


def _explained(row: Explained) -> tuple[str, ...]:
    over = [f"over {size:,} tokens" for size in row.over]
    where = [
        ", ".join(each) for each in (row.platforms, row.scopes, row.processing, row.speed, over)
    ]
    return (
        row.witness,
        "; ".join(each for each in (*where, ", ".join(row.categories)) if each),
        ", ".join(each.removeprefix("claude-") for each in row.models) or "all",
        amount(row),
        " ".join(row.why.split()),
        row.checked_on.isoformat(),
    )


def _verdict(findings: Iterable[Finding]) -> str:
    same, differing = "", []
    for each in findings:
        letter = LETTERS[each.witness]
        ratios = {one.ratio for one in each.differences if one.category != SEARCH}
        if ratios:
            shown = ", ".join(
                str(one) for one in sorted(ratios, key=lambda one: one or Fraction(0))
            )
            differing.append(f"≠ {letter} {shown}")
        elif each.ids:
            part = [one for one in each.unheard if one != SEARCH]
            same += letter.lower() if part else letter
    return ", ".join([*([f"= {same}"] if same else []), *differing]) or "ours"


def _by_sku(findings: Iterable[Finding]) -> dict[Sku, list[Finding]]:
    found: dict[Sku, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.sku, []).append(each)
    return found


def _order(kind: Kind) -> tuple[bool, bool, int]:
    scope, processing, speed = kind
    return speed == "fast", processing == "batch", SCOPES.index(scope)


def _title(kind: Kind) -> str:
    return ", ".join([kind[0], *(each for each in kind[1:] if each != "standard")])


def main(arguments: list[str]) -> Iterator[str]:
    """Write the page, or with `--check` say where it is not what it should be."""
    *options, price_map = arguments
    text = page(Path(price_map))
    if options != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif text != PAGE.read_text("utf-8"):
        yield f"{PAGE.name} is not as the data says: run make docs"


if __name__ == "__main__":
    sys.exit("\n".join(main(sys.argv[1:])) or None)
