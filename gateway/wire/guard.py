"""The egress guard: which addresses a route may reach, and the one way to open a socket.

A name is resolved once, each address is checked, and the socket is connected to the checked
address itself, so a name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from gateway.wire.contract import EgressRefused, Route
from gateway.wire.passage import Passage
from gateway.wire.request import proxy_url

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
SocketAddress = tuple[Any, ...]
"""What `socket.connect` takes: (ip, port) or (ip, port, flow, scope)."""

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle
            "169.254.170.2",  # AWS container credentials
            "169.254.170.23",  # AWS EKS pod identity
            "168.63.129.16",  # Azure host agent; a public address by its number
            "100.100.100.200",  # Alibaba Cloud
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",  # AWS EKS pod identity
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
"""Where clouds hand out credentials. No model is served there, whatever a setting says."""

# Networks that wrap an IPv4 address in their last 32 bits: RFC 4291 2.5.5, RFC 6052, RFC 8215.
_WRAPPING = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)
# Local by their definition, but not for every Python's `is_global`: RFC 8215, RFC 3879.
_LOCAL = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10")))


class Dialer(Protocol):
    """The I/O of opening a socket: blocking, or on an event loop. Raises OSError."""

    def now_s(self) -> float:
        """Return the time."""
        ...

    async def resolve(
        self, host: str, port: int, until_s: float
    ) -> list[tuple[int, SocketAddress]]:
        """Return (family, address) for each address of a host."""
        ...

    async def connect(self, sock: socket.socket, address: SocketAddress, until_s: float) -> None:
        """Connect a new socket."""
        ...


def check_address(route: Route, ip: str) -> None:
    """Raise EgressRefused unless the route may reach this address.

    Public addresses may be reached; every other one only with `allow_private_network`; cloud
    metadata services, multicast and the unspecified address never. An IPv4 address inside an
    IPv6 one counts as itself too. Sources: RFC 1918, the IANA special-purpose registries as in
    `ipaddress`, RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
    """
    for address in _readings(ipaddress.ip_address(ip)):
        if address in _METADATA or address.is_multicast or address.is_unspecified:
            raise EgressRefused(
                f"upstream {route.upstream}: {route.host} is at {ip}, where no model can be "
                "(a metadata service, multicast or unspecified address)"
            )
        if not route.allow_private_network and not _is_public(address):
            raise EgressRefused(
                f"upstream {route.upstream}: {route.host} is at {ip}, which is not a public "
                "address; allow_private_network = true lets this upstream be there"
            )


def _readings(address: IPAddress) -> Iterator[IPAddress]:
    """Yield an address and every IPv4 address that a translator might take it for."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    wrapped = any(address in network for network in _WRAPPING)
    if not wrapped or int(address) <= 1:
        yield address  # :: and ::1 are addresses of their own
    if wrapped and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _is_public(address: IPAddress) -> bool:
    return address.is_global and not any(
        address.version == network.version and address in network for network in _LOCAL
    )


def _peer(route: Route) -> tuple[str, int]:
    """Return whom the socket of a route is opened to: its host, or its proxy."""
    proxy = proxy_url(route)
    if proxy is None:
        return route.host, route.port
    return str(proxy.hostname), int(proxy.port or 0)


def _check_host(route: Route) -> None:
    """Check the scheme, and a host written as an address, since a proxy would resolve it."""
    if route.scheme not in {"http", "https"}:
        raise EgressRefused(
            f"upstream {route.upstream}: its scheme is {route.scheme!r}; it must be http or https"
        )
    try:
        ipaddress.ip_address(route.host)
    except ValueError:
        return
    check_address(route, route.host)


def _allowed(
    route: Route, found: list[tuple[int, SocketAddress]]
) -> list[tuple[int, SocketAddress]]:
    """Return the addresses that may be reached; raise the first refusal when there is none."""
    refusal: EgressRefused | None = None
    allowed = []
    for family, address in found:
        try:
            check_address(route, str(address[0]))
        except EgressRefused as refused:
            refusal = refusal or refused
        else:
            allowed.append((family, address))
    if refusal is not None and not allowed:
        raise refusal
    return allowed


T = TypeVar("T")


async def open_socket(
    route: Route, passage: Passage, until_s: float, dialer: Dialer
) -> socket.socket:
    """Open a TCP connection for a route: the only way out of the gateway's wire.

    The passage is asked before the name is looked up, and again before each connection.
    Each address gets an equal share of the time that is left. A proxy is the operator's own
    word and may be at a private address. Raises EgressRefused, OSError, TimeoutError.
    """
    passage.check(route)
    _check_host(route)
    host, port = _peer(route)
    found = await dialer.resolve(host, port, until_s)
    allowed = found if route.proxy is not None else _allowed(route, found)
    failed: OSError = OSError("the name has no address")
    for number, (family, address) in enumerate(allowed):
        passage.check(route)
        now_s = dialer.now_s()
        share_s = (until_s - now_s) / (len(allowed) - number)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            await dialer.connect(sock, address, now_s + share_s)
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failed


def lookup(host: str, port: int) -> list[tuple[int, SocketAddress]]:
    """Resolve a host with the system's resolver; blocks."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def literal(host: str, port: int) -> list[tuple[int, SocketAddress]] | None:
    """Return the address when the host is written as one, else None."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    return [(family, (host, port))]
