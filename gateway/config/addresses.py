"""What an address in a configuration says: pure text work, no name is resolved."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine by its very spelling (`localhost`, `127.0.0.1`, `::1`)."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_url(text: str) -> SplitResult | None:
    """Return the parts of an http or https URL with a host and a sane port; None for others."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    whole = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    clean = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    return parts if whole and clean else None


def url_fault(text: str) -> str:
    """Return what is wrong with a base URL, without repeating it; empty when nothing is."""
    parts = split_url(text)
    if parts is None:
        return "is no http or https address"
    if "@" in parts.netloc:
        return "holds a user name or password"
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        return "has a query or a fragment"
    return ""


def is_plain(text: str) -> bool:
    """Say whether a URL would go over the network without TLS: http, and not loopback."""
    parts = split_url(text)
    return parts is not None and parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback_url(text: str | None) -> bool:
    """Say whether a URL points at this machine by its spelling."""
    parts = split_url(text) if text else None
    return parts is not None and is_loopback(parts.hostname or "")
