"""`gateway version`."""

from __future__ import annotations

import typer

from gateway.version import installed


def version() -> None:
    """Print the version."""
    typer.echo(f"tidegate {installed()}")
