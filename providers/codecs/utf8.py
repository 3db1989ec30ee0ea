"""Whether bytes are the text that JSON and SSE must be."""

from __future__ import annotations


def is_utf8(data: bytes) -> bool:
    """Say whether `data` is valid UTF-8; nearly free for ASCII."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
