"""`gateway version`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import typer


def version() -> None:
    """Print the version."""
    try:
        found = installed("tidegate")
    except PackageNotFoundError:
        found = "unknown (not installed)"
    typer.echo(f"tidegate {found}")
