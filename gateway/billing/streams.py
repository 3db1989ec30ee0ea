"""Which message each event of a stream is about: only the first event names it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Event = TypeVar("Event")


@dataclass(slots=True)
class Stream(Generic[Event]):
    """One stream: the message it is at, and the events that came before any message began."""

    message_id: str = ""
    waiting: list[Event] = field(default_factory=list)


class Streams(Generic[Event]):
    """The streams that have been seen."""

    def __init__(self) -> None:
        self._streams: dict[Hashable, Stream[Event]] = {}

    def began(self, stream: Hashable, message_id: str) -> list[Event]:
        """Take note of the message that a stream is at now; return the events that waited."""
        known = self._streams.setdefault(stream, Stream())
        known.message_id = message_id
        waited, known.waiting = known.waiting, []
        return waited

    def at(self, stream: Hashable, event: Event) -> str:
        """Return the message that an event is about; empty: it waits for one to begin."""
        known = self._streams.setdefault(stream, Stream())
        if not known.message_id:
            known.waiting.append(event)
        return known.message_id

    def waiting(self) -> list[tuple[Hashable, list[Event]]]:
        """Return the events whose messages nobody has named."""
        return [(name, known.waiting) for name, known in self._streams.items() if known.waiting]
