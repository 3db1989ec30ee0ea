"""Turning an `Answer` into ASGI messages."""

from __future__ import annotations

from functools import cache

import msgspec

from gateway.answers import Answer, refusal
from gateway.errors import JSON, Refused, WrongMethod, envelope, new_request_id
from gateway.server.asgi import RawHeaders, Send
from providers.contract import Headers

INTERNAL = "The gateway failed in a way it should not; its log says where."


async def reply(send: Send, answer: Answer) -> None:
    """Send an answer that is whole."""
    headers = raw(answer.headers)
    headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def raw(headers: Headers) -> RawHeaders:
    """Return headers as ASGI wants them; no value can end a line."""
    return [(_name(name), _value(value)) for name, value in headers]


def refused(error: Refused, policy: str) -> Answer:
    """Return a refusal as this server sends it; `policy` is the engine's word for it."""
    answer = refusal(error, policy)
    if isinstance(error, WrongMethod):
        answer.headers = (*answer.headers, ("allow", error.allow))
    elif error.status == 503:  # noqa: PLR2004 - the one status that sends callers elsewhere
        answer.headers = (*answer.headers, ("connection", "close"))
    return answer


def failed(request_id: str | None = None) -> Answer:
    """Return the answer to a request that met a mistake of ours."""
    request_id = request_id or new_request_id()
    body = envelope("api_error", INTERNAL, request_id)
    return Answer(500, (*JSON, ("request-id", request_id)), body)


def shown(value: object, policy: str, status: int = 200) -> Answer:
    """Return a value as a JSON answer; `policy` is the engine's word for it."""
    headers = (*JSON, ("request-id", new_request_id()), ("x-gateway-policy", policy))
    return Answer(status, headers, msgspec.json.encode(value))


@cache
def _name(name: str) -> bytes:
    return name.encode("ascii")


def _value(value: str) -> bytes:
    """Encode a value; what is not plain ASCII is written as an escape, as Python writes it."""
    plain = value.isascii() and value.isprintable()
    return value.encode("ascii") if plain else value.encode("unicode_escape")
