"""A request for a chat completion as a request for a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.call import read_body, read_object
from gateway.errors import quoted
from gateway.formats.openai import calls, output
from gateway.formats.openai.asked import Request, is_given
from gateway.formats.openai.conversation import Conversation
from gateway.formats.openai.models import answer_limit, unwrapped
from gateway.formats.openai.reading import decoded, refused
from gateway.formats.openai.table import TABLE
from providers.contract import Headers, header

NEWEST, SAMPLING = "2026-10-21", "2023-06-01"
"""Versions of the Messages API: only the older one has sampling parameters."""

_request = msgspec.json.Decoder(Request)
_CARRIED = TABLE.carried.fields
_TRANSLATED = TABLE.translated.fields
_FORWARDED = ("x-gateway-", "anthropic-")
_FORWARDED_NAMES = frozenset(
    {"x-stainless-retry-count", "x-stainless-read-timeout", "x-stainless-timeout"}
)
"""Headers that mean the same in both formats; the rest speaks of the caller's own SDK."""


class Translated(Struct, frozen=True):
    """A request in the words of the Messages API, and what its answer depends on."""

    fields: Mapping[str, Raw]
    raw: bytes
    headers: Headers
    left_out: tuple[str, ...]
    """The paths of what has no place."""
    counts_usage: bool
    """Whether the stream is to end with its usage."""


def translated(headers: Headers, body: bytes) -> Translated:
    """Translate a request; raises Malformed with the path of what cannot be told."""
    given = read_object(body)
    left_out = list(_judged(given))
    request = decoded(_request, body)
    said = Conversation(request.messages)
    carried = {name: raw for name, raw in given.items() if name in _CARRIED and is_given(raw)}
    raw = msgspec.json.encode(_message(request, said, carried))
    options = request.stream_options
    if options is not None and not request.stream:
        raise refused("stream_options", "it needs `stream: true`")
    if options is not None and options.include_obfuscation:
        raise refused("stream_options.include_obfuscation", "answers are not padded here")
    sampled = output.samples(request) or "top_k" in carried
    return Translated(
        fields=read_body(raw),
        raw=raw,
        headers=_headers(headers, SAMPLING if sampled else NEWEST),
        left_out=(*left_out, *said.left_out),
        counts_usage=options is not None and bool(options.include_usage),
    )


def _judged(given: Mapping[str, Raw]) -> Iterator[str]:
    """Refuse the fields that have no counterpart; yield those that are left out."""
    for name, raw in given.items():
        if name in _TRANSLATED or name in _CARRIED or not is_given(raw):
            continue
        if name in TABLE.left_out.fields:
            yield name
        elif (neutral := TABLE.neutral.fields.get(name)) is not None:
            if bytes(raw).decode() not in neutral.values:
                raise refused(name, neutral.otherwise)
        elif (why := TABLE.refused.fields.get(name)) is not None:
            raise refused(name, why)
        else:
            raise refused(quoted(name), "this field is not known here")


def _message(
    request: Request, said: Conversation, carried: Mapping[str, Raw]
) -> Mapping[str, object]:
    model = unwrapped(request.model)
    told: dict[str, Any] = {"model": model, "max_tokens": answer_limit(request, model)}
    if said.system:
        told["system"] = said.system
    if request.tools:
        told["tools"] = calls.tools(request.tools)
    if (chosen := calls.choice(request)) is not None:
        told["tool_choice"] = chosen
    told |= output.fields(request, model, carried)
    told["messages"] = said.turns
    # The caller's own `thinking` goes before an effort's.
    return {**told, **carried}


def _headers(headers: Headers, version: str) -> Headers:
    kept = tuple(
        [pair for pair in headers if pair[0].startswith(_FORWARDED) or pair[0] in _FORWARDED_NAMES]
    )
    if header(kept, "anthropic-version") is not None:
        return kept
    return (*kept, ("anthropic-version", version))
