"""Writes the binary frames in which AWS streams events.

The format is the public `application/vnd.amazon.eventstream` encoding: a prelude (total length,
header length, and the CRC-32 of both), headers, payload, and the CRC-32 of all that came before.
It is written here apart from the gateway's own reader, so that one tests the other.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib

from gateway.emulator.framing import Framing

CONTENT_TYPE = "application/vnd.amazon.eventstream"
"""The media type of a body made of these frames."""

_STRING = 7
_PAD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one frame; every header value is written as a string (type 7)."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return body + struct.pack(">I", zlib.crc32(body))


def chunk(event: bytes) -> bytes:
    """Return the frame that carries one Anthropic event, `event` being its JSON.

    The `p` field is filler of varying length, so that sizes do not tell what was said. Its
    length here follows from the event, so that the same event is always the same frame.
    """
    padding = _PAD[: zlib.crc32(event) % len(_PAD)]
    data = base64.b64encode(event)
    payload = b'{"bytes":"%b","p":"%b"}' % (data, padding.encode())
    return frame(_message("event", "event-type", "chunk"), payload)


def event_of(chunked: bytes) -> bytes:
    """Return the event's JSON that a frame of `chunk` carries."""
    headers_bytes = int.from_bytes(chunked[4:8])
    event: bytes = base64.b64decode(json.loads(chunked[12 + headers_bytes : -4])["bytes"])
    return event


def filler(size: int) -> bytes:
    """Return a ping whose padding is `size` bytes long."""
    payload = b'{"bytes":"%b","p":"%b"}' % (base64.b64encode(b'{"type":"ping"}'), b"a" * size)
    return frame(_message("event", "event-type", "chunk"), payload)


def exception(name: str, message: str, **more: str | int) -> bytes:
    """Return the frame that ends a stream with a modelled exception (`throttlingException`).

    Args:
        name: The member of `ResponseStream` in botocore's bedrock-runtime service model.
        message: What the exception says.
        more: Further members, such as `originalStatusCode`.
    """
    payload = json.dumps({"message": message, **more}).encode()
    return frame(_message("exception", "exception-type", name), payload)


def error(code: str, message: str) -> bytes:
    """Return the frame that ends a stream with an error outside the service model."""
    return frame({":error-code": code, ":error-message": message, ":message-type": "error"}, b"")


def _message(kind: str, key: str, value: str) -> dict[str, str]:
    return {f":{key}": value, ":content-type": "application/json", ":message-type": kind}


def _header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(data)) + data


FRAMING = Framing(wrap=lambda _, event: chunk(event), unwrap=event_of, filler=filler)
"""Anthropic's events in these frames."""
