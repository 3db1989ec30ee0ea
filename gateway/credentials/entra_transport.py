"""Entra's tokens through our own transport. Importing this module loads azure-core, an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import HttpResponse, HttpTransport
from azure.core.rest import HttpRequest

from gateway.credentials.token_fetch import FetchFailed, TokenAnswer, TokenFetch
from gateway.credentials.token_hosts import host_entry


class EntraTransport(HttpTransport[HttpRequest, HttpResponse]):
    """What azure-identity asks through.

    `plain` holds hosts (`host:port`) that are asked over HTTP: the library itself writes nothing
    but https, and an emulator on loopback has none.
    """

    def __init__(self, fetch: TokenFetch, plain: frozenset[str] = frozenset()) -> None:
        self._fetch = fetch
        self._plain = plain
        self.failure = ""
        """What the last request came to that came to nothing; quotes no answer."""

    def send(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Return the answer to one request; raises ServiceRequestError."""
        url, timeout_s = request.url, kwargs.get("connection_timeout")
        if host_entry(url) in self._plain:
            url = "http" + url.removeprefix("https")
        try:
            body = _body(request.content)
            answer = self._fetch.ask(url, request.method, body, request.headers, timeout_s)
        except FetchFailed as error:
            self.failure = str(error)
            failure = ServiceRequestError(self.failure)
        else:
            return _Answer(request, answer)
        raise failure

    def open(self) -> None:
        """Do nothing: each request has a connection of its own."""

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def __exit__(self, *args: object) -> None:
        self.close()


class _Answer(HttpResponse):
    """An answer as the library reads it."""

    def __init__(self, request: HttpRequest, answer: TokenAnswer) -> None:
        super().__init__(request, None)  # type: ignore[arg-type]
        self._data = answer.data
        self.status_code = answer.status
        self.headers = {name.lower(): value for name, value in answer.headers.items()}
        self.content_type = self.headers.get("content-type")

    def body(self) -> bytes:
        return self._data


def _body(content: object) -> bytes | None:
    if isinstance(content, Mapping):
        return urlencode(content).encode()
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else None
