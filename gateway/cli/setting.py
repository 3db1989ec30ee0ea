"""What commands share: the configuration they run with, and how they give up."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config
    from providers.contract import Endpoint, Place

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="DIR", help="The configuration; else GATEWAY_CONFIG, ./config."
    ),
]
EnvOption = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Which of its environments; else GATEWAY_ENV."),
]

_LISTEN_ERRORS = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}
_EXTRAS = {
    "alembic": "ledger",
    "cryptography": "audit",
    "psycopg": "postgres",
    "sqlalchemy": "ledger",
    "starlette": "server",
    "uvicorn": "server",
    "yaml": "import",
}
"""Package -> the extra that brings it."""


def configured(directory: Path | None, env: str | None, *, serving: bool) -> Config:
    """Return the configuration a command runs with; raises ConfigError."""
    from gateway.config import load, process_environ  # noqa: PLC0415 - pydantic is slow to import

    environ: Mapping[str, str] = process_environ()
    if env is not None:
        environ = {**environ, "GATEWAY_ENV": env}
    return load(directory, environ, cwd_config=True, serving=serving, check_place=endpoint)


def endpoint(provider: str, place: Place) -> Endpoint:
    """Return what a provider makes of a place; raises PlaceError when it has no such place."""
    from providers.registry import PROVIDERS  # noqa: PLC0415 - only commands that need it

    return PROVIDERS[provider].endpoint(place)


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def explained(*, as_json: bool = False, status: int = 1) -> Iterator[None]:
    """Turn what a user can put right into a few lines on standard error, and exit.

    Args:
        as_json: Print the mistakes of files as one JSON object on standard output instead.
        status: The exit code for mistakes in files.
    """
    from gateway.config import ConfigError  # noqa: PLC0415 - pydantic is slow to import

    try:
        yield
    except ConfigError as error:
        if as_json:
            mistakes = [asdict(mistake) for mistake in error.mistakes]
            typer.echo(json.dumps({"ok": False, "mistakes": mistakes}, indent=2))
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(status) from None
    except OSError as error:
        if error.errno not in _LISTEN_ERRORS:
            raise
        typer.echo(f"cannot listen: {os.strerror(error.errno)}", err=True)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        hint = f"pip install 'tidegate[{extra}]'"
        typer.echo(f"{error.name} is not installed: {hint}", err=True)
        raise typer.Exit(1) from None
