"""A token endpoint on loopback whose answers a test writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

WAIT_S = 30.0
"""How long a test waits for what must happen; reached only when it fails."""


TOKEN = "ya29.token"


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@dataclass
class TokenServer:
    """Answers every request with `answer`, which writes to the handler."""

    port: int
    answer: Callable[[BaseHTTPRequestHandler], None]
    bodies: list[bytes] = field(default_factory=list)
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: a handler that hangs waits for it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"


def reply(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    kind: str = "application/json",
    **headers: str,
) -> None:
    handler.send_response(status)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def reply_token(
    handler: BaseHTTPRequestHandler, token: str = TOKEN, expires_in_s: int = 3600
) -> None:
    body = {"access_token": token, "expires_in": expires_in_s, "token_type": "Bearer"}
    reply(handler, 200, json.dumps(body).encode())
