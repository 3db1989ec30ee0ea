"""Which version of this package is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed() -> str:
    """Return the installed version."""
    try:
        return version("tidegate")
    except PackageNotFoundError:
        return "0+unknown"
