"""Refusals that come before any output: which of them are billed."""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import cache
from importlib import resources

import msgspec

from providers.data_files import Table
from providers.shapes import ready


@ready
class _RefusalFile(Table, kw_only=True):
    billed_categories: frozenset[str]
    effective_from: dt.date


@cache
def _file() -> _RefusalFile:
    text = (resources.files("gateway") / "data" / "refusals.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _RefusalFile)


def is_billed(category: str | None, on: dt.date) -> bool:
    """Say whether a refusal without output is billed on every platform, for its category."""
    table = _file()
    return category in table.billed_categories and on >= table.effective_from
