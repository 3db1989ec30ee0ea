"""Streams that are sent as they are."""

from __future__ import annotations

from gateway.formats.contract import Events


class _Unchanged:
    """The events of the Messages API."""

    def feed(self, events: bytes) -> bytes:
        """Return the events."""
        return events

    def end(self) -> bytes:
        """Return nothing: the last event closes a stream."""
        return b""


UNCHANGED: Events = _Unchanged()
