"""Do what a dispatch says: sign, send, read, hand over. Decides nothing.

One coroutine serves the asyncio wire, the blocking wire and the tests' virtual one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct, structs

from gateway.credentials.contract import CredentialError, Signer
from gateway.dispatch.attempts import Attempt, Dispatch, Give, Record, Send, Wait
from gateway.dispatch.download import Download
from gateway.dispatch.stream import Clocks, Facts, Outcome, State, Stream
from gateway.wire.contract import Exchange, Outgoing, Route, Wire, WireError
from gateway.wire.passage import Passage, Withdrawn
from gateway.wire.request import host_header
from providers.codecs import errors
from providers.contract import (
    Failure,
    FailureKind,
    Fields,
    Headers,
    Operation,
    WireRequest,
    header,
)

MAX_ERROR_BYTES = 1 << 20
ERROR_BODY_S = 10.0
"""How long the body of an error is waited for."""
MAX_ANSWER_BYTES = 64 << 20
SIGNS = b'"signature_delta"'
"""What the event that brings the signature of a thinking block has in it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How one upstream is reached: its address and its credential."""

    route: Route
    signer: Signer


class Job(Struct, frozen=True):
    """One call, ready to be driven."""

    operation: Operation
    fields: Fields
    dispatch: Dispatch
    connections: Mapping[str, Connection]
    passage: Passage
    new_request_id: Callable[[], str]
    on_attempt: Callable[[Attempt], None] = lambda _attempt: None
    """Told of an attempt before anything of it is done; what it raises ends the call."""
    on_failure: Callable[[Attempt, Failure, Facts], None] = lambda _attempt, _failure, _told: None
    """Told also what a streamed answer had said of itself before it failed."""
    on_broken_off: Callable[[Attempt, Facts], None] = lambda _attempt, _told: None
    """Told of an attempt that ends because nobody waits for the call any more, or a mistake."""
    on_withdrawn: Callable[[Attempt], None] = lambda _attempt: None
    """Told of an attempt that was begun, and that policy stopped before a byte had left."""
    attempt_id: Callable[[Attempt], str | None] = lambda _attempt: None
    """What an attempt is called at its platform; None: it has no name there."""
    download: Callable[[Headers], Failure | None] | None = None
    """A good answer is handed on as it comes, unless this tells by its head why it is none."""


class _Try(Struct, frozen=True):
    """One attempt while it is made."""

    job: Job
    send: Send
    wire: Wire
    told: Facts
    """What a streamed answer has said of itself so far."""


@dataclass(slots=True)
class Won:
    """An attempt that brought an answer: whole in `body`, or open in `stream`."""

    attempt: Attempt
    request_id: str
    headers: Headers
    dropped: tuple[str, ...]
    records: tuple[Record, ...]
    """The attempts that failed before it."""
    withdrawn: tuple[str, ...] = ()
    """The planned upstreams that policy no longer allowed when their turn came."""
    body: bytes | None = field(default=None, repr=False)
    stream: OpenStream | None = None
    download: Download | None = None


class OpenStream:
    """A committed streamed answer. Read it to its end, or close it."""

    def __init__(self, wire: Wire, exchange: Exchange, stream: Stream, dispatch: Dispatch) -> None:
        self._wire = wire
        self._exchange = exchange
        self._stream = stream
        self._dispatch = dispatch
        self._first = b""
        self.on_end: Callable[[Stream], None] | None = None
        """Told once, when nothing more is read."""
        self.on_signed: Callable[[bytes], Awaitable[None]] | None = None
        """Told of events that bring the signature of a thinking block, before they go on."""
        self.on_told: Callable[[Facts], Awaitable[None]] | None = None
        """Told what the answer has said of itself so far, before what says so goes on."""

    @property
    def outcome(self) -> Outcome | None:
        """How the answer ended; None while it is open."""
        return self._stream.outcome

    @property
    def whole(self) -> bool:
        """Whether all events have been read, though the transport may not have ended."""
        return self._stream.whole

    @property
    def stream(self) -> Stream:
        """The state machine, for what it has read in passing."""
        return self._stream

    async def commit(self) -> Failure | None:
        """Read until the answer is this upstream's; return the failure that came instead."""
        while not self._stream.committed:
            out = await self._step()
            if isinstance(out, Failure):
                return out
            self._first = out
        return None

    async def read(self) -> bytes:
        """Return the next whole events, b"" at the end; the end is always well-formed."""
        out, self._first = self._first, b""
        while not out and self._stream.outcome is None:
            step = await self._step()
            out = step if isinstance(step, bytes) else b""
        if out:
            if self.on_told is not None:
                await self.on_told(self._stream.facts)
            if self.on_signed is not None and SIGNS in out:
                await self.on_signed(out)
            return out
        self._exchange.close()
        self._tell()
        return b""

    def close(self) -> None:
        """Let the upstream go; an unfinished answer is cut there."""
        self._stream.left(self._wire.now_s())
        self._exchange.close()
        self._tell()

    def _tell(self) -> None:
        outcome = self._stream.outcome
        if outcome is not None:
            whole = outcome.state is State.COMPLETE
            self._dispatch.ended(outcome.failure, self._wire.now_s(), whole=whole)
        told, self.on_end = self.on_end, None
        if told is not None:
            told(self._stream)

    async def _step(self) -> bytes | Failure:
        stream = self._stream
        try:
            data = await self._exchange.read(stream.wake_at_s)
        except WireError as error:
            return stream.broke(_wire_failure(error), self._wire.now_s())
        now_s = self._wire.now_s()
        if data is None:
            return stream.tick(now_s)
        return stream.feed(data, now_s) if data else stream.ended(now_s)


async def drive(job: Job, wire: Wire) -> Won | Give:
    """Try until an answer is open or the dispatch gives up."""
    dispatch = job.dispatch
    step = dispatch.start(wire.now_s())
    while not isinstance(step, Give):
        if isinstance(step, Wait):
            await wire.sleep(step.until_s)
            step = dispatch.start(wire.now_s())
            continue
        try:
            result = await _tried(job, step, wire)
        except BaseException:
            dispatch.stop(wire.now_s())
            raise
        if isinstance(result, Won):
            dispatch.answered(wire.now_s())
            if result.stream is None:
                dispatch.ended(None, wire.now_s(), whole=True)
            return result
        now_s = wire.now_s()
        step = dispatch.withdrawn(now_s) if result is None else dispatch.failed(result, now_s)
    return step


async def _tried(job: Job, send: Send, wire: Wire) -> Won | Failure | None:
    """Make one attempt and tell of it; None: policy stopped it before a byte had left."""
    job.on_attempt(send.attempt)
    told = Facts()
    try:
        result = await _attempt(_Try(job, send, wire, told))
    except Withdrawn:
        job.on_withdrawn(send.attempt)
        return None
    except BaseException:
        job.on_broken_off(send.attempt, told)
        raise
    if isinstance(result, Failure):
        job.on_failure(send.attempt, result, told)
    return result


async def _attempt(one: _Try) -> Won | Failure:
    """Make one attempt; raises Withdrawn when policy stopped it before a byte had left."""
    job, send, wire = one.job, one.send, one.wire
    leg = send.attempt.leg
    connection = job.connections[leg.upstream.name]
    try:
        request = _encoded(job, send.attempt)
        signed = await _signed(connection, request, send.until_s, wire)
        exchange = await wire.send(
            connection.route,
            Outgoing(request.method, request.target, signed, request.body),
            passage=job.passage,
            connect_until_s=min(wire.now_s() + job.dispatch.limits.connect_s, send.until_s),
            until_s=send.until_s,
        )
    except RecursionError:
        return TOO_DEEP
    except CredentialError as error:
        return _no_credential(error)
    except Withdrawn:
        raise
    except WireError as error:
        return _wire_failure(error)
    try:
        result = await _answered(one, request, exchange)
    except WireError as error:
        result = _wire_failure(error)
    except BaseException:
        exchange.close()
        raise
    if isinstance(result, Failure) or (result.stream is None and result.download is None):
        exchange.close()
    return result


def _encoded(job: Job, attempt: Attempt) -> WireRequest:
    """Return the request of an attempt, with its id where the platform has a place for it."""
    leg = attempt.leg
    provider = leg.upstream.provider
    request = provider.encode(job.operation, job.fields, leg.upstream.endpoint, leg.losses)
    name = job.attempt_id(attempt)
    more = () if name is None else provider.attempt_headers(job.operation, name)
    return structs.replace(request, headers=(*request.headers, *more)) if more else request


async def _signed(
    connection: Connection, request: WireRequest, until_s: float, wire: Wire
) -> Headers:
    signer = connection.signer
    if not signer.fresh():
        timeout_s = until_s - wire.now_s()
        await wire.blocking(lambda: signer.refresh(timeout_s), until_s)
    return signer.sign(request, host_header(connection.route))


async def _answered(one: _Try, request: WireRequest, exchange: Exchange) -> Won | Failure:
    job, send, wire = one.job, one.send, one.wire
    provider = send.attempt.leg.upstream.provider
    if exchange.status != 200:  # noqa: PLR2004 - the one status that is an answer
        body = await _error_body(exchange, min(send.until_s, wire.now_s() + ERROR_BODY_S))
        return provider.failure(exchange.status, exchange.headers, body)
    won = Won(
        attempt=send.attempt,
        request_id=errors.request_id(exchange.headers) or job.new_request_id(),
        headers=exchange.headers,
        dropped=request.dropped,
        records=job.dispatch.records,
        withdrawn=job.dispatch.refused,
    )
    if job.download is not None:
        if (why := job.download(exchange.headers)) is not None:
            return why
        limits = job.dispatch.limits
        won.download = Download(wire, exchange, limits.idle_s, job.dispatch.deadline_s)
        return won
    if not job.operation.stream:
        body = await _whole(exchange, send.until_s, MAX_ANSWER_BYTES)
        answer = provider.answer(job.operation, exchange.headers, body)
        if isinstance(answer, Failure):
            return answer
        won.body = answer
        return won
    return await _opened(one, exchange, won)


async def _opened(one: _Try, exchange: Exchange, won: Won) -> Won | Failure:
    job, send, wire = one.job, one.send, one.wire
    provider = send.attempt.leg.upstream.provider
    content_type = header(exchange.headers, "content-type") or ""
    if not content_type.startswith(provider.stream_type()):
        return NO_STREAM
    stream = Stream(
        provider.decoder(job.operation, exchange.headers),
        job.dispatch.limits,
        Clocks(wire.now_s(), send.until_s, job.dispatch.deadline_s),
        won.request_id,
        one.told,
    )
    won.stream = OpenStream(wire, exchange, stream, job.dispatch)
    return await won.stream.commit() or won


async def _error_body(exchange: Exchange, until_s: float) -> bytes:
    """Return what comes of an error's body: its status says what it means even without."""
    body = bytearray()
    try:
        while len(body) < MAX_ERROR_BYTES and (data := await exchange.read(until_s)):
            body += data
    except WireError:
        pass
    return bytes(body[:MAX_ERROR_BYTES])


async def _whole(exchange: Exchange, until_s: float, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        data = await exchange.read(until_s)
        if data is None:
            raise WireError(FailureKind.AMBIGUOUS, "the answer took too long", timed_out=True)
        if not data:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        size += len(data)
        if size > limit:
            raise WireError(FailureKind.BAD200, f"the answer is over {limit} bytes")
        chunks.append(data)


def _no_credential(error: CredentialError) -> Failure:
    kind = "timeout_error" if error.timed_out else "api_error"
    return Failure(FailureKind.CREDENTIAL, 502, kind, error.message, detail=error.detail)


def _wire_failure(error: WireError) -> Failure:
    if error.timed_out:
        return Failure(
            error.kind, 504, "timeout_error", "The upstream took too long.", detail=error.detail
        )
    message = WIRE_WORDS.get(error.kind, "The upstream's answer broke off.")
    return Failure(error.kind, 502, "api_error", message, detail=error.detail)


WIRE_WORDS = {
    FailureKind.NOT_SENT: "The upstream could not be reached.",
    FailureKind.AMBIGUOUS: "The connection to the upstream broke before it answered.",
    FailureKind.BAD200: "The upstream's answer was not valid HTTP.",
}

TOO_DEEP = Failure(
    FailureKind.CALLER, 400, "invalid_request_error", "The request body is nested too deeply."
)
NO_STREAM = Failure(
    FailureKind.BAD200, 502, "api_error", "The upstream's answer was not an event stream."
)

__all__ = ["Connection", "Job", "OpenStream", "Outcome", "State", "Won", "drive"]
