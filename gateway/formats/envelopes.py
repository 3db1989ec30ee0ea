"""Errors of the Messages API, read so that another format can tell them."""

from __future__ import annotations

import msgspec


class Said(msgspec.Struct, frozen=True):
    """What an error says."""

    type: str = "api_error"
    message: str = "The gateway failed."


class _Envelope(msgspec.Struct):
    error: Said = Said()


_decode = msgspec.json.Decoder(_Envelope).decode


def said(envelope: bytes) -> Said:
    """Return what an error envelope says; what cannot be read is an error all the same."""
    try:
        return _decode(envelope).error
    except (msgspec.DecodeError, RecursionError):
        return Said()
