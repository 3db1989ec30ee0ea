"""The head of a request as bytes: the one place where a request line is put together."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import suppress
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.wire.contract import Outgoing, Route, WireError
from providers.contract import FailureKind

_OWNED = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how bytes are framed or whom they are for: the wire's own."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_HEAD = re.compile(
    rb"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*\r\n)+\r\n"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def host_header(route: Route) -> str:
    """Return the host as it stands on the wire, and as a signer must sign it."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    default = _DEFAULT_PORTS.get(route.scheme)
    return host if route.port == default else f"{host}:{route.port}"


def proxy_url(route: Route) -> SplitResult | None:
    """Return the proxy's parts, or None when there is no proxy.

    Raises WireError NOT_SENT when the setting is not `http://[user:password@]host:port`. The
    message does not repeat the setting: it may hold a password.
    """
    if route.proxy is None:
        return None
    with suppress(ValueError):
        parts = urlsplit(route.proxy)
        if parts.scheme == "http" and parts.hostname and parts.port:
            return parts
    raise WireError(
        FailureKind.NOT_SENT,
        f"upstream {route.upstream}: the proxy must be http://[user:password@]host:port",
    )


def proxy_authorization(parts: SplitResult) -> str | None:
    """Return the value of `proxy-authorization` for a proxy URL with a user, else None."""
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + b64encode(pair.encode()).decode("ascii")


def connect_head(route: Route) -> bytes:
    """Return the request that asks the route's proxy for a tunnel (RFC 9110, 9.3.6)."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    lines = [f"CONNECT {host}:{route.port} HTTP/1.1", f"host: {host}:{route.port}"]
    parts = proxy_url(route)
    if parts and (credential := proxy_authorization(parts)):
        lines.append(f"proxy-authorization: {credential}")
    return _encoded(lines) or _refuse(route, "its host is not a host name")


@lru_cache(maxsize=1024)
def _fixed(route: Route) -> tuple[str, tuple[str, ...]]:
    """Return what every request of a route has: the prefix of its target and its own lines."""
    host = host_header(route)
    own = f"host: {host}"
    parts = proxy_url(route)
    if parts is None or route.scheme == "https":
        return "", (own,)
    credential = proxy_authorization(parts)
    if credential is None:
        return f"http://{host}", (own,)
    return f"http://{host}", (own, f"proxy-authorization: {credential}")


def request_head(route: Route, outgoing: Outgoing) -> bytes:
    """Return request line and headers up to and with the empty line.

    Adds `host`, `accept-encoding: identity` and, but for a GET without a body,
    `content-length`; adds the absolute form and the credential for a plain-HTTP proxy. Raises
    WireError NOT_SENT, which names the part but not its value, for a method, target, header
    name or value that could be read as something else on the way (RFC 9112, 11.1).
    """
    prefix, fixed = _fixed(route)
    lines = [f"{outgoing.method} {prefix}{outgoing.target} HTTP/1.1", *fixed]
    for name, value in outgoing.headers:
        lower = name.lower()
        if lower == "accept-encoding" and value == "identity":
            continue
        if lower in _OWNED or lower == "accept-encoding":
            _refuse(route, f"the header {lower} is set by the wire itself")
        lines.append(f"{name}: {value}")
    lines.append("accept-encoding: identity")
    if outgoing.body or outgoing.method != "GET":
        lines.append(f"content-length: {len(outgoing.body)}")
    if outgoing.method == "HEAD" or not outgoing.target.startswith("/"):
        _refuse(route, _wrong_part(outgoing))
    return _encoded(lines) or _refuse(route, _wrong_part(outgoing))


def _encoded(lines: list[str]) -> bytes:
    """Return the lines as one head, or b"" when they would not be read back as those lines."""
    lines += ("", "")
    try:
        head = "\r\n".join(lines).encode("latin-1")
    except UnicodeEncodeError:
        return b""
    # The count catches a value that smuggles a whole header line in.
    good = _HEAD.fullmatch(head) and head.count(b"\r\n") == len(lines) - 1
    return head if good else b""


def _refuse(route: Route, what: str) -> bytes:
    raise WireError(
        FailureKind.NOT_SENT, f"upstream {route.upstream}: request not sent: {what}"
    ) from None


def _wrong_part(outgoing: Outgoing) -> str:
    if outgoing.method == "HEAD" or not re.fullmatch("[A-Z]+", outgoing.method):
        return "its method is not one of upper-case letters with an answer body"
    if not re.fullmatch("/[!-~]*", outgoing.target):
        return "its target must begin with / and hold printable ASCII only, no space"
    for name, value in outgoing.headers:
        if not _TOKEN.fullmatch(name):
            return f"the header name {name[:40]!a} is not a token"
        if not _VALUE.fullmatch(value):
            return f"the value of the header {name[:40]} holds a control or non-Latin-1 character"
    return "its host is not a host name"
