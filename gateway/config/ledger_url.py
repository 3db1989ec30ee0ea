"""The address of a ledger: a SQLite file, or a Postgres database."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from gateway.config.secret import Secret, refuse

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
_HOW = "write sqlite:///FILE, or postgresql://HOST/DATABASE"


def _open(value: object) -> object:
    """Let an address be written out while it names no password; else it must be a reference."""
    if not isinstance(value, str) or "${" in value:
        return value
    if "@" in value:
        refuse("may hold a password written out", "write ${VARIABLE} or ${file:/path}")
    return Secret("the configuration", value)


def _known(secret: Secret) -> Secret:
    if not secret.present:
        return secret
    url = secret.reveal()
    if not url.startswith((SQLITE, *POSTGRES)) or url == SQLITE:
        refuse("is no address of a ledger", _HOW)
    return secret


LedgerUrl = Annotated[Secret, BeforeValidator(_open), AfterValidator(_known)]
