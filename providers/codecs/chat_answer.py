"""A whole chat completion as a message of the Messages API.

Reasoning that a relay shows has no signature, so it is no thinking block that could be sent back:
it is left out, and stays in the count of tokens. Which stop sequence ended an answer is not told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from providers import data_files
from providers.codecs import chat_usage, errors
from providers.codecs.answers import not_json
from providers.codecs.digits import unreadable
from providers.codecs.utf8 import is_utf8
from providers.contract import Failure, Headers, Operation, header

NULL = Raw(b"null")
TOOL_USE, REFUSAL, MAX_TOKENS = "tool_use", "refusal", "max_tokens"


class Part(msgspec.Struct, gc=False):
    """A part of a content that is a list."""

    type: str = ""
    text: str = ""


class Function(msgspec.Struct, gc=False):
    """Which function is called, with what."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct, gc=False):
    """A call of a tool, or a part of one."""

    id: str | None = None
    index: int | None = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """What the model said, or a part of it."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Raw = NULL


class _Choice(msgspec.Struct, gc=False):
    message: Said | None = None
    finish_reason: str | None = None
    error: Raw = NULL


class _Answer(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = NULL
    error: Raw = NULL


class Odd(ValueError):
    """An answer that cannot be one of Claude's; says what is wrong with it."""


_decode = msgspec.json.Decoder(_Answer).decode


def message(operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
    """Return a chat completion as a message, or why it is none."""
    if (fault := not_json(headers)) is not None:
        return errors.bad_answer(fault, headers=headers)
    try:
        return msgspec.json.encode(_message(operation, headers, _read(body)))
    except Odd as odd:
        return errors.bad_answer(str(odd), headers=headers)


def _read(body: bytes) -> _Answer:
    if not is_utf8(body):
        raise Odd("The body is not valid UTF-8.")
    try:
        answer = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Odd("The body is no chat completion.") from None
    if not is_null(answer.error):
        raise Odd(f"An error came as a success. {errors.read(body).message}")
    return answer


def is_null(value: Raw) -> bool:
    """Say whether a value is null, or was not there."""
    return value is NULL or bytes(value) == b"null"


def _message(operation: Operation, headers: Headers, answer: _Answer) -> dict[str, Any]:
    choice = _only(answer)
    said = choice.message
    if said is None or not is_null(choice.error):
        raise Odd("The choice is an error." if said else "The choice has no message.")
    content: list[dict[str, Any]] = []
    words = spoken(said)
    if words:
        content.append({"type": "text", "text": words})
    ident = answer_id(answer.id, headers)
    reason = choice.finish_reason or ""
    calls = said.tool_calls or []
    stop = stop_reason(reason, called=bool(calls), refused=bool(said.refusal))
    ids: set[str] = set()
    for at, call in enumerate(calls):
        ids.add(own := own_id(call.id, ident or "", at, ids))
        content.append(_tool_use(call, own, stop))
    return {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "model": answer.model or operation.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": chat_usage.read(answer.usage) or chat_usage.UNKNOWN,
    }


def _only(answer: _Answer) -> _Choice:
    choices = answer.choices or []
    if len(choices) != 1:
        raise Odd(f"The answer has {len(choices)} choices, not one.")
    return choices[0]


def spoken(said: Said) -> str:
    """Return the words of what was said; raises Odd for what was not asked for."""
    if not is_null(said.function_call):
        raise Odd("A function is called in a way that was not offered.")
    content = said.content
    if isinstance(content, list):
        if any(part.type != "text" for part in content):
            raise Odd("The answer has a part that is no text.")
        content = "".join(part.text for part in content)
    return (content or "") + (said.refusal or "")


def _tool_use(call: Call, ident: str, stop: str) -> dict[str, Any]:
    function = call.function
    if function is None or not function.name:
        raise Odd("A call names no tool.")
    arguments = function.arguments or "{}"
    whole = is_object(arguments)
    if not whole and stop != MAX_TOKENS:
        raise Odd("A call's arguments are not an object.")
    return {
        "type": "tool_use",
        "id": ident,
        "name": function.name,
        # Half of an input is none: with `max_tokens` as the reason no client runs it.
        "input": Raw(arguments.encode()) if whole else {},
    }


def is_object(arguments: str) -> bool:
    """Say whether arguments are one JSON object, whole and readable."""
    data = arguments.encode(errors="replace")
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(found, dict) and not unreadable(data)


def answer_id(told: str | None, headers: Headers) -> str | None:
    """Return the id of an answer: its own, or that of the request; None where there is neither."""
    return told or header(headers, "x-request-id") or None


def own_id(told: str | None, made: str, at: int, taken: Container[str]) -> str:
    """Return the id of a call, which no other call has: its result names it by that alone."""
    return told if told and told not in taken else _call_id(made + (told or ""), at)


def _call_id(made: str, at: int) -> str:
    """Return the id of a call that came without one of its own; the same for the same answer."""
    if not made:
        raise Odd("A call has no id, and neither has the answer.")
    digest = hashlib.blake2b(f"{made}:{at}".encode(), digest_size=12).hexdigest()
    return f"toolu_{digest}"


@cache
def _reasons() -> dict[str, str]:
    return data_files.read("chat_completions", data_files.ChatFile).finish_reasons.rows


def stop_reason(finish_reason: str, *, called: bool, refused: bool) -> str:
    """Return why an answer ended, in the words of the Messages API; raises Odd.

    Where a tool was called, an answer that ended by itself ended for that.
    """
    reason = _reasons().get(finish_reason)
    if reason is None:
        raise Odd(f"{finish_reason[:64]!r} is not known as a reason to end.")
    if reason == TOOL_USE and not called:
        raise Odd("The answer ended for a call, and there is none.")
    if reason == "end_turn":
        if refused:
            return REFUSAL
        return TOOL_USE if called else reason
    return reason
