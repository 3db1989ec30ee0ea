"""Hints: what vendors say of their platforms, dated and never enough by itself."""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from gateway.policy.facts import Assurance, Fact, Retention, end_of, shaped
from gateway.policy.feature_table import feature_table
from providers.data_files import Table
from providers.shapes import ready

NAME = "hints-2026-11-22"
"""The file of hints in use; attestations adopt by it."""


class _PlatformTable(Table, kw_only=True):
    rows: dict[str, dict[str, Any]]


class _ModelTable(Table, kw_only=True):
    rows: dict[str, int]


@ready
class _HintFile(Table, kw_only=True):
    """`hints-*.toml`."""

    days: int
    platforms: _PlatformTable
    models: _ModelTable


@cache
def _file() -> _HintFile:
    text = (resources.files("gateway") / "data" / f"{NAME}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _HintFile)


@cache
def of_platform(platform: str) -> dict[str, Fact]:
    """Return what vendors say of a platform: facts by name, each of the weakest assurance."""
    rows = _file().platforms
    until_s = end_of(rows.checked_on + dt.timedelta(days=_file().days))
    found: dict[str, Fact] = {}
    for name, written in rows.rows.get(platform, {}).items():
        value = shaped(name, written)
        if value is None:
            raise ValueError(f"{NAME}: {platform}.{name} is no fact of that type")
        found[name] = Fact(value, Assurance.HINT, until_s, f"{NAME}:{platform}.{name}")
    return found


@cache
def retention() -> Retention:
    """Return what models and features keep, whatever an account is set to."""
    rows = feature_table().features
    kept = {name: row.retention_days for name, row in rows.items()}
    return Retention(tuple(_file().models.rows.items()), kept)


def features() -> frozenset[str]:
    """Return the features that a policy may name."""
    return frozenset(feature_table().features)
