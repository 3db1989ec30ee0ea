"""Zones: named sets of countries."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec

from providers.data_files import Table
from providers.shapes import ready


@ready
class _ZoneFile(Table, kw_only=True):
    """`zones.toml`."""

    countries: frozenset[str]
    zones: dict[str, frozenset[str]]


@cache
def _file() -> _ZoneFile:
    text = (resources.files("gateway") / "data" / "zones.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _ZoneFile)


def countries() -> frozenset[str]:
    """Return every country code of ISO 3166-1 alpha-2."""
    return _file().countries


def shipped() -> dict[str, frozenset[str]]:
    """Return the zones that need no definition in a policy."""
    return dict(_file().zones)
