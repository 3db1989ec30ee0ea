"""Which addresses are this machine, and which upstream would be the gateway itself. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from gateway.wire.contract import Route


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine by its very spelling (`localhost`, `127.0.0.1`)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def own_address(routes: Iterable[Route], host: str, port: int) -> str | None:
    """Return the name of an upstream that leads back to `host` and `port`; None when none does.

    No name is looked up: an alias of this machine that only a resolver knows is not seen.
    """
    for route in routes:
        if route.port == port and _same(route.host, host):
            return route.upstream
    return None


@lru_cache(maxsize=256)
def is_loopback_host_header(value: bytes) -> bool:
    """Say whether a Host header names this machine (RFC 9110 section 7.2: host, maybe port)."""
    text = value.decode("latin-1").strip()
    if text.startswith("["):
        return is_loopback(text.partition("]")[0])
    return is_loopback(text.partition(":")[0])


def bracketed(host: str) -> str:
    """Return a host as a URL spells it."""
    return f"[{host}]" if ":" in host else host


def _same(theirs: str, ours: str) -> bool:
    if theirs.strip("[]").lower() == ours.strip("[]").lower():
        return True
    reachable = is_loopback(ours) or _is_any(ours)
    return reachable and (is_loopback(theirs) or _is_any(theirs))


def _is_any(host: str) -> bool:
    address = _address(host.strip("[]"))
    return host == "" or (address is not None and address.is_unspecified)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
