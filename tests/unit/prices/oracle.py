"""The price of an answer, worked out slowly and apart: by plain loops over rows, in decimals."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

PICO = Decimal(10) ** 12


class Unpriced(Exception):
    """Something has no price."""


def cost(
    rows: list[dict[str, Any]], multiplier: str, usage: dict[str, Any], context: dict[str, Any]
) -> tuple[int, int, int]:
    """Return the list cost, the net cost, and the net cost without a cache, in picodollars."""
    listed = net = uncached = 0
    for model, tokens, billed in _runs(usage, context):
        five, hour = _writes(tokens)
        counts = {
            "input": tokens["input_tokens"],
            "cache_write_5m": five,
            "cache_write_1h": hour,
            "cache_read": tokens.get("cache_read_input_tokens") or 0,
        }
        prompt = sum(counts.values())
        row = _row(rows, model, usage, context, prompt)
        for name, count in [*counts.items(), ("output", tokens["output_tokens"])]:
            if count and row.get(name) is None:
                raise Unpriced(name)
            if count and billed:
                listed += _pico(count, row[name], "1")
                net += _pico(count, row[name], multiplier)
        if billed:
            uncached += _pico(prompt, row["input"], multiplier)
            uncached += _pico(tokens["output_tokens"], row["output"], multiplier)
    return listed, net, uncached


def _pico(count: int, rate: str, multiplier: str) -> int:
    with localcontext(prec=200):
        usd = Decimal(count) * Decimal(rate) * Decimal(multiplier) / Decimal(1_000_000)
        return int((usd * PICO).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def _runs(usage: dict[str, Any], context: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    served = context["served"] or context["model"]
    refused = context["stop_reason"] == "refusal"
    if not usage.get("iterations"):
        free = refused and usage["output_tokens"] == 0
        return [(served, usage, not free)]
    found: list[tuple[str, dict[str, Any], bool]] = []
    executors: list[int] = []
    for run in usage["iterations"]:
        answers = run["type"] in ("message", "fallback_message")
        model = run.get("model") or (served if answers else context["model"])
        if answers:
            executors.append(len(found))
        found.append((model, run, True))
    for place, at in enumerate(executors):
        model = found[at][0]
        first = last = place
        while first > 0 and found[executors[first - 1]][0] == model:
            first -= 1
        while last + 1 < len(executors) and found[executors[last + 1]][0] == model:
            last += 1
        made = sum(found[executors[each]][1]["output_tokens"] for each in range(first, last + 1))
        ends = last + 1 == len(executors)
        if made == 0 and (refused or not ends):
            found[at] = (model, found[at][1], False)
    return found


def _writes(tokens: dict[str, Any]) -> tuple[int, int]:
    split = tokens.get("cache_creation") or {}
    five = split.get("ephemeral_5m_input_tokens") or 0
    hour = split.get("ephemeral_1h_input_tokens") or 0
    total = tokens.get("cache_creation_input_tokens")
    if total is not None and total > five + hour:
        five = total - hour
    return five, hour


def _row(
    rows: list[dict[str, Any]],
    model: str,
    usage: dict[str, Any],
    context: dict[str, Any],
    prompt: int,
) -> dict[str, Any]:
    day = dt.datetime.fromtimestamp(context["at_s"], dt.UTC).date()
    geo = {"us": "geo", "global": "global"}.get(str(usage.get("inference_geo")), context["scope"])
    fit = [
        row
        for row in rows
        if row["model"] == model
        and row["scope"] == geo
        and row.get("speed", "standard") == (usage.get("speed") or "standard")
        and (usage.get("service_tier") or "standard") in row.get("tiers", ["standard"])
        and row["effective_from"] <= day
        and (row.get("effective_until") is None or day < row["effective_until"])
        and prompt > (row.get("over_input_tokens") or -1)
    ]
    if not fit:
        raise Unpriced(model)
    return max(fit, key=lambda row: row.get("over_input_tokens") or -1)
