"""Random schedules of faults, and the outcome rules that hold under every one of them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import pairwise

from gateway.dispatch.limits import Limits
from tests.simulation.callers import Seen
from tests.simulation.formats import FORMATS, USUAL
from tests.simulation.streams import PING, event, marks, message_start, parse, whole, without_pings
from tests.simulation.virtual import JSON, Script, VirtualWire

LIMITS = Limits(call_s=900.0)
Schedule = dict[str, list[Script]]
NO_PROVIDERS: Mapping[str, str] = {}

DELAYS_S = (0.0, 0.0, 0.0, 0.1, 3.0, 25.0, 130.0)
ENDS = ("clean", "reset", "stall")
STATUSES = (400, 401, 403, 404, 408, 413, 424, 429, 500, 503, 529, 307, 204)
RETRY_AFTER = (None, "0", "7", "-5", "31536000", "soon", "NaN")
HTML = (("content-type", "text/html"),)
ENVELOPE = json.dumps({"type": "error", "error": {"type": "api_error", "message": "no"}}).encode()
ODDITIES = (
    PING,
    PING,
    event("error", error={"type": "overloaded_error", "message": "busy"}),
    event("error", error={"type": "invalid_request_error", "message": "no"}),
    event("message_stop"),
    message_start("other"),
    b"event: content_block_delta\ndata: \xff\xfe\n\n",
    b": a comment\n\n",
    event("a_new_event_type", field=1),
)


def schedule(rng: random.Random, providers: Mapping[str, str] = NO_PROVIDERS) -> Schedule:
    """Return what each of up to three upstreams does with each of its requests.

    `providers` names their providers, where they are not the direct API.
    """
    kinds = (_stream, _stream, _status, _silence)
    names = ("one", "two", "three")[: rng.randint(1, 3)]
    return {
        name: [
            rng.choice(kinds)(rng, f"{name}-{number}", providers.get(name, ""))
            for number in range(3)
        ]
        for name in names
    }


def _stream(rng: random.Random, mark: str, provider: str) -> Script:
    """A 200 that may break anywhere, cut into chunks anywhere."""
    headers, speak = FORMATS.get(provider, USUAL)
    events = whole(mark, deltas=rng.randint(0, 4))
    for _ in range(rng.choice((0, 0, 1, 2))):
        events.insert(rng.randint(0, len(events)), rng.choice(ODDITIES))
    data = speak(events)
    if rng.random() < 0.4:
        data = data[: rng.randint(0, len(data))]
    cuts = {rng.randint(0, len(data)) for _ in range(rng.randint(0, 5))}
    borders = sorted({0, len(data), *cuts})
    return Script(
        delay_s=rng.choice(DELAYS_S),
        headers=rng.choice((headers, headers, headers, headers, HTML)),
        chunks=tuple((rng.choice(DELAYS_S), data[a:b]) for a, b in pairwise(borders)),
        end=rng.choice(ENDS),
    )


def _status(rng: random.Random, mark: str, provider: str) -> Script:
    """An answer that is no 200."""
    del mark, provider
    retry = rng.choice(RETRY_AFTER)
    body = rng.choice((ENVELOPE, b"<html>", b"", b"null", b'{"a":'))
    return Script(
        delay_s=rng.choice(DELAYS_S),
        status=rng.choice(STATUSES),
        headers=JSON if retry is None else (*JSON, ("retry-after", retry)),
        chunks=((rng.choice(DELAYS_S), body),) if body else (),
        end=rng.choice(ENDS),
    )


def _silence(rng: random.Random, mark: str, provider: str) -> Script:
    """No answer at all."""
    del mark, provider
    before = rng.choice(("refuse", "connect_hang", "die", "hang"))
    return Script(before=before, delay_s=rng.choice(DELAYS_S))


def holds(
    seen: Seen,
    wire: VirtualWire,
    scripts: Schedule,
    providers: Mapping[str, str] = NO_PROVIDERS,
) -> None:
    """Assert the outcome rules of one streamed call."""
    _bounded(wire, scripts)
    if seen.answer.stream is None:
        refused_well(seen)
    elif wire.served[-1].upstream in providers:
        # What it wrote is in another format, or the answer's ids are ours.
        streamed_well(seen.stream)
    else:
        sent = b"".join(data for _, data in wire.served[-1].script.chunks)
        streamed_well(seen.stream, sent)


def _bounded(wire: VirtualWire, scripts: Schedule) -> None:
    """Attempts and time are bounded, and nothing is left running."""
    assert len(wire.served) <= LIMITS.attempts
    for name in scripts:
        assert sum(served.upstream == name for served in wire.served) <= LIMITS.per_upstream
    assert wire.clock_s <= 1000 + LIMITS.call_s + 1
    assert all(served.closed for served in wire.served)


def refused_well(seen: Seen) -> None:
    """A failure before content is a true status with an Anthropic envelope."""
    assert 400 <= seen.status < 600
    body = json.loads(seen.answer.body)
    assert body["type"] == "error"
    assert body["error"]["type"]
    assert seen.header("request-id")


def streamed_well(stream: bytes, sent: bytes | None = None) -> None:
    """One answer of one upstream: whole and unchanged, or ended by an error event.

    `sent` is what the upstream wrote, where it is known.
    """
    clean = without_pings(stream)
    names = [name for name, _ in parse(clean) if name != "a_new_event_type"]
    assert names[0] == "message_start"
    assert names.count("message_start") == 1
    assert names.count("message_stop") + names.count("error") == 1
    assert names[-1] in {"message_stop", "error"}
    assert len(marks(stream)) <= 1
    if sent is None:
        return
    passed = clean if names[-1] == "message_stop" else clean.rpartition(b"event: error")[0]
    assert without_pings(sent).startswith(passed)
