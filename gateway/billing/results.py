"""What the Agent SDK's results say a session came to: sums, held against ours and never added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from gateway import money
from gateway.billing.fields import field_of, text_of
from gateway.usage import COUNTER_MAX, Usage

_COUNTS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadInputTokens": "cache_read_input_tokens",
    "cacheCreationInputTokens": "cache_creation_input_tokens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a conversation, good or bad."""

    session: str = ""
    failed: bool = False
    total_pico: int | None = None
    """`total_cost_usd`: what the SDK reckons, since its process or session began."""
    models: Mapping[str, Usage] = field(default_factory=dict)
    """`modelUsage`: the counts since then, those of sub-agents too."""


def result_of(thing: object) -> Result:
    """Return what a result says; what is no number in it is left out."""
    models = field_of(thing, "modelUsage") or field_of(thing, "model_usage")
    named = models.items() if isinstance(models, Mapping) else ()
    return Result(
        session=text_of(thing, "session_id"),
        failed=field_of(thing, "is_error") is True or text_of(thing, "subtype").startswith("error"),
        total_pico=_pico(field_of(thing, "total_cost_usd")),
        models={str(name): _counts(counts) for name, counts in named},
    )


def higher(one: Result, other: Result) -> Result:
    """Return the higher of each sum of two results of one session: sums only grow."""
    totals = [total for total in (one.total_pico, other.total_pico) if total is not None]
    names = {*one.models, *other.models}
    return Result(
        session=one.session,
        failed=one.failed or other.failed,
        total_pico=max(totals, default=None),
        models={
            name: Usage.raised(one.models.get(name, Usage()), other.models.get(name, Usage()))
            for name in names
        },
    )


def _pico(usd: object) -> int | None:
    if isinstance(usd, bool) or not isinstance(usd, (int, float, Decimal)):
        return None
    exact = Decimal(str(usd)) if isinstance(usd, float) else Decimal(usd)
    return money.pico(exact) if exact.is_finite() and 0 <= exact <= COUNTER_MAX else None


def _counts(counts: object) -> Usage:
    known = counts if isinstance(counts, Mapping) else {}
    return Usage.of({ours: known.get(theirs) for theirs, ours in _COUNTS.items()})
