r"""Anthropic server-sent events: whole events only, bytes unchanged.

A line ends in `\n`, `\r\n` or `\r`, an event at an empty line (WHATWG HTML, "Parsing an event
stream"). Text deltas, which are nearly all of a stream, are never looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers.codecs import errors
from providers.codecs.digits import has_run, unreadable
from providers.codecs.event_data import is_whole
from providers.codecs.sequence import Sequence
from providers.codecs.utf8 import is_utf8
from providers.contract import Failure

UNFINISHED_BYTES = 8 * 1024 * 1024
"""The most that one event may hold back before its blank line."""

_SEAM_BYTES = 3
_LAST_END = re.compile(rb".*(?>\r\n|\n|\r)(?>\r\n|\n|\r)", re.DOTALL)
_NEXT_END = re.compile(rb"(?>\r\n|\n|\r){2,}+")
_ENDS = re.compile(rb"\n++")
_LINE = re.compile(rb"\r\n|\n|\r")
_DELTA = b"event: content_block_delta\ndata: {"


def frame(name: str, data: bytes) -> bytes:
    """Return one event; `data` is JSON, on one line or more."""
    if b"\n" in data or b"\r" in data:
        # A raw line end in JSON is white space between its tokens.
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


def iter_events(block: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and data of each event in a block of whole events.

    An event without an `event:` line has the name "". Comments are left out, and events without
    data, for no client sees them.
    """
    for start, end in _spans(block):
        name, data = _parse(block, start, end)
        if data:
            yield name, data


class WholeEvents:
    """Cuts a stream of bytes into blocks of whole events, and keeps the rest for the next."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    @property
    def unfinished_bytes(self) -> int:
        """How much of an event has come that is not whole."""
        return len(self._tail)

    def take(self, data: bytes) -> bytes:
        """Return the whole events that `data` completes; b"" while none is complete."""
        seam = bytes(self._tail[-_SEAM_BYTES:])
        end = _whole_bytes(seam + data if seam else data) - len(seam)
        if end <= 0:
            self._tail += data
            return b""
        if not seam and end == len(data):
            return data
        block = bytes(self._tail) + data[:end]
        self._tail[:] = data[end:]
        return block

    def rest(self) -> bytes:
        """Return the bytes of the unfinished event, and forget them."""
        rest = bytes(self._tail)
        self._tail.clear()
        return rest

    def fault(self) -> Failure | None:
        """Return what is wrong with an event that will not end; what it held is forgotten."""
        if len(self._tail) <= UNFINISHED_BYTES:
            return None
        self._tail.clear()
        return errors.bad_answer(f"An event is larger than {UNFINISHED_BYTES} bytes.")


class SseDecoder:
    """Decoder of a stream that is in the Anthropic format on the wire already.

    `trusted` says that the words of its error events are Anthropic's own.
    """

    __slots__ = ("_events", "_sequence", "_trusted", "failure", "stopped")

    def __init__(self, *, trusted: bool = True) -> None:
        self.stopped = False
        self.failure: Failure | None = None
        self._sequence = Sequence()
        self._events = WholeEvents()
        self._trusted = trusted

    def feed(self, data: bytes) -> bytes:
        """Return the whole events that `data` completes; see `providers.contract.Decoder`."""
        if self.failure is not None:
            return b""
        block = self._events.take(data)
        out = self._check(block) if block else b""
        if self.failure is None:
            self.failure = self._events.fault()
        return out

    def end(self) -> bytes:
        """Say that the transport ended; a stream without `message_stop` becomes a failure."""
        if self.failure is None:
            self.failure = self._sequence.ended(self._events.unfinished_bytes)
        return b""

    def _check(self, block: bytes) -> bytes:
        """Return the good part of a block of whole events, setting what they say."""
        moving = self._sequence.started and not self.stopped
        if moving and _only_deltas(block) and is_utf8(block) and not has_run(block):
            return block
        for start, end in _spans(block):
            fault = self._event(block, start, end)
            if fault is not None:
                self.failure = fault
                return block[: start + _leading_ends(block[start:end])]
            self.stopped = self._sequence.stopped
        return block

    def _event(self, block: bytes, start: int, end: int) -> Failure | None:
        if not is_utf8(block[start:end]):
            return errors.bad_answer("An event is not valid UTF-8.")
        name, data = _parse(block, start, end)
        if name == "error" or (not name and data.startswith(b'{"type":"error"')):
            return errors.stream_error(data, trusted=self._trusted)
        if not name or not data:
            return None
        if unreadable(data):
            return errors.bad_answer("An event holds a number that nobody reads.")
        return self._sequence.step(name, data) if is_whole(name, data) else errors.half_event()


def _whole_bytes(data: bytes) -> int:
    """Return how many bytes of `data` stand before the last unfinished event."""
    if b"\r" in data:
        match = _LAST_END.match(data)
        end = match.end() if match else 0
    else:
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            end = 0
    return end or _leading_ends(data)


def _leading_ends(data: bytes) -> int:
    """Return how many line ends `data` begins with: they end what came before, or nothing."""
    return len(data) - len(data.lstrip(b"\r\n"))


def _only_deltas(block: bytes) -> bool:
    """Say whether a block is nothing but `content_block_delta` events of the usual shape.

    When the line ends are exactly those of the events counted, none is left to begin another.
    """
    events = block.count(b"}\n\n")
    return (
        block.startswith(_DELTA)
        and block.count(_DELTA) == events
        and block.count(b"\n") == 3 * events
        and b"\r" not in block
    )


def _spans(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each event of a block of whole events starts and ends.

    Further line ends count to the event before them, or each pair would be one of its own.
    """
    if b"\r" in block:
        start = 0
        for match in _NEXT_END.finditer(block):
            yield start, match.end()
            start = match.end()
        return
    start, end = 0, block.find(b"\n\n")
    while end >= 0:
        stop = end + 2
        if block.startswith(b"\n", stop) and (more := _ENDS.match(block, stop)):
            stop = more.end()
        yield start, stop
        start = stop
        end = block.find(b"\n\n", start)


def _parse(block: bytes, start: int, end: int) -> tuple[str, bytes]:
    if block.startswith(b"event: ", start):
        line = block.find(b"\n", start)
        usual = block.startswith(b"data: ", line + 1) and block.find(b"\n", line + 1) == end - 2
        if usual and b"\r" not in block[start:end]:
            return block[start + 7 : line].decode(errors="replace"), block[line + 7 : end - 2]
    name, lines = b"", []
    for line_bytes in _LINE.split(block[start:end].rstrip(b"\r\n")):
        field, _, value = line_bytes.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            lines.append(value)
    return name.decode(errors="replace"), b"\n".join(lines)
