"""Plain sockets to a gateway, read one answer at a time."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.server.serving import BODY, Reply, Running

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\n"


def post(body: bytes | Mapping[str, Any] = BODY, *lines: bytes) -> bytes:
    """Return a whole request, with more lines in its head."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(*lines, b"content-length: %d" % len(raw)) + raw


def head(*lines: bytes) -> bytes:
    """Return the head of a request."""
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


class Line:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def begun(self) -> int:
        """Read the head of the next answer; return its status."""
        return self._head()[0]

    def reply(self) -> Reply:
        """Read the next answer, whole."""
        status, headers = self._head()
        if "content-length" in headers:
            return Reply(status, headers, self._file.read(int(headers["content-length"])))
        return Reply(status, headers, b"".join(self._chunks()))

    def rest(self) -> bytes:
        """Read to the end; a reset raises."""
        return self._file.read()

    def is_shut(self) -> bool:
        """Send a byte; say whether the gateway takes none any more."""
        try:
            self.send(b"x")
        except OSError:
            return True
        return False

    def _head(self) -> tuple[int, dict[str, str]]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._file.readline(), 16):
            yield self._file.read(size)
            self._file.readline()
        self._file.readline()


@contextmanager
def line(gateway: Running) -> Iterator[Line]:
    """Connect to a gateway."""
    with gateway.connect() as sock:
        made = Line(sock)
        try:
            yield made
        finally:
            made._file.close()
