"""Reports of usage, good and bad, drawn from a seeded generator."""

from __future__ import annotations

import random
from typing import Any

from gateway.usage import COUNTER_MAX

KINDS = ("message", "compaction", "advisor_message", "fallback_message", "judge")
WORDS = ("", "standard", "priority", "fast", "us", "é")
ODD: tuple[Any, ...] = (
    -1,
    True,
    1.5,
    "7",
    [],
    {},
    COUNTER_MAX + 1,
    float("nan"),
    10**400,
    "\ud800",
)


def report(rng: random.Random, *, odd: bool = True) -> dict[str, Any]:
    """Return a `usage`, each key there or not; some values are no counts if `odd`."""
    made = _tokens(rng, odd=odd)
    made |= _some(
        rng,
        {
            "output_tokens_details": lambda: _some(
                rng, {"thinking_tokens": lambda: _count(rng, odd=odd), "new": lambda: _json(rng)}
            ),
            "server_tool_use": lambda: _some(
                rng, {"web_search_requests": lambda: _count(rng, odd=odd), "x": lambda: _json(rng)}
            ),
            "service_tier": lambda: _word(rng, odd=odd),
            "inference_geo": lambda: _word(rng, odd=odd),
            "speed": lambda: _word(rng, odd=odd),
            "fallback_credit": lambda: _credit(rng, odd=odd),
            "iterations": lambda: [_iteration(rng, odd=odd) for _ in range(rng.randrange(4))],
        },
    )
    return made


def _tokens(rng: random.Random, *, odd: bool) -> dict[str, Any]:
    split = {
        "ephemeral_5m_input_tokens": lambda: _count(rng, odd=odd),
        "ephemeral_1h_input_tokens": lambda: _count(rng, odd=odd),
        "ephemeral_1d_input_tokens": lambda: _json(rng),
    }
    return _some(
        rng,
        {
            "input_tokens": lambda: _count(rng, odd=odd),
            "output_tokens": lambda: _count(rng, odd=odd),
            "cache_creation_input_tokens": lambda: _count(rng, odd=odd),
            "cache_read_input_tokens": lambda: _count(rng, odd=odd),
            "cache_creation": lambda: rng.choice([None, 7] if odd else [None]) or _some(rng, split),
            "new_key": lambda: _json(rng),
            "cache_creation.ephemeral_5m_input_tokens": lambda: _json(rng),
            "server_tool_use.y": lambda: _json(rng),
        },
    )


def _iteration(rng: random.Random, *, odd: bool) -> Any:
    if odd and rng.random() < 0.05:
        return rng.choice([None, 7, []])
    extra = {"model": lambda: _word(rng, odd=odd), "type": lambda: rng.choice(KINDS)}
    return {**_tokens(rng, odd=odd), **_some(rng, extra)}


def _credit(rng: random.Random, *, odd: bool) -> Any:
    status = _some(
        rng,
        {
            "type": lambda: _word(rng, odd=odd),
            "reason": lambda: _word(rng, odd=odd),
            "remove_to_redeem": lambda: _json(rng),
        },
    )
    return {"status": rng.choice([status, "redeemed", None])}


def _some(rng: random.Random, makers: dict[str, Any]) -> dict[str, Any]:
    return {key: make() for key, make in makers.items() if rng.random() < 0.6}


def _count(rng: random.Random, *, odd: bool) -> Any:
    if odd and rng.random() < 0.1:
        return rng.choice(ODD)
    return rng.choice([None, 0, rng.randrange(4), rng.randrange(100_000), COUNTER_MAX])


def _word(rng: random.Random, *, odd: bool) -> Any:
    return rng.choice(ODD) if odd and rng.random() < 0.1 else rng.choice([None, *WORDS])


def _json(rng: random.Random, depth: int = 2) -> Any:
    plain = [None, True, False, 0, 1, 1.0, 7, -3, "", "é", "a.b"]
    if depth and rng.random() < 0.3:
        inner = [_json(rng, depth - 1) for _ in range(rng.randrange(3))]
        return rng.choice([inner, {str(at): value for at, value in enumerate(inner)}])
    return rng.choice(plain)
