"""One HTTP request for a token, to a listed host, within a deadline.

The transports that clouds' own libraries bring follow redirects, take proxies from the environment,
and have no deadline: a server that answers one byte at a time holds them for ever.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.credentials.token_hosts import GOOGLE_HOSTS, METADATA_HOSTS, refusal

FETCH_S = 20.0
"""The longest a fetch may take in all, whoever waits for it."""
ANSWER_MAX_BYTES = 1 << 20
"""No token answer is larger."""
_BUSY = 429
_BROKEN = 500
_REDIRECT = range(300, 400)


class FetchFailed(Exception):
    """A request for a token that came to nothing; names no address and quotes no answer."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a cloud's own library reads of an answer."""

    status: int
    headers: http.client.HTTPMessage
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenFetch:
    """Asks listed hosts for tokens. All its requests share one deadline."""

    until_s: float
    """On `time.monotonic`'s clock."""
    further: frozenset[str] = frozenset()
    """The operator's own token hosts."""
    known: frozenset[str] = GOOGLE_HOSTS
    """The cloud's."""
    nearby: bool = False
    """Whether this machine itself may be asked too, as `token_hosts.is_nearby` has it."""
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)

    def ask(
        self,
        url: str,
        method: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float | None,
    ) -> TokenAnswer:
        """Return the answer to one request; `timeout_s` only shortens the deadline.

        Raises FetchFailed for a host that is not listed, a redirect, a busy or broken server
        (libraries would repeat those; only the dispatcher repeats), and the deadline.
        """
        reason = refusal(url, self.further, self.known, nearby=self.nearby)
        if reason is not None:
            raise FetchFailed(reason)
        left_s = self.until_s - time.monotonic()
        left_s = left_s if timeout_s is None else min(left_s, timeout_s)
        if left_s <= 0:
            raise FetchFailed("the deadline for the token has passed")
        try:
            answer = self._exchange(urlsplit(url), method, body, dict(headers), left_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            failure = FetchFailed(f"the token server did not answer ({type(error).__name__})")
        else:
            return _checked(answer)
        raise failure

    def _exchange(
        self,
        parts: SplitResult,
        method: str,
        body: bytes | None,
        headers: dict[str, str],
        left_s: float,
    ) -> TokenAnswer:
        connection = self._connection(parts, left_s)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.connect()
        late = threading.Event()
        cut = threading.Timer(left_s, _shut, (connection.sock, late))
        cut.daemon = True
        cut.start()
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            data = response.read(ANSWER_MAX_BYTES + 1)
            if len(data) > ANSWER_MAX_BYTES:
                raise http.client.HTTPException
            response.read()  # Raises IncompleteRead for an answer that was cut short.
            if late.is_set():  # To http.client, headers that were cut look complete.
                raise TimeoutError
            return TokenAnswer(response.status, response.headers, data)
        finally:
            cut.cancel()
            connection.close()

    def _connection(self, parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
        host, port = parts.hostname or "", parts.port
        via = None if self.proxy is None or host in METADATA_HOSTS else urlsplit(self.proxy)
        there = (host, port) if via is None else (via.hostname or "", via.port)
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        # `ssl.create_default_context` would write session keys to SSLKEYLOGFILE.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            context.load_verify_locations(cafile=self.ca_file)
        connection = http.client.HTTPSConnection(*there, timeout=timeout_s, context=context)
        if via is not None:
            connection.set_tunnel(host, port or http.client.HTTPS_PORT, _proxy_headers(via))
        return connection


def _checked(answer: TokenAnswer) -> TokenAnswer:
    if answer.status in _REDIRECT:
        raise FetchFailed("the token server redirects, which is refused")
    if answer.status == _BUSY or answer.status >= _BROKEN:
        raise FetchFailed(f"the token server answered {answer.status}")
    return answer


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": "Basic " + b64encode(pair.encode()).decode()}


def _shut(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        # The plain method: the TLS one would also take the session from the reading thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return
