"""Two reports become one: a later one of a stream over an earlier one, or the higher of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec

from gateway.usage.reading import Fields
from gateway.usage.tokens import Iteration
from gateway.usage.values import named

_OWN_RULE = frozenset({"iterations", "unknown", "flags"})
_RUN_FIELDS = tuple(item.name for item in fields(Iteration) if item.name != "unknown")


def later(start: Fields, delta: Fields) -> Fields:
    """Return `start` with what `delta` knows in its place."""
    merged = {**start, **delta}
    told = {key: value for key, value in delta.get("unknown", {}).items() if value is not None}
    merged["unknown"] = {**start.get("unknown", {}), **told}
    merged["flags"] = [*start["flags"], *delta["flags"]]
    return merged


def raised(one: Fields, other: Fields) -> Fields:
    """Return the higher of each count, and in `flags` what differed.

    The order of reports does not matter, nor how often one is repeated: text of which there are
    two is chosen by the alphabet.
    """
    merged: Fields = {}
    differed: list[str] = []
    for name in {*one, *other} - _OWN_RULE:
        merged[name] = _higher(one.get(name), other.get(name))
        if _differ(one.get(name), other.get(name)):
            differed.append(name)
    runs = _higher_runs(one.get("iterations"), other.get("iterations"))
    if runs is not None:
        merged["iterations"] = runs
        if _differ(one.get("iterations"), other.get("iterations")):
            differed.append("iterations")
    merged["unknown"], unlike = _higher_unknown(one.get("unknown", {}), other.get("unknown", {}))
    conflicts = [f"conflict: {named(name)}" for name in (*differed, *unlike)]
    merged["flags"] = [*one["flags"], *other["flags"], *conflicts]
    return merged


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _higher(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _higher_runs(
    one: tuple[Iteration, ...] | None, other: tuple[Iteration, ...] | None
) -> tuple[Iteration, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    if len(one) != len(other):
        return max(one, other, key=len)
    return tuple([_higher_run(*pair) for pair in zip(one, other, strict=True)])


def _higher_run(one: Iteration, other: Iteration) -> Iteration:
    known = {name: _higher(getattr(one, name), getattr(other, name)) for name in _RUN_FIELDS}
    unknown, _ = _higher_unknown(one.unknown, other.unknown)
    return Iteration(**known, unknown=unknown)


def _higher_unknown(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the higher value of each key, and the keys whose values differ."""
    both = {**one, **other}
    unlike = []
    for key in one.keys() & other.keys():
        mine, yours = _order(one[key]), _order(other[key])
        if mine != yours:
            both[key] = one[key] if mine > yours else other[key]
            if one[key] is not None and other[key] is not None:
                unlike.append(key)
    return both, unlike


def _order(value: Any) -> tuple[int, float, bytes]:
    """Rank a JSON value: null is the least; numbers are ranked by size, the rest by its text."""
    if value is None:
        return 0, 0.0, b""
    text = msgspec.json.encode(value, order="sorted")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 1, value, text
    return 2, 0.0, text
