"""The checks of a request that rules may ask for, and which of them a request passes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from gateway.policy.feature_table import feature_table
from providers.data_files import Table
from providers.shapes import ready


@ready
class _CheckTable(Table, kw_only=True):
    """`request_checks.toml`."""

    rows: dict[str, frozenset[str]]


@cache
def _checks() -> Mapping[str, frozenset[str]]:
    text = (resources.files("gateway") / "data" / "request_checks.toml").read_text("utf-8")
    rows = msgspec.convert(tomllib.loads(text), _CheckTable).rows
    for name, features in rows.items():
        if unknown := features - feature_table().features.keys():
            raise ValueError(f"request_checks.toml: {name}: {', '.join(unknown)} is no feature")
    return rows


def names() -> frozenset[str]:
    """Return the checks that a policy may name."""
    return frozenset(_checks())


def passed(features: frozenset[str]) -> frozenset[str]:
    """Return the checks that a request passes; what is unknown of it may hide anything.

    Args:
        features: All that the request asks for.
    """
    if any(name.startswith("unknown:") for name in features):
        return frozenset()
    return frozenset(name for name, absent in _checks().items() if not absent & features)
