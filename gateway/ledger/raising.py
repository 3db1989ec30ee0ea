"""Usage as text, and the higher of two; stands in until `Usage` itself can do that."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import msgspec

from gateway.usage import Iteration, Tokens, Usage

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def to_json(usage: Usage) -> str:
    """Return a usage as text."""
    known = {name: value for name, value in asdict(usage).items() if value not in (None, {}, ())}
    return _encode(known).decode()


def from_json(text: str) -> Usage:
    """Return what `to_json` wrote."""
    known = _decode(text)
    if "iterations" in known:
        known["iterations"] = tuple(Iteration(**each) for each in known["iterations"])
    known["flags"] = tuple(known.get("flags", ()))
    return Usage(**known)


def raised(one: Usage, other: Usage) -> Usage:
    """Return the higher of each count."""
    merged = {
        each.name: _higher(getattr(one, each.name), getattr(other, each.name))
        for each in fields(Usage)
    }
    merged["unknown"] = {**one.unknown, **other.unknown}
    merged["flags"] = tuple(sorted({*one.flags, *other.flags}))
    merged["iterations"] = _more(one.iterations, other.iterations)
    return Usage(**merged)


def _higher(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _more(
    one: tuple[Iteration, ...] | None, other: tuple[Iteration, ...] | None
) -> tuple[Iteration, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda runs: (len(runs), _weight(runs)))


def _weight(runs: tuple[Tokens, ...]) -> tuple[int, str]:
    known = [value for run in runs for value in asdict(run).values() if isinstance(value, int)]
    return sum(known), repr(runs)
