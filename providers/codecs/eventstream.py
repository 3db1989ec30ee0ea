"""AWS event stream (`application/vnd.amazon.eventstream`): frames, and Bedrock's use of them.

The frame is that of botocore `eventstream.py`: u32 total length, u32 length of the headers, u32
CRC of those eight bytes, headers, payload, u32 CRC of all before it; integers are big-endian.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import msgspec

from providers.codecs import errors
from providers.codecs.digits import unreadable
from providers.codecs.event_data import event_type, is_whole
from providers.codecs.sequence import Sequence
from providers.codecs.sse import frame
from providers.codecs.usage import METRICS, UsageKeeper
from providers.codecs.utf8 import is_utf8
from providers.contract import Failure

HEADERS_BYTES = 128 * 1024
"""The most that a frame's headers may have (botocore `_MAX_HEADERS_LENGTH`)."""
PAYLOAD_BYTES = 24 * 1024 * 1024
"""The most that a frame's payload may have (botocore `_MAX_PAYLOAD_LENGTH`)."""

_PRELUDE = struct.Struct(">III")
_U32 = struct.Struct(">I")
_CRC_BYTES = 4
_OVERHEAD_BYTES = _PRELUDE.size + _CRC_BYTES
_STRING, _BYTES = 7, 6
# Type of a header's value -> its size in bytes; types 6 and 7 carry a length.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class FrameError(ValueError):
    """Bytes that are no event stream frame."""


class Frame(NamedTuple):
    """One frame; `headers` has the string-valued ones only."""

    headers: Mapping[str, str]
    payload: bytes


class FrameReader:
    """Cuts frames out of bytes that come in any pieces, checking both CRCs."""

    __slots__ = ("_buffer", "_need_bytes")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need_bytes = _PRELUDE.size

    @property
    def unfinished_bytes(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer)

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next whole frame, or None until more bytes come; raises FrameError."""
        buffer = self._buffer
        if len(buffer) < self._need_bytes:
            return None
        total, headers_bytes = _prelude(buffer)
        self._need_bytes = total
        if len(buffer) < total:
            return None
        raw = bytes(buffer[:total])
        del buffer[:total]
        self._need_bytes = _PRELUDE.size
        return _frame(raw, headers_bytes)


def _prelude(buffer: bytearray) -> tuple[int, int]:
    total, headers_bytes, crc = _PRELUDE.unpack_from(buffer)
    if crc32(buffer[: _PRELUDE.size - _CRC_BYTES]) != crc:
        raise FrameError("The CRC of a frame's lengths is wrong.")
    payload_bytes = total - headers_bytes - _OVERHEAD_BYTES
    if headers_bytes > HEADERS_BYTES or not 0 <= payload_bytes <= PAYLOAD_BYTES:
        raise FrameError(f"A frame has {headers_bytes} header and {payload_bytes} payload bytes.")
    return total, headers_bytes


def _frame(raw: bytes, headers_bytes: int) -> Frame:
    end = len(raw) - _CRC_BYTES
    if crc32(memoryview(raw)[:end]) != _U32.unpack_from(raw, end)[0]:
        raise FrameError("A frame's CRC is wrong.")
    start = _PRELUDE.size + headers_bytes
    return Frame(_headers(raw[_PRELUDE.size : start]), raw[start:end])


@lru_cache(maxsize=64)
def _headers(raw: bytes) -> Mapping[str, str]:
    """Parse a frame's headers; a stream repeats the same few."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(raw):
            name_end = at + 1 + raw[at]
            name, kind = raw[at + 1 : name_end].decode(), raw[name_end]
            at = name_end + 1
            if kind in (_STRING, _BYTES):
                size = int.from_bytes(raw[at : at + 2])
                at += 2
            else:
                size = _SIZES[kind]
            if at + size > len(raw) or name in found:
                raise FrameError(f"The header {name!r} of a frame is cut off or repeated.")
            found[name] = raw[at : at + size].decode() if kind == _STRING else ""
            at += size
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise FrameError("The headers of a frame do not parse.") from error
    return found


class _Chunk(msgspec.Struct):
    """A chunk's payload; msgspec reads base64 into `bytes`."""

    event: bytes = msgspec.field(name="bytes")


_chunk = msgspec.json.Decoder(_Chunk)
_TYPE = b'{"type":"'
_DELTA = b'{"type":"content_block_delta"'
_METRICS = METRICS.encode()
_WORD = re.compile(r"[\w.-]{1,100}", re.ASCII)


class EventStreamDecoder:
    """Decoder of InvokeModelWithResponseStream: frames in, Anthropic events out.

    `edit_start` rewrites the JSON of `message_start`, where the answer's model and tier stand.
    """

    __slots__ = ("_edit_start", "_frames", "_sequence", "_usage", "failure", "stopped")

    def __init__(self, edit_start: Callable[[bytes], bytes] | None = None) -> None:
        self.stopped = False
        self.failure: Failure | None = None
        self._edit_start = edit_start
        self._frames = FrameReader()
        self._sequence = Sequence()
        self._usage = UsageKeeper()

    def feed(self, data: bytes) -> bytes:
        """Return the whole events that `data` completes; see `providers.contract.Decoder`."""
        if self.failure is not None:
            return b""
        out: list[bytes] = []
        self._frames.add(data)
        try:
            while found := self._frames.next():
                self.failure = self._take(found, out)
                if self.failure is not None:
                    break
        except FrameError as error:
            self.failure = errors.bad_answer(str(error))
        except (msgspec.DecodeError, RecursionError):
            self.failure = errors.bad_answer("A frame's payload is not an event.")
        if self.failure is not None:
            out.append(self._released())
        self.stopped = self._sequence.stopped
        return b"".join(out)

    def end(self) -> bytes:
        """Say that the transport ended; a stream without `message_stop` becomes a failure."""
        if self.failure is None:
            self.failure = self._sequence.ended(self._frames.unfinished_bytes)
        return self._released()

    def _released(self) -> bytes:
        return b"".join(frame(name, event) for name, event in self._usage.release())

    def _take(self, found: Frame, out: list[bytes]) -> Failure | None:
        headers = found.headers
        kind = headers.get(":message-type")
        if kind in ("exception", "error"):
            return exception(headers, found.payload)
        if kind != "event":
            return errors.bad_answer("A frame has no message type.")
        if headers.get(":event-type") == "chunk":
            return self._event(_chunk.decode(found.payload).event, out)
        return None

    def _event(self, data: bytes, out: list[bytes]) -> Failure | None:
        if not is_utf8(data):
            return errors.bad_answer("An event is not valid UTF-8.")
        if unreadable(data):
            return errors.bad_answer("An event holds a number that nobody reads.")
        if data.startswith(_DELTA) and data.endswith(b"}") and self._passes(data):
            out.append(frame("content_block_delta", data))
            return None
        name = _name(data)
        if name and not _WORD.fullmatch(name):
            # It becomes a line of its own, where a line end would begin another event.
            return errors.bad_answer("An event's type is not a word.")
        if name == "error":
            return errors.stream_error(data, trusted=False)
        if not name:
            return None
        fault = self._sequence.step(name, data) if is_whole(name, data) else errors.half_event()
        if fault is not None:
            return fault
        if name == "message_start" and self._edit_start is not None:
            data = self._edit_start(data)
        out += (frame(*event) for event in self._usage.take(name, data))
        return None

    def _passes(self, data: bytes) -> bool:
        """Say whether a delta, which is nearly every event, has nothing to wait for or lose."""
        moving = self._sequence.started and not self._sequence.stopped
        return moving and not self._usage.holding and _METRICS not in data


def _name(data: bytes) -> str:
    if data.startswith(_TYPE):
        end = data.find(b'"', len(_TYPE))
        return data[len(_TYPE) : end].decode(errors="replace")
    return event_type(data)


def exception(headers: Mapping[str, str], payload: bytes) -> Failure:
    """Return what an exception or error frame means; the status on the wire was 200."""
    name = headers.get(":exception-type") or headers.get(":error-code") or ""
    words = errors.read(payload)
    if not words.message:
        words = replace(words, message=headers.get(":error-message", ""))
    verdict = errors.of_name("bedrock", name[:1].upper() + name[1:]) or errors.of_status(500)
    verdict = errors.with_original(verdict, words.original_status)
    return errors.build(verdict, words, payload, upstream_status=200)
