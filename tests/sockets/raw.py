"""A loopback peer that says exactly the bytes a test gives it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.sockets.scripted import LINGER_ZERO, WAIT_S


class Line:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.number = number
        """Counted from 1 over the peer's life."""
        self._sock = sock

    def request(self) -> bytes:
        """Read one whole request; b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._sock.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(x[15:]) for x in lines if x.startswith(b"content-length:"))
        while len(body) < length:
            body += self._sock.recv(65536)
        return head + b"\r\n\r\n" + body

    def say(self, data: bytes) -> None:
        self._sock.sendall(data)

    def gone(self) -> None:
        """Wait until the other side is gone."""
        while self._sock.recv(65536):
            pass

    def reset(self) -> None:
        """Close with RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._sock.close()


Talk = Callable[[Line], object]


@dataclass
class Peer:
    """Where the peer listens, and what it got."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def peer(talk: Talk) -> Iterator[Peer]:
    """Run `talk` on every connection, each in a thread of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    found = Peer(listener.getsockname()[1])
    socks: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket, number: int) -> None:
        with suppress(OSError):
            talk(_Noted(sock, number, found))
        sock.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                found.connections += 1
                socks.append(sock)
                thread = threading.Thread(target=serve, args=(sock, found.connections))
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield found
    finally:
        for sock in (listener, *socks):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in (acceptor, *threads):
            thread.join(WAIT_S)
        for sock in (listener, *socks):
            sock.close()


class _Noted(Line):
    """A connection whose requests are kept."""

    def __init__(self, sock: socket.socket, number: int, found: Peer) -> None:
        super().__init__(sock, number)
        self._found = found

    def request(self) -> bytes:
        request = super().request()
        if request:
            self._found.requests.append(request)
        return request


def always(*parts: bytes, then: str = "wait") -> Talk:
    """Return a talk that answers each request with the same bytes.

    `then` is what follows: `wait` for the next request, `close`, or `reset`.
    """

    def talk(line: Line) -> None:
        while line.request():
            for part in parts:
                line.say(part)
            if then == "close":
                return
            if then == "reset":
                line.reset()

    return talk


def http(body: bytes, status: int = 200, **headers: str) -> bytes:
    """Return a whole answer with a content length; `_` in a header's name becomes `-`."""
    given = {"content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes, kind: str = "text/event-stream", end: bool = True) -> bytes:
    """Return a streamed answer; without `end` its last chunk is missing."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)
    return head.encode() + body + (b"0\r\n\r\n" if end else b"")
