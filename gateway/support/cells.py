"""The table of what every platform does through the gateway."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct

from providers import capabilities
from providers.registry import PROVIDERS
from providers.shapes import ready

YES, UNKNOWN = "yes", "unknown"


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is told of every platform."""

    name: str
    """As in `[supports]` of a platform's data."""
    says: str
    not_carried: str = ""
    """Why the gateway itself does not carry it."""


@ready
class _File(Struct, frozen=True, forbid_unknown_fields=True):
    columns: tuple[Column, ...]


@cache
def columns() -> tuple[Column, ...]:
    """Return what is told of every platform, in order."""
    text = (resources.files("gateway") / "data" / "support.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File).columns


def cells(platform: str) -> Mapping[str, str]:
    """Return what a platform does: column -> `yes`, `unknown` or `no: reason`."""
    try:
        known = capabilities.load(platform).supports
    except LookupError:
        known = {}
    return {column.name: _cell(known.get(column.name), column) for column in columns()}


def table() -> Mapping[str, Mapping[str, str]]:
    """Return the cells of every platform there is."""
    return {platform: cells(platform) for platform in PROVIDERS}


def _cell(told: bool | str | None, column: Column) -> str:
    if told is None:
        return UNKNOWN
    if told is not True:
        return f"no: {told}"
    return f"no: {column.not_carried}" if column.not_carried else YES
