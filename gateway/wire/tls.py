"""TLS settings of a route: verified always, with the operator's own files where given."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from gateway.wire.contract import Route, WireError
from providers.contract import FailureKind


def tls_context(route: Route) -> ssl.SSLContext:
    """Return the context for a route; a changed file is read anew.

    A `ca_file` replaces the system's authorities. Raises WireError NOT_SENT when a file cannot
    be read or holds no certificate.
    """
    ca_ns, cert_ns = _stamp(route, route.ca_file), _stamp(route, route.client_cert)
    return _context(route.upstream, route.ca_file, ca_ns, route.client_cert, cert_ns)


def _stamp(route: Route, path: str | None) -> int:
    if path is None:
        return 0
    try:
        return Path(path).stat().st_mtime_ns
    except OSError as error:
        raise _unreadable(route.upstream, path, error) from error


@lru_cache(maxsize=256)
def _context(
    upstream: str, ca_file: str | None, _ca_ns: int, client_cert: str | None, _cert_ns: int
) -> ssl.SSLContext:
    # `ssl.create_default_context` would write session keys to SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise _unreadable(upstream, ca_file, error) from error
    if client_cert is not None:
        try:
            # An encrypted key must fail here, not ask for its password on the terminal.
            context.load_cert_chain(client_cert, password=lambda: b"")
        except OSError as error:
            raise _unreadable(upstream, client_cert, error) from error
    return context


def _unreadable(upstream: str, path: str, error: OSError) -> WireError:
    return WireError(
        FailureKind.NOT_SENT,
        f"upstream {upstream}: {path} is not a readable PEM file: {error.strerror or error}",
    )
