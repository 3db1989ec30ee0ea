"""What `gateway prices check` does."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from gateway.prices.witness import Difference, Sku, Witness
from gateway.prices.witness_check import Report, check
from gateway.prices.witness_genai import GenaiPrices
from gateway.prices.witness_litellm import LitellmMap


def run(
    day: date,
    *,
    litellm: Path | None,
    prices: Path | None,
    disagreements: Path | None,
    as_json: bool,
) -> None:
    """Print what disagrees; exits 1 where something has to be looked at."""
    witnesses: list[Witness] = [GenaiPrices.on(day)]
    if litellm is not None:
        witnesses.append(LitellmMap.read(litellm))
    report = check(day, witnesses, prices=prices, disagreements=disagreements)
    if as_json:
        typer.echo(json.dumps(_plain(report), indent=2))
    else:
        _print(report)
    raise typer.Exit(int(not report.ok))


def decimal(value: Decimal | None) -> str | None:
    """Return a price as text without an exponent or trailing zeros."""
    return None if value is None else format(value.normalize(), "f")


def _print(report: Report) -> None:
    for each in report.unexplained:
        typer.echo(f"disagrees: {_line(each)}")
    for text in report.stale:
        typer.echo(f"explained, but {text}")
    for witness in report.witnesses:
        heard = sum(each.witness == witness.name and bool(each.ids) for each in report.findings)
        edition = f" {witness.version}" if witness.version else ""
        typer.echo(f"{witness.name}{edition}: prices {heard} of {len(report.book)} SKUs")
    typer.echo(f"no other list prices {len(report.unseen)} SKUs")
    typer.echo(
        f"{report.day}: {len(report.unexplained)} disagreements to look at, "
        f"{len(report.explained)} explained, {len(report.stale)} explanations out of date"
    )


def _line(each: Difference) -> str:
    over = f" over {each.over} tokens" if each.over else ""
    ours = decimal(each.ours) or "no price"
    ratio = "" if each.ratio is None else f" ({each.ratio} of ours)"
    theirs = f"{each.witness} has {decimal(each.theirs)}{ratio} in {', '.join(each.ids)}"
    return f"{_named(each.sku)}{over}: {each.category}: ours {ours}, {theirs}"


def _named(sku: Sku) -> str:
    kinds = [each for each in (sku.processing, sku.speed) if each != "standard"]
    return " ".join([sku.platform, sku.scope, sku.model, *kinds])


def _plain(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "day": report.day.isoformat(),
        "witnesses": [{"name": each.name, "version": each.version} for each in report.witnesses],
        "skus": len(report.book),
        "disagreements": [
            *(_difference(each, None) for each in report.unexplained),
            *(_difference(each, " ".join(row.why.split())) for each, row in report.explained),
        ],
        "stale_explanations": list(report.stale),
        "unseen": [sku._asdict() for sku in report.unseen],
        "theirs_only": [{**sku._asdict(), "entry": entry} for sku, entry in report.theirs_only],
    }


def _difference(each: Difference, why: str | None) -> dict[str, Any]:
    return {
        "witness": each.witness,
        **each.sku._asdict(),
        "over_input_tokens": each.over or None,
        "category": each.category,
        "ours": decimal(each.ours),
        "theirs": decimal(each.theirs),
        "ratio": None if each.ratio is None else str(each.ratio),
        "entries": list(each.ids),
        "why": why,
    }
