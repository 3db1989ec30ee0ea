"""Writes the frames of an AWS event stream (`application/vnd.amazon.eventstream`).

A frame is u32 total length, u32 length of the headers, u32 CRC of those eight bytes, headers,
payload, u32 CRC of all before it; integers are big-endian (botocore `eventstream.py`).
"""

from __future__ import annotations

import struct
from binascii import b2a_base64
from zlib import crc32

import msgspec

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">II")
_U32 = struct.Struct(">I")
_STRING = 7
_OVERHEAD_BYTES = 16
"""Prelude and both CRCs."""


def _headers(**values: str) -> bytes:
    """Return a block of headers; each name gets its colon, `_` stands for `-`."""
    found = b""
    for key, value in values.items():
        name, text = f":{key.replace('_', '-')}".encode(), value.encode()
        found += struct.pack(">B", len(name)) + name
        found += struct.pack(">BH", _STRING, len(text)) + text
    return found


_CHUNK = _headers(event_type="chunk", content_type="application/json", message_type="event")


def chunk(event: bytes) -> bytes:
    """Return the frame that carries the JSON of one event."""
    return _frame(_CHUNK, b'{"bytes":"%b"}' % b2a_base64(event, newline=False))


def exception(name: str, message: str) -> bytes:
    """Return the frame that ends a stream with an exception, a member of `ResponseStream`."""
    headers = _headers(
        exception_type=name, content_type="application/json", message_type="exception"
    )
    return _frame(headers, msgspec.json.encode({"message": message}))


def _frame(headers: bytes, payload: bytes) -> bytes:
    size = len(headers)
    lengths = _PRELUDE.pack(size + len(payload) + _OVERHEAD_BYTES, size)
    body = b"".join((lengths, _U32.pack(crc32(lengths)), headers, payload))
    return body + _U32.pack(crc32(body))
