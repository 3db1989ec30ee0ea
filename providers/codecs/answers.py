"""Whether a whole 200 answer is one, before anyone takes it for one."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from providers.codecs import errors
from providers.codecs.digits import unreadable
from providers.codecs.utf8 import is_utf8
from providers.contract import Failure, Headers, Kind, Operation, media_type

Fields = dict[str, Raw]
_fields = msgspec.json.Decoder(Fields)
_text = msgspec.json.Decoder(str)


def check(
    operation: Operation, headers: Headers, body: bytes, count_key: str = "input_tokens"
) -> Fields | Failure:
    """Return the fields of a valid answer one level deep, or why it is none.

    A message is `{"type": "message", ...}` with a content list, a stop reason and a usage object;
    a count has a whole number at `count_key`.
    """
    fault = not_json(headers)
    answer: Fields = {}
    if fault is None:
        try:
            answer = _fields.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            fault = "The body is not a JSON object."
    if fault is None and not is_utf8(body):
        fault = "The body is not valid UTF-8."
    if fault is None and unreadable(body):
        fault = "The body holds a number that nobody reads."
    if fault is None:
        messages = operation.kind is Kind.MESSAGES
        fault = _message_fault(answer) if messages else _count_fault(answer, count_key)
    if fault is None:
        return answer
    return errors.bad_answer(f"{fault} {_words(body)}", headers=headers)


def text(raw: Raw | None) -> str:
    """Return a string field's value; empty when it is absent or no string."""
    if raw is None or not bytes(raw).startswith(b'"'):
        return ""
    return _text.decode(raw)


def not_json(headers: Headers) -> str | None:
    """Return why a head can't be that of a JSON answer, or None."""
    found = media_type(headers)
    return None if found == "application/json" else f"The content type is {found!r}, not JSON."


def _message_fault(answer: Fields) -> str | None:
    if text(answer.get("type")) != "message":
        return 'The body is not of type "message".'
    if not _starts(answer, "content", b"["):
        return "The message has no content list."
    if not _starts(answer, "stop_reason", b'"'):
        return "The message has no stop reason."
    if not _starts(answer, "usage", b"{"):
        return "The message has no usage."
    return None


def _count_fault(answer: Fields, key: str) -> str | None:
    found = bytes(answer.get(key, b""))
    return None if found.isdigit() else f"The count has no whole number {key!r}."


def _starts(answer: Fields, key: str, first: bytes) -> bool:
    return bytes(answer.get(key, b"")).startswith(first)


def _words(body: bytes) -> str:
    """Return the platform's words of an error object; a message's own text stays out of logs."""
    return errors.read(body).message
