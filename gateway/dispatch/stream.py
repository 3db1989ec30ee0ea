"""One open streamed answer: what is held, what is passed on, and how it ends.

No I/O, no clock. Until the first content everything is held, so that a failure can still
become another attempt or a true HTTP status. After it (the commit) the answer belongs to one
upstream: it ends with `message_stop`, or with an `error` event of ours; nothing is spliced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from gateway.dispatch.attempts import CALL_TIMEOUT
from gateway.dispatch.limits import Limits
from gateway.errors import error_event
from providers.codecs.sse import UNFINISHED_BYTES, iter_events
from providers.contract import Decoder, Failure, FailureKind

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
NOT_CONTENT = frozenset({"", "message_start", "message_stop", "ping"})
MAX_HELD_BYTES = UNFINISHED_BYTES
"""The most that is held back before the first content."""
OUTPUT = "output_tokens"
LINGER_S = 1.0
"""How long a transport may take to end after `message_stop`."""


class State(StrEnum):
    """How a streamed answer ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    LEFT = "left"
    """The caller went away."""


@dataclass(slots=True)
class Facts:
    """What the tap has read in passing; None and absent keys were not reported."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_details: dict[str, object] | None = None
    container: str | None = None
    """The id of the container that code ran in."""
    usage: dict[str, object] = field(default_factory=dict)
    """`message_start`'s usage, overwritten field by field by what came later."""
    counted: bool = False
    """The end told how much output there was; what `message_start` says of it is a placeholder."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a streamed answer."""

    state: State
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Clocks:
    """The fixed times of one open answer, in seconds of the driver's clock."""

    opened_s: float
    first_content_until_s: float
    deadline_s: float


class _Event(msgspec.Struct):
    """What is read of an event; a member of another shape than it should have spoils no other."""

    message: Any = None
    delta: Any = None
    usage: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode


class Stream:
    """One open streamed answer. `wake_at_s` is when `tick` is due, at the latest."""

    def __init__(
        self,
        decoder: Decoder,
        limits: Limits,
        clocks: Clocks,
        request_id: str,
        facts: Facts | None = None,
    ) -> None:
        self.committed = False
        self.committed_early = False
        """Committed by the hold's ceiling, before any content."""
        self.outcome: Outcome | None = None
        self.facts = Facts() if facts is None else facts
        self.first_content_s: float | None = None
        """When the first content came; None: none has."""
        self._decoder = decoder
        self._limits = limits
        self._clocks = clocks
        self._request_id = request_id
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._begun_s: float | None = None
        self._content_s: float | None = None
        self._passed_s = clocks.opened_s
        self._stopped_s: float | None = None
        self.wake_at_s = self._next_clock_s()

    @property
    def whole(self) -> bool:
        """Whether `message_stop` has passed."""
        return self._stopped_s is not None

    def feed(self, data: bytes, now_s: float) -> bytes | Failure:
        """Take bytes of the platform; return events to pass on, or a failure before commit."""
        events = self._decoder.feed(data)
        out = self._take(events, now_s) if events else b""
        if self._decoder.stopped:
            # What comes after `message_stop` is no part of the answer, and is not passed on.
            if not self.committed:
                return self._fail(EMPTY)
            if self._stopped_s is None:
                self._stopped_s = now_s
            elif now_s >= self._stopped_s + LINGER_S:
                self._complete()
        else:
            # `tick` alone is not enough: a platform that never pauses leaves it no turn.
            fault = self._decoder.failure or self._late(now_s) or self._overheld()
            if fault is not None:
                return self._fail(fault, out)
        self.wake_at_s = self._next_clock_s()
        return out

    def tick(self, now_s: float) -> bytes | Failure:
        """A clock fired: return a ping, held events, an error event, or a failure."""
        if self.outcome is not None or now_s < self.wake_at_s:
            return b""
        if self._stopped_s is not None:
            return self._complete()
        late = self._late(now_s)
        if late is not None:
            return self._fail(late)
        out = b""
        if not self.committed and self._hold_is_over(now_s):
            self.committed_early = True
            out = self._commit(now_s)
        if self.committed and not out and now_s >= self._passed_s + self._limits.ping_s:
            self._passed_s = now_s
            out = PING
        self.wake_at_s = self._next_clock_s()
        return out

    def ended(self, now_s: float) -> bytes | Failure:
        """The transport ended cleanly; an answer that is not whole by then is a failure."""
        if self.outcome is not None:
            return b""
        if self._stopped_s is not None:
            return self._complete()
        held = self._decoder.end()
        if not self._decoder.stopped:
            return self._fail(self._decoder.failure or UNFINISHED, held)
        # Some formats end with the transport.
        out = self._take(held, now_s)
        if not self.committed:
            return self._fail(EMPTY)
        self._stopped_s = now_s
        self._complete()
        return out

    def broke(self, failure: Failure, now_s: float) -> bytes | Failure:
        """The transport broke; after `message_stop` nothing is missing."""
        del now_s
        if self.outcome is not None:
            return b""
        return self._complete() if self._stopped_s is not None else self._fail(failure)

    def left(self, now_s: float) -> None:
        """The caller went away."""
        del now_s
        if self.outcome is None:
            self.outcome = Outcome(State.LEFT if self._stopped_s is None else State.COMPLETE)

    def _take(self, events: bytes, now_s: float) -> bytes:
        if not self.committed:
            return self._hold(events, now_s)
        if b'"usage"' in events:
            self._tap(events)
        if _has_content(events):
            self._content_s = now_s
            if self.first_content_s is None:
                self.first_content_s = now_s
        self._passed_s = now_s
        return events

    def _hold(self, events: bytes, now_s: float) -> bytes:
        self._tap(events)
        self._held.append(events)
        self._held_bytes += len(events)
        for name, _ in iter_events(events):
            if name == "message_start":
                self._begun_s = now_s
            elif self._begun_s is not None and name not in NOT_CONTENT:
                self._content_s = self.first_content_s = now_s
        return self._commit(now_s) if self._content_s is not None else b""

    def _commit(self, now_s: float) -> bytes:
        self.committed = True
        self._passed_s = now_s
        held = b"".join(self._held)
        self._held.clear()
        return held

    def _tap(self, events: bytes) -> None:
        for name, data in iter_events(events):
            if name not in {"message_start", "message_delta"}:
                continue
            try:
                event = _decode_event(data)
            except (msgspec.DecodeError, RecursionError):
                continue
            facts = self.facts
            if isinstance(message := event.message, dict):
                facts.id, facts.model = _text(message.get("id")), _text(message.get("model"))
                self._count(message.get("usage"))
                facts.container = _id(message.get("container")) or facts.container
            if isinstance(delta := event.delta, dict):
                facts.container = _id(delta.get("container")) or facts.container
                facts.stop_reason = _text(delta.get("stop_reason"))
                details = delta.get("stop_details")
                facts.stop_details = details if isinstance(details, dict) else None
            self._count(event.usage)
            if name == "message_delta" and _tells_output(event.usage):
                facts.counted = True

    def _count(self, usage: object) -> None:
        """Later counts are cumulative: they replace, they never add."""
        if not isinstance(usage, dict):
            return
        for key, value in usage.items():
            if value is not None:
                self.facts.usage[key] = value

    def _complete(self) -> bytes:
        self.outcome = Outcome(State.COMPLETE)
        return b""

    def _fail(self, failure: Failure, before: bytes = b"") -> bytes | Failure:
        """End the answer: a failure before commit, an error event after it."""
        self.outcome = Outcome(State.FAILED, failure)
        self.wake_at_s = float("inf")
        if not self.committed:
            return failure
        held = self._decoder.end()
        self._tap(before + held)
        # Where its transport broke an answer is not whole, even if nothing but its end is missing.
        before += b"" if self._decoder.stopped else held
        return before + error_event(
            failure.type, failure.message, self._request_id, failure.error_code
        )

    def _late(self, now_s: float) -> Failure | None:
        if now_s >= self._clocks.deadline_s:
            return CALL_TIMEOUT
        if now_s >= self._quiet_until_s():
            return FIRST_CONTENT_TIMEOUT if self._content_s is None else IDLE_TIMEOUT
        return None

    def _overheld(self) -> Failure | None:
        return OVERHELD if not self.committed and self._held_bytes > MAX_HELD_BYTES else None

    def _hold_is_over(self, now_s: float) -> bool:
        return self._begun_s is not None and now_s >= self._clocks.opened_s + self._limits.hold_s

    def _quiet_until_s(self) -> float:
        if self._content_s is None:
            return self._clocks.first_content_until_s
        return self._content_s + self._limits.idle_s

    def _next_clock_s(self) -> float:
        if self._stopped_s is not None:
            return self._stopped_s + LINGER_S
        due_s = min(self._clocks.deadline_s, self._quiet_until_s())
        if self.committed:
            return min(due_s, self._passed_s + self._limits.ping_s)
        if self._begun_s is not None:
            return min(due_s, self._clocks.opened_s + self._limits.hold_s)
        return due_s


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _id(value: object) -> str | None:
    return _text(value.get("id")) if isinstance(value, dict) else None


def _tells_output(usage: object) -> bool:
    return isinstance(usage, dict) and usage.get(OUTPUT) is not None


def _has_content(events: bytes) -> bool:
    """Say whether anything in a block moves the answer on; a ping or a comment does not."""
    if events.startswith(b"event: content_block"):
        return True
    return any(name not in NOT_CONTENT for name, _ in iter_events(events))


UNFINISHED = Failure(
    FailureKind.CUT, 502, "api_error", "The upstream's answer ended before it was complete."
)
EMPTY = Failure(
    FailureKind.BAD200, 502, "api_error", "The upstream's answer ended without any content."
)
OVERHELD = Failure(
    FailureKind.BAD200, 502, "api_error", "The upstream's answer did not get to any content."
)
FIRST_CONTENT_TIMEOUT = Failure(
    FailureKind.AMBIGUOUS, 504, "timeout_error", "The upstream took too long to begin its answer."
)
IDLE_TIMEOUT = Failure(
    FailureKind.CUT, 504, "timeout_error", "The upstream fell silent in its answer."
)
