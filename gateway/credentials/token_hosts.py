"""Where a Google token may be fetched from: a list, and nothing else."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

GOOGLE_TOKEN_HOSTS = frozenset(
    {"iamcredentials.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com"}
)
"""Token endpoints that google-auth asks (`google.oauth2`, `google.auth.iam`)."""

METADATA_HOSTS = frozenset({"169.254.169.254", "metadata.google.internal"})
"""The metadata server, which speaks plain HTTP (`google.auth.compute_engine._metadata`)."""


def refusal(url: str, further: frozenset[str] = frozenset()) -> str | None:
    """Return why `url` must not be asked for a token, or None when it may be.

    `further` holds the operator's own `host` or `host:port` entries in lower case.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the token address is not a URL"
    host = parts.hostname
    if host is None or parts.username is not None:
        return "the token address must be https://host/path without a user name"
    if not (
        host in GOOGLE_TOKEN_HOSTS
        or host in METADATA_HOSTS
        or host in further
        or f"{host}:{port}" in further
    ):
        return "the token address is not on this upstream's list of token hosts"
    if parts.scheme != "https" and not _may_be_plain(parts, host):
        return "the token address must use https"
    return None


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
    return host in METADATA_HOSTS or host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
