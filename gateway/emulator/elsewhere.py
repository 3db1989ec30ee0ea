"""Hosts that are no platform: one that takes all that comes, and one that refuses connections."""

from __future__ import annotations

import socket

from msgspec.json import encode

from gateway.emulator.http import Request, Response, plain
from gateway.emulator.platform import JSON, Platform
from gateway.emulator.problems import Problem


class Elsewhere(Platform):
    """A host to which a redirect leads; no request should ever arrive there."""

    name = "elsewhere"
    aside = True

    def route(self, request: Request) -> Response:  # noqa: ARG002 - whatever it is
        """Answer with what a careless client takes for a message."""
        said = [{"type": "text", "text": "This came from elsewhere."}]
        answer = {"id": "msg_elsewhere", "type": "message", "role": "assistant", "content": said}
        return plain(200, JSON, encode(answer))

    def failure(self, problem: Problem) -> Response:
        """Return a refusal in few words."""
        return plain(problem.status, JSON, encode({"error": problem.message}))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error object: nothing is streamed here."""
        return encode({"error": problem.message})

    def model_of(self, request: Request) -> str | None:  # noqa: ARG002 - there is none
        """Return None: no model is here."""
        return None


def refusing_socket(host: str) -> socket.socket:
    """Return a socket that holds a free port without listening on it."""
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    taken.bind((host, 0))
    return taken
