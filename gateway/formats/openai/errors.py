"""Errors in the envelope of the OpenAI format."""

from __future__ import annotations

import re

import msgspec
from msgspec import structs

from gateway.formats.envelopes import Said, said
from gateway.formats.openai.table import TABLE, Named

_PATH = re.compile(r"(?P<path>[a-z_]\w*(?:\[\d+\]|\.\w+)*): ")
_NAME = re.compile(r"(?P<path>[a-z_]+): ")
_UNKNOWN = Named("server_error")
BROKEN_OFF = "The answer broke off."


def told(status: int, body: bytes, *, own: bool, hint: str | None = None) -> bytes:
    """Return an error of the Messages API as one of the OpenAI format.

    Args:
        status: Of the answer.
        body: In the Anthropic envelope.
        own: Whether it is of the request as its caller wrote it: then what its message begins
            with is a path in that.
        hint: Said after its message.
    """
    error = said(body)
    if hint is not None:
        error = structs.replace(error, message=f"{error.message} {hint}.")
    return msgspec.json.encode({"error": _told(error, status, own=own)})


def closing(event: bytes | None) -> bytes:
    """Return what ends a stream that cannot end well; `event` is the error's data."""
    error = Said(message=BROKEN_OFF) if event is None else said(event)
    return b'data: {"error":%b}\n\n' % msgspec.json.encode(_told(error, 200, own=False))


def _told(error: Said, status: int, *, own: bool) -> dict[str, str | None]:
    named = TABLE.errors.types.get(error.type, _UNKNOWN)
    found = (_PATH if own else _NAME).match(error.message)
    param = found["path"] if found else None
    code = TABLE.errors.statuses.get(status, named.code)
    if status == 404 and param in TABLE.errors.params:  # noqa: PLR2004 - what is not there
        code = TABLE.errors.params[param]
    elif error.message.casefold().startswith(TABLE.errors.too_long):
        named, param = TABLE.errors.too_long_as, "messages"
        code = named.code
    return {"message": error.message, "type": named.type, "param": param, "code": code}
