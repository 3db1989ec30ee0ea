"""The order in which the events of one streamed answer may come."""

from __future__ import annotations

from providers.codecs import errors
from providers.codecs.event_data import gives_reason
from providers.contract import Failure

_NEEDS_START = frozenset(
    {
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    }
)


class Sequence:
    """What a stream has shown so far: one start, then content, then one stop."""

    __slots__ = ("reasoned", "started", "stopped")

    def __init__(self) -> None:
        self.started = False
        self.reasoned = False
        """A `message_delta` said why the answer stopped."""
        self.stopped = False

    def step(self, name: str, data: bytes) -> Failure | None:
        """Take the next event; return a failure when it cannot come here.

        Names that are not known pass: the format may grow.
        """
        if self.stopped:
            return errors.bad_answer("An event came after message_stop.")
        if name == "message_start":
            if self.started:
                return errors.bad_answer("A second message_start came.")
            self.started = True
        elif not self.started and name in _NEEDS_START:
            return errors.bad_answer("An answer began without message_start.")
        elif name == "message_delta":
            self.reasoned = self.reasoned or gives_reason(data)
        elif name == "message_stop":
            if not self.reasoned:
                return errors.broken_off("The answer stopped without a reason.")
            self.stopped = True
        return None

    def ended(self, unfinished_bytes: int) -> Failure | None:
        """Return what is wrong with a stream that ends here, if anything."""
        if self.stopped and not unfinished_bytes:
            return None
        if not self.started:
            return errors.bad_answer("The stream ended before message_start.")
        if unfinished_bytes:
            return errors.broken_off("The stream ended inside an event.")
        return errors.broken_off("The stream ended without message_stop.")
