"""The few ASGI types the server uses (ASGI 3.0, HTTP connection scope)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from providers.contract import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]


def text(headers: RawHeaders) -> Headers:
    """Return headers as the gateway has them."""
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])


def path_of(scope: Scope) -> str:
    """Return the path as it stood on the request line, percent-encoded."""
    written: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if written is None else written.decode("latin-1")
