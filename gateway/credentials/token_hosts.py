"""Where a cloud's token may be fetched from: a list, and nothing else."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

GOOGLE_TOKEN_HOSTS = frozenset(
    {"iamcredentials.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com"}
)
"""Token endpoints that google-auth asks (`google.oauth2`, `google.auth.iam`)."""

METADATA_HOSTS = frozenset({"169.254.169.254", "metadata.google.internal"})
"""The metadata server, which speaks plain HTTP (`google.auth.compute_engine._metadata`); Azure's
has the same address (`azure.identity`, IMDS)."""

GOOGLE_HOSTS = GOOGLE_TOKEN_HOSTS | METADATA_HOSTS
"""Where google-auth asks."""


def refusal(
    url: str,
    further: frozenset[str] = frozenset(),
    known: frozenset[str] = GOOGLE_HOSTS,
    *,
    nearby: bool = False,
) -> str | None:
    """Return why `url` must not be asked for a token, or None when it may be.

    `known` holds the cloud's hosts, `further` the operator's own `host` or `host:port` entries in
    lower case. With `nearby` what runs on this machine may be asked, too.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the token address is not a URL"
    host = parts.hostname
    if host is None or parts.username is not None:
        return "the token address must be https://host/path without a user name"
    listed = known | further
    if not (host in listed or f"{host}:{port}" in listed or (nearby and is_nearby(host))):
        return "the token address is not on this upstream's list of token hosts"
    if parts.scheme != "https" and not _may_be_plain(parts, host):
        return "the token address must use https"
    return None


def is_nearby(host: str) -> bool:
    """Say whether a host is this machine by its spelling, or an address no router passes on."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_link_local


def host_entry(url: str) -> str | None:
    """Return the `host` or `host:port` of `url` for a list of token hosts."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.hostname is None:
        return None
    return parts.hostname if port is None else f"{parts.hostname}:{port}"


def _may_be_plain(parts: SplitResult, host: str) -> bool:
    if parts.scheme != "http":
        return False
    return host in METADATA_HOSTS or is_nearby(host)
