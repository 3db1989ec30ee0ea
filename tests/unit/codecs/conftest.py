"""Wire bytes written apart from the code that reads them."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping

import pytest

Chunk = Callable[[Mapping[str, object]], bytes]
Framed = Callable[[Mapping[str, str], bytes], bytes]


def encode_header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(text)) + text


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(encode_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    message = prelude + head + payload
    return message + struct.pack(">I", binascii.crc32(message))


def encode_chunk(event: Mapping[str, object]) -> bytes:
    inner = json.dumps(event, separators=(",", ":")).encode()
    payload = json.dumps({"bytes": base64.b64encode(inner).decode(), "p": "abcd"}).encode()
    headers = {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return encode_frame(headers, payload)


@pytest.fixture
def framed() -> Framed:
    return encode_frame


@pytest.fixture
def chunk() -> Chunk:
    return encode_chunk
