"""What an error of a chat completions relay means, by its code, its type or its status.

A relay's words are its own. What it says of the caller's request is handed on as that, and never in
an envelope that would pass for Anthropic's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw

from providers.codecs import errors
from providers.contract import Failure, FailureKind, Headers

FORMAT = "chat_completions"
"""The table of `data/failures.toml` that has these codes."""

_TOO_LONG_CODE, _TOO_LONG = "context_length_exceeded", "maximum context length"
"""The code for it, and what its words say elsewhere: clients compact when they read Claude's."""
_SAID_CHARACTERS = 300
_FIRST_ERROR, _LAST_ERROR = 400, 599
_BAD = errors.Verdict(FailureKind.BAD200, "api_error", 502)


class _Error(msgspec.Struct, gc=False):
    """An error object; a member of another shape than it should have spoils no other."""

    message: Any = None
    type: Any = None
    code: Any = None


class _Body(msgspec.Struct, gc=False):
    error: Raw = Raw(b"null")


_body = msgspec.json.Decoder(_Body).decode
_error = msgspec.json.Decoder(_Error).decode


def http_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """Return what an answer that is not a 200 means."""
    name = _name(_told(body))
    failure = errors.http_error(status, headers, body, trusted=False, platform=FORMAT, name=name)
    return _own_words(failure, name, errors.read(body).message)


def told_in_stream(raw: Raw) -> Failure:
    """Return what an error object in a stream means; the status on the wire was 200."""
    error = _read(raw)
    name = _name(error)
    verdict = errors.of_name(FORMAT, name) or _by_number(error.code) or _BAD
    said = error.message if isinstance(error.message, str) else ""
    words = errors.Words(message=said)
    failure = errors.build(verdict, words, bytes(raw), upstream_status=200)
    return _own_words(failure, name, said)


def _told(body: bytes) -> _Error:
    try:
        return _read(_body(body).error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()


def _read(raw: Raw) -> _Error:
    """Return an error object; some relays put nothing but words there."""
    try:
        return _error(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()


def _name(error: _Error) -> str:
    """Return the name of an error that the table knows, its code before its type."""
    for name in (error.code, error.type):
        if isinstance(name, str) and errors.of_name(FORMAT, name) is not None:
            return name
    return ""


def _by_number(code: object) -> errors.Verdict | None:
    """Return what a code means that is the status of an error."""
    if isinstance(code, int) and _FIRST_ERROR <= code <= _LAST_ERROR:
        return errors.of_status(code)
    return None


def _own_words(failure: Failure, name: str, said: str) -> Failure:
    """Return a failure whose words are ours, or are named as the relay's."""
    message = failure.message
    if failure.kind is FailureKind.CALLER:
        known = errors.wording(_TOO_LONG if name == _TOO_LONG_CODE else said)
        if known is not None:
            message = known
        elif message == said:
            words = " ".join(said[:_SAID_CHARACTERS].split())
            shown = "".join(char if char.isprintable() else "?" for char in words)
            message = f"The relay refused the request: {shown}"
    return replace(failure, envelope=None, message=message)
