"""How a platform puts events on the wire, for faults that look inside or write their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.json import decode

from gateway.emulator.problems import Problem


@dataclass(frozen=True, slots=True)
class Framing:
    """Turns the JSON of an event into a frame, and back."""

    wrap: Callable[[str, bytes], bytes]
    """From an event's type and its JSON to its frame."""
    unwrap: Callable[[bytes], bytes]
    """From a frame to the JSON inside."""
    filler: Callable[[int], bytes]
    """A frame of about so many bytes that says nothing."""

    def changed(self, frame: bytes, change: Callable[[bytes], bytes]) -> bytes:
        """Return a frame with other JSON inside, under the type that it had."""
        event = self.unwrap(frame)
        return self.wrap(decode(event).get("type", ""), change(event))


@dataclass(frozen=True, slots=True)
class Words:
    """How a platform words what a fault puts into a stream."""

    error: Callable[[Problem], bytes]
    """An error in the middle of a stream."""
    ping: bytes
    framing: Framing


def sse(kind: str, event: bytes) -> bytes:
    """Return an event's JSON as a server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), event)


SSE = Framing(
    wrap=sse,
    unwrap=lambda frame: frame.partition(b"\ndata: ")[2].rstrip(),
    filler=lambda size: b":%b\n\n" % (b" " * size),
)
"""Server-sent events."""
