"""The transports under the SDK: a request goes to the engine, its answer comes back.

No request is retried here, none is redirected, and none leaves but through the engine's wire.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import httpx2
import msgspec
from anthropic import AnthropicError, APIError, APIStatusError
from msgspec import structs

from gateway.answers import Answer, refusal
from gateway.client import errands, own_credential
from gateway.client.errands import AsyncDownload, SyncDownload
from gateway.client.opening import Opened
from gateway.client.requests import aside, kind_of, read
from gateway.dispatch.drive import OpenStream
from gateway.errors import JSON, Forbidden, Refused, new_request_id
from gateway.exceptions import broken_off, no_upstream, policy_denied, without_content
from gateway.label_scope import current
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Wire, run_blocking
from gateway.wire.sync import SyncWire
from providers.contract import FailureKind, Headers

ERROR_EVENT = b"event: error\n"
NO_RETRY = ("x-should-retry", "false")
NEEDS_ASYNCIO = (
    "gateway.AsyncAnthropic needs asyncio, and this code runs under another event loop "
    "(trio?). Use asyncio, or gateway.Anthropic in a thread."
)


class SyncTransport(httpx2.BaseTransport):
    """Answers the blocking client's requests."""

    def __init__(self, opened: Opened | None) -> None:
        self.opened = opened
        self._wire = SyncWire()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the engine's answer; raises the SDK's errors, never an httpx2 one."""
        request.read()
        answer = run_blocking(_answer(self.opened, request, self._wire))
        if answer.download is not None:
            return _handed_on(answer, SyncDownload(answer.download, request))
        if answer.stream is None:
            return _whole(answer)
        stream = SyncBody(answer.stream, request)
        return httpx2.Response(answer.status, headers=list(answer.headers), stream=stream)

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.close()


class AsyncTransport(httpx2.AsyncBaseTransport):
    """Answers the asyncio client's requests, from any number of event loops."""

    def __init__(self, opened: Opened | None) -> None:
        self.opened = opened
        self._wire = AsyncWire()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the engine's answer; raises the SDK's errors, never an httpx2 one."""
        if not _on_asyncio():
            raise AnthropicError(NEEDS_ASYNCIO)
        await request.aread()
        answer = await _answer(self.opened, request, self._wire)
        if answer.download is not None:
            return _handed_on(answer, AsyncDownload(answer.download, request))
        if answer.stream is None:
            return _whole(answer)
        stream = AsyncBody(answer.stream, request)
        return httpx2.Response(answer.status, headers=list(answer.headers), stream=stream)

    async def aclose(self) -> None:
        """Close the idle connections of the running event loop."""
        if _on_asyncio():
            await self._wire.aclose()


class SyncHttp(httpx2.Client):
    """The HTTP client under a blocking client and its copies."""

    def __init__(self, opened: Opened | None = None) -> None:
        self._gateway = SyncTransport(opened)
        super().__init__(transport=self._gateway, trust_env=False)
        # Clients are parts of cycles: in one with its sockets, a `__del__` may come after theirs.
        weakref.finalize(self, self._gateway.close)

    @property
    def opened(self) -> Opened | None:
        """The engine that answers; None while the client is constructed."""
        return self._gateway.opened

    @opened.setter
    def opened(self, opened: Opened) -> None:
        self._gateway.opened = opened


class AsyncHttp(httpx2.AsyncClient):
    """The HTTP client under an asyncio client and its copies."""

    def __init__(self, opened: Opened | None = None) -> None:
        self._gateway = AsyncTransport(opened)
        super().__init__(transport=self._gateway, trust_env=False)
        weakref.finalize(self, _close_soon, self._gateway).atexit = False

    @property
    def opened(self) -> Opened | None:
        """The engine that answers; None while the client is constructed."""
        return self._gateway.opened

    @opened.setter
    def opened(self, opened: Opened) -> None:
        self._gateway.opened = opened


class SyncBody(httpx2.SyncByteStream):
    """A streamed answer. Closing it lets the upstream go."""

    def __init__(self, stream: OpenStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        """Yield whole events; raises the SDK's error where an error event would stand."""
        while data := run_blocking(self._stream.read()):
            events, error = _parted(self._stream, data, self._request)
            if events:
                yield events
            if error is not None:
                raise error

    def close(self) -> None:
        """Let the upstream go."""
        self._stream.close()


class AsyncBody(httpx2.AsyncByteStream):
    """A streamed answer. Closing it lets the upstream go."""

    def __init__(self, stream: OpenStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield whole events; raises the SDK's error where an error event would stand."""
        while data := await self._stream.read():
            events, error = _parted(self._stream, data, self._request)
            if events:
                yield events
            if error is not None:
                raise error

    async def aclose(self) -> None:
        """Let the upstream go."""
        self._stream.close()


async def _answer(opened: Opened | None, request: httpx2.Request, wire: Wire) -> Answer:
    """Return an answer the SDK can read; raises an AnthropicError for what has a class of ours."""
    if opened is None:
        raise AnthropicError("this client was not constructed to its end")
    denied = False
    try:
        answer = await _served(opened, request, wire)
    except Refused as error:
        answer, denied = refusal(error, opened.engine.policy), isinstance(error, Forbidden)
    except Exception as error:
        # A bare exception would be taken for a broken connection, and be tried again.
        name = type(error).__name__
        words = f"The gateway failed where it should not ({name})."
        raise APIError(words, without_content(request), body=None) from error
    # Raised here, not above: the SDK looks through an error's causes for one to try again.
    if denied:
        raise policy_denied(answer, request)
    if answer.failure is not None and answer.failure.kind is not FailureKind.CALLER:
        raise no_upstream(answer, answer.failure, request)
    return answer


async def _served(opened: Opened, request: httpx2.Request, wire: Wire) -> Answer:
    kind = kind_of(request)
    if kind is None and not errands.is_errand(request):
        return _aside(opened, request)
    headers, credential = own_credential.parted(tuple(request.headers.multi_items()))
    if kind is None:
        return await _errand(opened, request, headers, credential, wire)
    call = read(kind, request, headers, current(), own_account=opened.no_file)
    if not opened.own:
        return await opened.engine.answer(call, wire)
    owned = structs.replace(call, account=own_credential.account(credential))
    with own_credential.shown(credential):
        return await opened.engine.answer(owned, wire)


async def _errand(
    opened: Opened, request: httpx2.Request, headers: Headers, credential: Headers, wire: Wire
) -> Answer:
    order = errands.read(request, headers, current(), own_account=opened.no_file)
    if not opened.own:
        return await opened.engine.stateful.answer(order, wire)
    call = structs.replace(order.call, account=own_credential.account(credential))
    with own_credential.shown(credential):
        return await opened.engine.stateful.answer(replace(order, call=call), wire)


def _aside(opened: Opened, request: httpx2.Request) -> Answer:
    headers = (*JSON, ("request-id", new_request_id()), ("x-gateway-policy", opened.engine.policy))
    return Answer(200, headers, msgspec.json.encode(aside(opened.engine, request)))


def _whole(answer: Answer) -> httpx2.Response:
    headers = [pair for pair in answer.headers if pair[0] != NO_RETRY[0]]
    if answer.status != 200:  # noqa: PLR2004 - the one status that is an answer
        headers.append(NO_RETRY)
    return httpx2.Response(answer.status, headers=headers, content=answer.body)


def _handed_on(answer: Answer, stream: SyncDownload | AsyncDownload) -> httpx2.Response:
    return httpx2.Response(answer.status, headers=list(answer.headers), stream=stream)


def _parted(
    stream: OpenStream, data: bytes, request: httpx2.Request
) -> tuple[bytes, APIStatusError | None]:
    """Take the error event off the end of a stream that failed, as the error it stands for."""
    outcome = stream.outcome
    if outcome is None or outcome.failure is None:
        return data, None
    # In an event's data a line break is always escaped, so the last match is the event itself.
    events, _, event = data.rpartition(ERROR_EVENT)
    return events, broken_off(outcome.failure, event, request)


def _close_soon(transport: AsyncTransport) -> None:
    """Close what a dropped client leaves open on the running loop, as the SDK does."""
    with suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        _closing.add(task := loop.create_task(transport.aclose()))
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
