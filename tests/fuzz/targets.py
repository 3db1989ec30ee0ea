"""What reads hostile bytes, each as a function that tries one seeded case and asserts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress

import msgspec

from gateway.call import Call, read_call
from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import Clocks, State, Stream
from gateway.emulator.aws_events import chunk, frame
from gateway.errors import Refused
from gateway.policy.features import features
from gateway.wire.contract import WireError
from gateway.wire.exchange import MAX_HEAD_BYTES, MAX_HEADERS, Answer
from providers.codecs.eventstream import PAYLOAD_BYTES
from providers.codecs.sse import UNFINISHED_BYTES
from providers.contract import Decoder, Failure, FailureKind, Headers, Kind, Operation, PlaceError
from providers.registry import PROVIDERS
from tests.fuzz import samples
from tests.fuzz.mutating import mutated, pieces, shuffled
from tests.fuzz.reading import KNOWN, declared, events

LIMITS = Limits(first_content_s=20.0, idle_s=10.0, hold_s=5.0, ping_s=3.0)
CLOCKS = Clocks(0.0, 20.0, 100.0)
BROKE = Failure(FailureKind.CUT, 502, "api_error", "The connection broke.")
OURS_BYTES = 4096
"""What we may add to an answer of our own: a ping, an error event, frames around events."""


def exchange(rng: random.Random) -> None:
    """One HTTP answer: no exception, bounded, and the same however it is cut into pieces."""
    all_wires = [each.wire for each in samples.samples()]
    data = mutated(rng, rng.choice(all_wires), all_wires)
    once, cut = Answer(), Answer()
    once.feed(data)
    for piece in pieces(rng, data):
        over, had = cut.over, len(cut.chunks)
        cut.feed(piece)
        assert not (over and (len(cut.chunks) > had or cut.keep))
    for answer in (once, cut):
        assert sum(map(len, answer.chunks)) <= len(data)
        assert len(answer.headers) <= MAX_HEADERS
        assert sum(len(name) + len(value) for name, value in answer.headers) <= MAX_HEAD_BYTES
        assert answer.done or not answer.keep or answer.error is None
        if rng.random() < 0.5:
            answer.end()
        else:
            answer.broke("the connection broke")
        assert answer.over
        assert answer.error is None or isinstance(answer.error, WireError)
    assert (once.status, once.headers) == (cut.status, cut.headers)
    assert b"".join(once.chunks) == b"".join(cut.chunks)


def sse(rng: random.Random) -> None:
    """A stream in the Anthropic format, of the Claude API or of Vertex AI."""
    platform = rng.choice(("anthropic", "vertex"))
    if rng.random() < 0.5:
        good = [each.body for each in samples.streams(platform)]
        data = mutated(rng, rng.choice(good), good)
    else:
        made = [_event(rng, each) for each in _some_events(rng)]
        data = b"".join(made)
    _stream(rng, platform, data)


def aws(rng: random.Random) -> None:
    """A stream of Bedrock: frames of odd bytes, and whole frames of odd events."""
    if rng.random() < 0.4:
        good = [each.body for each in samples.streams("bedrock")]
        data = mutated(rng, rng.choice(good), good)
    else:
        frames = [_frame(rng, each) for each in _some_events(rng)]
        if rng.random() < 0.2:
            frames.insert(rng.randrange(len(frames) + 1), rng.choice(samples.ENDS))
        data = b"".join(frames)
    _stream(rng, "bedrock", data)


def whole(rng: random.Random) -> None:
    """An unstreamed answer and an error: an answer in the Anthropic format, or a failure."""
    sample = rng.choice(samples.whole())
    provider, trusted = sample.provider, sample.platform == "anthropic"
    bodies = [each.body for each in samples.whole()]
    body = mutated(rng, rng.choice((sample.body, *samples.WRONG)), bodies)
    answer = provider.answer(sample.operation, _headers(rng, sample.headers), body)
    if isinstance(answer, Failure):
        declared(answer, trusted=trusted)
    else:
        _is_answer(sample.operation, answer)
        assert len(answer) <= len(body) + OURS_BYTES
    status = rng.choice((400, 401, 404, 408, 413, 429, 500, 503, 529, 204, 301, 0, 999))
    declared(provider.failure(status, _headers(rng, sample.headers), body), trusted=trusted)


def call(rng: random.Random) -> None:
    """A caller's body: refused by name, or what every provider can write down."""
    body = mutated(rng, rng.choice(samples.bodies()), samples.bodies())
    kind = rng.choice(tuple(Kind))
    asked = _read(kind, _headers(rng, samples.HEADERS), body)
    if isinstance(asked, Refused):
        assert 400 <= asked.status < 600
        assert len(asked.message) < 1000
        return
    with suppress(Refused, RecursionError):
        features(asked.fields)
    operation = Operation(kind, samples.MODEL, asked.stream)
    for name, provider in PROVIDERS.items():
        endpoint = samples.endpoint(name)
        try:
            losses = provider.losses(operation, asked.fields, endpoint)
            if not all(loss.droppable for loss in losses):
                continue
            sent = provider.encode(operation, asked.fields, endpoint, losses)
        except (RecursionError, PlaceError):
            continue
        assert msgspec.json.decode(sent.body, type=dict[str, msgspec.Raw])
        assert len(sent.body) <= 2 * len(body) + OURS_BYTES


TARGETS: dict[str, Callable[[random.Random], None]] = {
    each.__name__: each for each in (exchange, sse, aws, whole, call)
}


def _stream(rng: random.Random, platform: str, data: bytes) -> None:
    """Read a stream as the driver does; what comes out is whole events with one good end."""
    operation = Operation(Kind.MESSAGES, samples.MODEL, stream=True)
    make = PROVIDERS[platform].decoder
    cut = pieces(rng, data)
    _same_in_pieces(make(operation, ()), make(operation, ()), data, cut)
    stream = Stream(make(operation, ()), LIMITS, CLOCKS, "req_fuzz")
    out, now_s = [], 0.0
    for piece in cut:
        if stream.outcome is not None:
            break
        now_s += rng.choice((0.0, 0.0, 0.1, 4.0))
        out.append(stream.feed(piece, now_s))
        if rng.random() < 0.2:
            now_s = max(now_s, stream.wake_at_s)
            out.append(stream.tick(now_s))
    for _ in range(1000):
        if stream.outcome is not None:
            break
        out.append(_ended(rng, stream))
    _well_formed(stream, out, trusted=platform == "anthropic")
    written = sum(len(each) for each in out if isinstance(each, bytes))
    assert written <= 2 * len(data) + OURS_BYTES + 100 * len(cut)


def _ended(rng: random.Random, stream: Stream) -> bytes | Failure:
    match rng.randrange(4):
        case 0:
            return stream.ended(stream.wake_at_s)
        case 1:
            return stream.broke(BROKE, stream.wake_at_s)
        case _:
            return stream.tick(stream.wake_at_s)


def _well_formed(stream: Stream, out: list[bytes | Failure], *, trusted: bool) -> None:
    passed = b"".join(each for each in out if isinstance(each, bytes))
    failures = [each for each in out if isinstance(each, Failure)]
    assert stream.outcome is not None, "no clock ends it"
    if stream.outcome.failure is not None:
        declared(stream.outcome.failure, trusted=trusted)
    if not stream.committed:
        assert (passed, failures) == (b"", [stream.outcome.failure])
        return
    assert not failures
    found = events(passed)
    names = [name for name, _ in found if name in KNOWN and name != "ping"]
    assert names[0] == "message_start", names
    assert names.count("message_start") == 1
    if stream.outcome.state is State.COMPLETE:
        assert names.count("message_stop") == 1
        assert names[-1] == "message_stop"
        assert "error" not in names
    else:
        assert "message_stop" not in names
        assert names.count("error") == 1
        assert found[-1][0] == "error"
        told = json.loads(found[-1][1])
        assert told["request_id"] == "req_fuzz"
        assert told["error"]["message"]


def _same_in_pieces(one: Decoder, other: Decoder, data: bytes, cut: list[bytes]) -> None:
    """However the bytes are cut, the same events come out; after a failure nothing does."""
    whole_out = one.feed(data) + one.end()
    out = []
    for piece in cut:
        out.append(other.feed(piece))
        assert other.failure is None or other.feed(piece) == b""
    out.append(other.end())
    large = len(data) > min(UNFINISHED_BYTES, PAYLOAD_BYTES)
    if not large:
        assert b"".join(out) == whole_out
        kinds = [each.failure.kind if each.failure else None for each in (one, other)]
        assert kinds[0] == kinds[1]
        assert one.stopped == other.stopped


def _some_events(rng: random.Random) -> list[bytes]:
    """Return the JSON of events: those of an answer in another order, one of them damaged."""
    found = shuffled(rng, rng.choice(samples.events()))
    if found and rng.random() < 0.7:
        at = rng.randrange(len(found))
        found[at] = mutated(rng, found[at])
    return found


def _event(rng: random.Random, data: bytes) -> bytes:
    """Return an event, mostly as platforms write it."""
    name = samples.named(data)
    end = rng.choice((b"\n", b"\n", b"\n", b"\n", b"\r\n", b"\r"))
    if rng.random() < 0.9:
        return b"event: %b\ndata: %b\n\n".replace(b"\n", end) % (name, data)
    lines = [b"event:" + name, b"data:" + data, b": x", b"id: 1", b"data", b"event: ping"]
    return end.join(rng.sample(lines, rng.randrange(1, 5))) + end + end


def _frame(rng: random.Random, data: bytes) -> bytes:
    """Return a frame with a right sum of what may be no event, or no frame of Bedrock."""
    if rng.random() < 0.95:
        return chunk(data)
    kinds = (":message-type", ":event-type", ":exception-type", ":error-code", "x")
    values = ("event", "chunk", "exception", "error", "initial-response", "throttlingException")
    headers = {rng.choice(kinds): rng.choice(values) for _ in range(rng.randrange(4))}
    return frame(headers, rng.choice((data, mutated(rng, data), b"", b"{}", b'{"bytes":"!"}')))


def _headers(rng: random.Random, good: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return headers with now and then an odd value; names and values as a parser lets in."""
    if rng.random() < 0.6:
        return good
    names = (
        *("retry-after", "retry-after-ms", "request-id", "x-amzn-requestid", "content-type"),
        *("x-amzn-errortype", "x-amzn-bedrock-input-token-count", "x-should-retry"),
        *("x-amzn-bedrock-service-tier", "anthropic-beta", "anthropic-version"),
        *("x-stainless-timeout", "x-stainless-retry-count", "x-gateway-only", "x-gateway-require"),
        *("x-gateway-class", "x-gateway-tag-a", "x-gateway-odd"),
    )
    values = (
        *("", "0", "-1", "nan", "inf", "1e400", "9" * 400, "Wed, 21 Oct 2099 07:28:00 GMT", "²"),
        *("Wed, 99 Foo 9999 99:99:99 XYZ", "a,b,,c", "ThrottlingException:http://x", "\xff\xfe"),
        *("x" * 300, "a b", "application/json; charset=x", "text/html", "=", "a=b=c", '"'),
    )
    odd = tuple((rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(1, 4)))
    return rng.choice((good + odd, odd + good, odd))


def _is_answer(operation: Operation, answer: bytes) -> None:
    found = json.loads(answer)
    if operation.kind is Kind.COUNT_TOKENS:
        assert isinstance(found["input_tokens"], int)
        return
    assert found["type"] == "message"
    assert isinstance(found["content"], list)
    assert isinstance(found["usage"], dict)
    assert isinstance(found["stop_reason"], str)


def _read(kind: Kind, headers: Headers, body: bytes) -> Call | Refused:
    try:
        return read_call(kind, headers, body)
    except Refused as error:
        return error
