"""From a route to a connection that is ready for a request: socket, proxy tunnel, TLS."""

from __future__ import annotations

import socket
from typing import Protocol, TypeVar

from gateway.wire.contract import Route, WireError
from gateway.wire.exchange import Answer
from gateway.wire.guard import Dialer, open_socket
from gateway.wire.passage import Passage
from gateway.wire.request import connect_head
from providers.contract import FailureKind

T_co = TypeVar("T_co", covariant=True)


class Opener(Dialer, Protocol[T_co]):
    """The I/O of opening a connection: blocking, or on an event loop. Raises OSError."""

    async def write(self, sock: socket.socket, data: bytes, until_s: float) -> None:
        """Write all of `data`."""
        ...

    async def receive(self, sock: socket.socket, until_s: float) -> bytes:
        """Return what arrives next, b"" at the end."""
        ...

    async def secure(self, sock: socket.socket, route: Route, until_s: float) -> T_co:
        """Speak TLS if the route says so, and return the connection."""
        ...


async def dial(route: Route, passage: Passage, until_s: float, opener: Opener[T_co]) -> T_co:
    """Open a connection for a route, with leave of the request's passage.

    Raises WireError NOT_SENT, whatever goes wrong: no byte of a request has been written.
    """
    doing = "connect"
    try:
        sock = await open_socket(route, passage, until_s, opener)
        try:
            if route.proxy is not None and route.scheme == "https":
                doing = "open a tunnel through the proxy"
                await _tunnel(sock, route, until_s, opener)
            doing = "agree on TLS"
            return await opener.secure(sock, route, until_s)
        except BaseException:
            sock.close()
            raise
    except (OSError, UnicodeError) as error:
        timed_out = isinstance(error, TimeoutError)
        why = "timed out" if timed_out else str(error)
        raise WireError(
            FailureKind.NOT_SENT,
            f"upstream {route.upstream}: could not {doing} to {route.host}:{route.port}: {why}",
            timed_out=timed_out,
        ) from error


async def _tunnel(
    sock: socket.socket, route: Route, until_s: float, opener: Opener[object]
) -> None:
    """Ask the proxy for a tunnel to the route's host (RFC 9110, 9.3.6)."""
    await opener.write(sock, connect_head(route), until_s)
    answer = Answer()
    while not answer.has_head and answer.error is None:
        data = await opener.receive(sock, until_s)
        answer.feed(data) if data else answer.end()
    if answer.error is not None:
        raise ConnectionError(f"the proxy's answer: {answer.error.detail}")
    if answer.status != 200:  # noqa: PLR2004 - the one status that opens a tunnel.
        raise ConnectionError(f"the proxy answered {answer.status}")
    if answer.chunks:
        raise ConnectionError("the proxy sent more than its answer")
