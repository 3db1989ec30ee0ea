"""Rules about where the server listens and whom it answers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.config.addresses import is_loopback_url
from gateway.config.mistakes import Key
from gateway.config.model import Server
from gateway.config.upstreams import Upstream


def server_faults(
    server: Server, upstreams: Mapping[str, Upstream], serving: bool
) -> list[tuple[Key, str, str]]:
    """Return what is wrong with a server beside its upstreams: key, message, suggestion."""
    faults: list[tuple[Key, str, str]] = []
    if server.public and not server.keys:
        hint = 'write keys = ["${TIDEGATE_KEY}"], or listen on 127.0.0.1'
        faults.append((("server", "keys"), "is empty, yet other machines may connect", hint))
    if not serving:
        return faults
    return faults + [
        (("upstreams", name, "base_url"), "is this gateway's own address", "name the platform's")
        for name, upstream in upstreams.items()
        if _is_itself(server, upstream.base_url)
    ]


def _is_itself(server: Server, url: str | None) -> bool:
    """Say whether a request to `url` would come back in through the server."""
    if url is None or not is_loopback_url(url):
        return False
    parts = urlsplit(url)
    return (parts.port or {"http": 80}.get(parts.scheme, 443)) == server.port
