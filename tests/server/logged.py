"""What the servers of these tests log, for those who wish to read it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.logs import Format, JsonLines, RequestLog

_readers: dict[Format, list[io.StringIO]] = {"json": [], "text": []}


def _writer(style: Format) -> RequestLog:
    def write(line: str) -> None:
        for reader in _readers[style]:
            reader.write(line)

    return RequestLog(style, write)


LOGS = (_writer("json"), _writer("text"))
"""Observers of every server of these tests."""


@contextmanager
def logged(style: Format = "json") -> Iterator[io.StringIO]:
    """Take what a server logs."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines() if style == "json" else None)
    ours = logging.getLogger("gateway")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    _readers[style].append(text)
    try:
        yield text
    finally:
        _readers[style].remove(text)
        ours.removeHandler(handler)
        ours.setLevel(before)


def lines(text: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in text.getvalue().splitlines()]


def calls(text: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines that are of a call."""
    return [line for line in lines(text) if line["logger"] == "gateway.requests"]
