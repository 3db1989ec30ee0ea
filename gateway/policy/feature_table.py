"""The features a platform can be asked for, how each shows in a request, and what it keeps."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from providers.shapes import ready

Marks = Mapping[str, frozenset[str]]
"""What may be in a request -> the features it stands for; empty: known, and none."""


class Feature(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One row of `features.toml`, whose head says what each key means."""

    name: str
    plain: bool = False
    operations: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    header_prefixes: tuple[str, ...] = ()
    betas: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    zdr: Literal["yes", "no", "qualified", "unknown"]
    hipaa: Literal["yes", "no", "qualified", "unknown"]
    retention_days: int | None = None
    """Days that the feature keeps something; None: not known, or without a bound."""
    retention: str = ""
    source: str
    checked_on: dt.date
    verified: bool


@ready
class _File(msgspec.Struct, forbid_unknown_fields=True):
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """The rows by name, and turned round: what may be in a request by where it stands."""

    features: Mapping[str, Feature]
    """Without the plain ones, which no request is said to ask for."""
    operations: Marks
    fields: Marks
    tools: Marks
    blocks: Marks
    headers: Marks
    header_prefixes: tuple[str, ...]
    betas: Marks
    paths: Marks
    plain_operations: frozenset[str]
    """Those that stand for no feature; likewise below."""
    plain_fields: frozenset[str]
    plain_headers: frozenset[str]
    plain_betas: frozenset[str]
    tool_keys: frozenset[str]
    """The keys of a tool that some path names; likewise the two below."""
    message_keys: frozenset[str]
    fallback_keys: frozenset[str]
    plain_mark_keys: frozenset[str]
    """The keys of a cache mark that stand for no feature."""


@cache
def feature_table() -> FeatureTable:
    """Return the table in `gateway/data/features.toml`.

    Raises msgspec.ValidationError when the file has another shape, ValueError when it names a
    feature twice.
    """
    file = resources.files("gateway") / "data" / "features.toml"
    rows = msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File).features
    if len({row.name for row in rows}) != len(rows):
        raise ValueError("features.toml names a feature twice; each name has one row")
    return turned(rows)


def turned(rows: Iterable[Feature]) -> FeatureTable:
    """Return rows as the table that a request is read with."""
    rows = tuple(rows)
    operations = _marks((row, row.operations) for row in rows)
    fields = _marks((row, row.fields) for row in rows)
    headers = _marks((row, row.headers) for row in rows)
    betas = _marks((row, row.betas) for row in rows)
    paths = _marks((row, row.paths) for row in rows)
    return FeatureTable(
        features={row.name: row for row in rows if not row.plain},
        operations=operations,
        fields=fields,
        tools=_marks((row, row.tools) for row in rows),
        blocks=_marks((row, row.blocks) for row in rows),
        headers=headers,
        header_prefixes=tuple(prefix for row in rows for prefix in row.header_prefixes),
        betas=betas,
        paths=paths,
        plain_operations=_plain(operations),
        plain_fields=_plain(fields),
        plain_headers=_plain(headers),
        plain_betas=_plain(betas),
        tool_keys=_keys(paths, "tools[]."),
        message_keys=_keys(paths, "messages[]."),
        fallback_keys=_keys(paths, "fallbacks[]."),
        plain_mark_keys=_keys(_plain(paths), "cache_control."),
    )


def _marks(named: Iterable[tuple[Feature, tuple[str, ...]]]) -> Marks:
    marks: dict[str, frozenset[str]] = {}
    for row, names in named:
        for name in names:
            mine = frozenset[str]() if row.plain else frozenset({row.name})
            marks[name] = marks.get(name, frozenset()) | mine
    return marks


def _plain(marks: Marks) -> frozenset[str]:
    return frozenset(name for name, features in marks.items() if not features)


def _keys(paths: Iterable[str], prefix: str) -> frozenset[str]:
    found = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return frozenset(key for key in found if "=" not in key)
