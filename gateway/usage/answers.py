"""Finds the report in what an application has at hand: an SDK object, a mapping, JSON bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.usage.tokens import COUNTER_MAX, Tokens

_DIGITS_MAX = 20
_NO_OBJECT = "the answer is not a JSON object"
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_one_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def reported(answer: object) -> object:
    """Return the `usage` of an answer, as it stands there; None when it has none.

    Raises TypeError for what is no answer, and ValueError for bytes that are not a JSON object.
    """
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(answer))
    if isinstance(answer, Mapping):
        if "usage" in answer:
            return answer["usage"]
        # A usage has no `type`; a message, an event or an error without usage has.
        return None if "type" in answer else answer
    _refuse_unreadable(answer)
    return getattr(answer, "usage", answer)


def decoded(report: object) -> Any:
    """Return a report, decoded where it is JSON bytes.

    Raises TypeError for what is no report, and ValueError for bytes that are not a JSON object.
    """
    if isinstance(report, (bytes, bytearray, memoryview)):
        value = _decoded(bytes(report))
        if isinstance(value, dict):
            return value
        raise ValueError(_NO_OBJECT)
    if not isinstance(report, Mapping):
        _refuse_unreadable(report)
    return report


def _refuse_unreadable(answer: object) -> None:
    if isinstance(answer, Tokens) or not (
        hasattr(answer, "usage") or hasattr(answer, "model_dump")
    ):
        raise TypeError(
            f"no usage can be read from {type(answer).__name__}; give a message or a usage, as "
            "an SDK object, a mapping or JSON bytes"
        )


def _of_bytes(body: bytes) -> object:
    """Decode one level of a message; what it carries beside the usage is not looked at."""
    try:
        usage = _one_level.decode(body).get("usage")
    except _NOT_JSON:
        failure = ValueError(_NO_OBJECT)
    else:
        return None if usage is None else _decoded(bytes(usage))
    # Outside of the handler, so that no error carries the text.
    raise failure


def _decoded(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return _decoded_large(text)
    except _NOT_JSON:
        failure = ValueError(_NO_OBJECT)
    raise failure


def _decoded_large(text: bytes) -> object:
    """Decode JSON with numbers that are larger than any count."""
    try:
        return json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError):
        failure = ValueError(_NO_OBJECT)
    raise failure


def _whole(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS_MAX else COUNTER_MAX + 1
