"""What the results of a batch say they used, read in passing, line by line. Pure.

A line is as long as a message may be. One that is longer than is kept is passed over and counted;
nothing is ever held back for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from gateway.policy.observed import Said
from providers.shapes import ready

MAX_LINE_BYTES = 8 << 20
SUCCEEDED = "succeeded"


class _Result(Struct, frozen=True):
    type: str = ""
    message: Said | None = None


@ready
class _Line(Struct, frozen=True):
    custom_id: str = ""
    result: _Result = _Result()


_decode = msgspec.json.Decoder(_Line).decode


class Used(Struct, frozen=True):
    """One request of a batch that succeeded."""

    number: int
    """Its line, counted from 1."""
    custom_id: str
    said: Said


class Results:
    """The lines of one download."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.lines = 0
        self.unread = 0
        """How many lines could not be read: too long, no JSON, or without what they should tell."""
        self._max = max_line_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._too_long = False

    @property
    def pending(self) -> bool:
        """Whether a line has begun, and not ended."""
        return bool(self._held) or self._too_long

    def feed(self, data: bytes) -> Iterator[Used]:
        """Take bytes; yield what the lines that they complete say."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            used = self._line(part)
            if used is not None:
                yield used
        if rest:
            self._hold(rest)

    def end(self) -> Iterator[Used]:
        """Take the end: the last line may have no line end."""
        if self.pending:
            used = self._line(b"")
            if used is not None:
                yield used

    def _hold(self, part: bytes) -> None:
        self._held_bytes += len(part)
        if self._too_long or self._held_bytes > self._max:
            self._too_long = True
            self._held.clear()
        else:
            self._held.append(part)

    def _line(self, part: bytes) -> Used | None:
        self._hold(part)
        line, too_long = b"".join(self._held).strip(), self._too_long
        self._held.clear()
        self._held_bytes, self._too_long = 0, False
        if not line and not too_long:
            return None
        self.lines += 1
        if too_long:
            self.unread += 1
            return None
        try:
            found = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.unread += 1
            return None
        succeeded = found.result.type == SUCCEEDED
        if not found.result.type or (succeeded and found.result.message is None):
            self.unread += 1
        if not succeeded or found.result.message is None:
            return None
        return Used(self.lines, found.custom_id, found.result.message)
