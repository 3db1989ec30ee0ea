"""Open streams of hostile bytes, read as the driver reads them."""

from __future__ import annotations

import json
import random

from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import MAX_HELD_BYTES, Clocks, State, Stream
from gateway.emulator.aws_events import chunk, frame
from providers.codecs.chat_stream import ChatDecoder
from providers.codecs.eventstream import HEADERS_BYTES, PAYLOAD_BYTES, EventStreamDecoder
from providers.codecs.sse import UNFINISHED_BYTES, SseDecoder
from providers.contract import Decoder, Failure, FailureKind, Kind, Operation
from providers.registry import PROVIDERS
from tests.fuzz import samples
from tests.fuzz.mutating import mutated, pieces, shuffled
from tests.fuzz.reading import KNOWN, declared, events

LIMITS = Limits(first_content_s=20.0, idle_s=10.0, hold_s=5.0, ping_s=3.0)
CLOCKS = Clocks(0.0, 20.0, 100.0)
BROKE = Failure(FailureKind.CUT, 502, "api_error", "The connection broke.")
MOST_HELD_BYTES = max(2 * UNFINISHED_BYTES, PAYLOAD_BYTES + HEADERS_BYTES)
OTHER_FORMATS = frozenset({"bedrock", "openai_relay"})
"""The platforms whose streams are not in the Anthropic format."""
OURS_BYTES = 4096
"""What we may add to an answer of our own: pings, an error event, frames around events."""


def sse(rng: random.Random) -> None:
    """A stream in the Anthropic format, of whichever platform has it."""
    platform = rng.choice([name for name in PROVIDERS if name not in OTHER_FORMATS])
    if rng.random() < 0.5:
        good = [each.body for each in samples.streams(platform)]
        data = mutated(rng, rng.choice(good), good)
    else:
        made = [_event(rng, each) for each in _some_events(rng)]
        data = b"".join(made)
    _stream(rng, platform, data)


def chat(rng: random.Random) -> None:
    """A stream of chat completion chunks: damaged ones, and good ones in another order."""
    good = samples.streams("openai_relay")
    if rng.random() < 0.5:
        wires = [each.body for each in good]
        data = mutated(rng, rng.choice(wires), wires)
    else:
        frames = shuffled(rng, rng.choice(good).response.frames)
        if frames and rng.random() < 0.7:
            at = rng.randrange(len(frames))
            frames[at] = mutated(rng, frames[at], samples.CHUNKS)
        data = b"".join(frames)
    _stream(rng, "openai_relay", data)


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
        failed = isinstance(out[-1], Failure)
        assert stream.committed or failed or stream._held_bytes <= MAX_HELD_BYTES
        if rng.random() < 0.2:
            now_s = max(now_s, stream.wake_at_s)
            out.append(stream.tick(now_s))
    for _ in range(1000):
        if stream.outcome is not None:
            break
        out.append(_ended(rng, stream))
    _well_formed(stream, out, trusted=platform == "anthropic")
    written = sum(len(each) for each in out if isinstance(each, bytes))
    # The least chunk is shorter than the events that say the same.
    times = 8 if platform == "openai_relay" else 2
    assert written <= times * len(data) + OURS_BYTES + 100 * len(cut)


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
        assert _held_bytes(other) <= MOST_HELD_BYTES + len(piece)
        assert other.failure is None or other.feed(piece) == b""
    out.append(other.end())
    large = len(data) > min(UNFINISHED_BYTES, PAYLOAD_BYTES)
    if not large:
        assert b"".join(out) == whole_out
        kinds = [each.failure.kind if each.failure else None for each in (one, other)]
        assert kinds[0] == kinds[1]
        assert one.stopped == other.stopped


def _held_bytes(decoder: Decoder) -> int:
    """Return how much of an answer a decoder keeps back."""
    if isinstance(decoder, EventStreamDecoder):
        return decoder._frames.unfinished_bytes + decoder._usage._held_bytes
    if isinstance(decoder, ChatDecoder):
        return decoder._events.unfinished_bytes + decoder._blocks.held_bytes
    assert isinstance(decoder, SseDecoder)
    return decoder._events.unfinished_bytes


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
