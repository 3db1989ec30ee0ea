"""Laws that hold under any schedule of faults, in virtual time."""

from __future__ import annotations

import json
import os
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dispatch.limits import Limits
from tests.simulation.callers import Seen, ask, call, engine
from tests.simulation.streams import PING, event, marks, message_start, parse, whole, without_pings
from tests.simulation.virtual import JSON, SSE, Script, VirtualWire

CASES = int(os.environ.get("TIDEGATE_LAWS", "10000"))
LIMITS = Limits(call_s=900.0)

DELAYS = st.sampled_from([0.0, 0.0, 0.0, 0.1, 3.0, 25.0, 130.0])
ENDS = st.sampled_from(["clean", "reset", "stall"])
STATUSES = st.sampled_from([400, 401, 403, 404, 408, 413, 424, 429, 500, 503, 529, 307, 204])
RETRY_AFTER = st.sampled_from([None, "0", "7", "-5", "31536000", "soon", "NaN"])


@st.composite
def streams(draw: st.DrawFn, mark: str) -> Script:
    """A 200 that may break anywhere, cut into chunks anywhere."""
    events = whole(mark, deltas=draw(st.integers(0, 4)))
    for _ in range(draw(st.integers(0, 2))):
        events.insert(draw(st.integers(0, len(events))), draw(st.sampled_from(ODDITIES)))
    data = b"".join(events)
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    borders = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=5))})
    chunks = tuple((draw(DELAYS), data[a:b]) for a, b in pairwise(borders))
    kind = draw(st.sampled_from([SSE, SSE, SSE, SSE, (("content-type", "text/html"),)]))
    return Script(delay_s=draw(DELAYS), headers=kind, chunks=chunks, end=draw(ENDS))


ODDITIES = [
    PING,
    PING,
    event("error", error={"type": "overloaded_error", "message": "busy"}),
    event("error", error={"type": "invalid_request_error", "message": "no"}),
    event("message_stop"),
    message_start("other"),
    b"event: content_block_delta\ndata: \xff\xfe\n\n",
    b"event: content_block_delta\ndata: {not json\n\n",
    b": a comment\n\n",
    event("a_new_event_type", field=1),
]


@st.composite
def statuses(draw: st.DrawFn) -> Script:
    """An answer that is no 200."""
    retry = draw(RETRY_AFTER)
    headers = JSON if retry is None else (*JSON, ("retry-after", retry))
    good = {"type": "error", "error": {"type": "api_error", "message": "no"}}
    body = draw(st.sampled_from([json.dumps(good).encode(), b"<html>", b"", b"null", b'{"a":']))
    return Script(
        delay_s=draw(DELAYS),
        status=draw(STATUSES),
        headers=headers,
        chunks=((draw(DELAYS), body),) if body else (),
        end=draw(ENDS),
    )


def failures() -> st.SearchStrategy[Script]:
    return st.builds(
        Script, before=st.sampled_from(["refuse", "connect_hang", "die", "hang"]), delay_s=DELAYS
    )


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, list[Script]]:
    """What each of up to three upstreams does with each of its requests."""
    scripts: dict[str, list[Script]] = {}
    for name in ["one", "two", "three"][: draw(st.integers(1, 3))]:
        scripts[name] = [
            draw(st.one_of(streams(f"{name}-{number}"), statuses(), failures()))
            for number in range(3)
        ]
    return scripts


@given(schedules())
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_streamed_call_holds_the_outcome_rules(scripts: dict[str, list[Script]]) -> None:
    wire = VirtualWire(scripts)
    seen = ask(engine(*scripts, limits=LIMITS), wire, call())
    bounded(wire, scripts)
    if seen.answer.stream is None:
        refused_well(seen)
    else:
        streamed_well(seen, wire)


def bounded(wire: VirtualWire, scripts: dict[str, list[Script]]) -> None:
    """N4, N6, N9: attempts, time, and nothing left running."""
    assert len(wire.served) <= LIMITS.attempts
    for name in scripts:
        assert sum(s.upstream == name for s in wire.served) <= LIMITS.per_upstream
    assert wire.clock_s <= 1000 + LIMITS.call_s + 1
    assert all(served.closed for served in wire.served)


def refused_well(seen: Seen) -> None:
    """N10: a failure before content is a true status with an Anthropic envelope."""
    assert 400 <= seen.status < 600
    body = json.loads(seen.answer.body)
    assert body["type"] == "error"
    assert body["error"]["type"]
    assert seen.header("request-id")


def streamed_well(seen: Seen, wire: VirtualWire) -> None:
    """N1, N8: one answer of one upstream, whole, or ended by an error event."""
    events = parse(without_pings(seen.stream)) if without_pings(seen.stream) else []
    names = [name for name, _ in events if name != "a_new_event_type"]
    assert names[0] == "message_start"
    assert names.count("message_start") == 1
    assert names.count("message_stop") + names.count("error") == 1
    assert names[-1] in {"message_stop", "error"}
    assert len(marks(seen.stream)) <= 1
    sent = b"".join(data for _, data in wire.served[-1].script.chunks)
    if names[-1] == "message_stop":
        assert sent.replace(PING, b"").startswith(without_pings(seen.stream))
    else:
        passed = without_pings(seen.stream).rpartition(b"event: error")[0]
        assert sent.replace(PING, b"").startswith(passed)
