"""Reads a report of any shape into fields; collects what was wrong with it. Never raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.usage.shapes import USAGE, Shape
from gateway.usage.tokens import COUNTER_MAX, Iteration
from gateway.usage.values import as_mapping, is_text, named, not_a_count, plain

Fields = dict[str, Any]
"""Field of `Usage` -> what is known of it; what is not known is not there."""

_FLAGS_MAX = 32


def read(report: object, shape: Shape = USAGE) -> Fields:
    """Return the fields of a report, whatever stands there; `flags` is a list, as found."""
    flags: list[str] = []
    known: Fields = {}
    mapping = as_mapping(report)
    if mapping is not None:
        known = _object(mapping, shape, "", flags)
    elif report is not None:
        flags.append("usage: not an object")
    if shape is USAGE and "iterations" in known:
        known["iterations"] = tuple([Iteration(**entry) for entry in known["iterations"]])
    if len(flags) > _FLAGS_MAX:
        flags = [*sorted(flags)[:_FLAGS_MAX], "usage: more was wrong"]
    known["flags"] = flags
    return known


def _object(report: Mapping[Any, Any], shape: Shape, path: str, flags: list[str]) -> Fields:
    """Return the fields of one object; what its shape does not know is under `unknown`."""
    known: Fields = {}
    unknown: dict[str, Any] = {}
    counts, words, groups = shape.counts, shape.words, shape.groups
    for key, value in report.items():
        name = counts.get(key)
        if name is not None:
            if type(value) is int and 0 <= value <= COUNTER_MAX:
                known[name] = value
            elif value is not None:
                flags.append(f"{path}{key}: {not_a_count(value)}")
        elif key in words and (isinstance(value, str) or key not in groups):
            if is_text(value):
                known[words[key]] = str.__str__(value)
            elif value is not None:
                flags.append(f"{path}{key}: not text")
        elif key in groups:
            within = _group(value, groups[key], f"{path}{key}", flags)
            left = within.pop("unknown", {})
            known |= within
            unknown |= {f"{key}.{name}": value for name, value in left.items()}
        elif key in shape.lists:
            entries = _entries(value, shape.lists[key], f"{path}{key}", flags)
            known |= {} if entries is None else {key: entries}
        else:
            _keep(key, value, path, unknown, flags)
    if unknown:
        known["unknown"] = unknown
    return known


def _group(value: object, shape: Shape, path: str, flags: list[str]) -> Fields:
    mapping = as_mapping(value)
    if mapping is not None:
        return _object(mapping, shape, f"{path}.", flags)
    if value is not None:
        flags.append(f"{path}: not an object")
    return {}


def _entries(value: object, shape: Shape, path: str, flags: list[str]) -> list[Fields] | None:
    if isinstance(value, (list, tuple)):
        return [_entry(entry, shape, f"{path}.{at}", flags) for at, entry in enumerate(value)]
    if value is not None:
        flags.append(f"{path}: not a list")
    return None


def _entry(value: object, shape: Shape, path: str, flags: list[str]) -> Fields:
    if value is None:
        flags.append(f"{path}: not an object")
    return _group(value, shape, path, flags)


def _keep(key: object, value: object, path: str, unknown: Fields, flags: list[str]) -> None:
    """Keep what is unknown, if it can be written down again."""
    if not is_text(key):
        flags.append(f"{named(path).rstrip('.') or 'usage'}: a key that is not text")
        return
    kept, why = plain(value)
    if why is None:
        unknown[str.__str__(key)] = kept
    else:
        flags.append(f"{named(path + str(key))}: {why}")
