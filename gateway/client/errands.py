"""What a request of the SDK asks of the state that upstreams keep: batches, files, skills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

import httpx2
from anthropic import APIConnectionError
from msgspec.structs import replace

from gateway.call import read_errand
from gateway.client.requests import ATTEMPTS, labelled
from gateway.dispatch.download import BrokenOff, Download
from gateway.exceptions import without_content
from gateway.stateful import table
from gateway.stateful.order import Order
from gateway.wire.contract import run_blocking
from providers.contract import Headers, header

_API = "/v1/"


def is_errand(request: httpx2.Request) -> bool:
    """Say whether a request is for what upstreams keep."""
    return table.is_known(_parts(request)[1])


def read(
    request: httpx2.Request, headers: Headers, labels: Mapping[str, str], *, own_account: bool
) -> Order:
    """Return the errand that a request with its body loaded is; raises Refused.

    `headers` are the request's without any credential; `labels` hold around it.
    """
    own_url, path = _parts(request)
    match = table.match(request.method, path)
    body = request.content
    said = labelled(headers, labels) if labels else headers
    call = read_errand(match.endpoint.area, said, body, own_account=own_account)
    call = replace(
        call,
        silence_s=request.extensions.get("timeout", {}).get("read"),
        attempts=request.extensions.get(ATTEMPTS),
    )
    return Order(
        call,
        match,
        table.checked_query(request.url.query.decode("ascii")),
        header(headers, "content-type") if body else None,
        header(headers, "accept") or "application/json",
        own_url,
    )


def _parts(request: httpx2.Request) -> tuple[str, str]:
    """Return the base URL that a request was made with, and the path of the API behind it."""
    path = request.url.raw_path.partition(b"?")[0].decode("ascii")
    prefix, _, rest = path.rpartition(_API)
    url = request.url
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{host}{port}{prefix}", f"{_API}{rest}"


class SyncDownload(httpx2.SyncByteStream):
    """An answer that is read as it comes. Closing it lets the upstream go."""

    def __init__(self, download: Download, request: httpx2.Request) -> None:
        self._download = download
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes; raises the SDK's error where it breaks off."""
        while data := run_blocking(_piece(self._download, self._request)):
            yield data

    def close(self) -> None:
        """Let the upstream go."""
        self._download.close()


class AsyncDownload(httpx2.AsyncByteStream):
    """An answer that is read as it comes. Closing it lets the upstream go."""

    def __init__(self, download: Download, request: httpx2.Request) -> None:
        self._download = download
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what comes; raises the SDK's error where it breaks off."""
        while data := await _piece(self._download, self._request):
            yield data

    async def aclose(self) -> None:
        """Let the upstream go."""
        self._download.close()


async def _piece(download: Download, request: httpx2.Request) -> bytes:
    try:
        return await download.read()
    except BrokenOff as error:
        words = error.failure.message
        raise APIConnectionError(message=words, request=without_content(request)) from None
