"""What reads hostile bytes, each as a function that tries one seeded case and asserts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress

import msgspec

from gateway.call import Call, read_call
from gateway.errors import Refused
from gateway.policy.features import features
from gateway.wire.exchange import MAX_HEAD_BYTES, MAX_HEADERS, Answer
from providers.contract import Failure, Headers, Kind, Operation, PlaceError
from providers.registry import PROVIDERS
from tests.fuzz import samples
from tests.fuzz.clouds import clouds, frames
from tests.fuzz.mutating import mutated, pieces
from tests.fuzz.reading import declared
from tests.fuzz.streams import OURS_BYTES, aws, chat, sse


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
    cleanly = rng.random() < 0.5
    for answer in (once, cut):
        assert sum(map(len, answer.chunks)) <= len(data)
        assert len(answer.headers) <= MAX_HEADERS
        assert sum(len(name) + len(value) for name, value in answer.headers) <= MAX_HEAD_BYTES
        if cleanly:
            answer.end()
        else:
            answer.broke("the connection broke")
        assert answer.done is (answer.error is None)
        assert not (answer.keep and answer.error)
    assert _seen(once) == _seen(cut)


def _seen(answer: Answer) -> tuple[object, ...]:
    kind = None if answer.error is None else answer.error.kind
    return answer.status, answer.headers, b"".join(answer.chunks), answer.keep, kind


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
    each.__name__: each for each in (exchange, sse, aws, chat, whole, call, clouds, frames)
}


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
