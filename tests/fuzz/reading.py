"""Server-sent events as the standard says they are read, and what a failure may be.

Written apart from the gateway's own codecs, or the fuzzer could not tell that they are wrong.
"""

from __future__ import annotations

import json
import math
import re

from providers.contract import Failure

KNOWN = frozenset(
    {
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "ping", "error"),
    }
)
LEAKS = re.compile(r"arn:aws|\b\d{12}\b|https?://|127\.0\.0\.1|<html|Traceback", re.IGNORECASE)
ID = re.compile(r"[!-~]{1,200}")


def events(stream: bytes) -> list[tuple[str, str]]:
    """Return name and data of each event (WHATWG HTML, 9.2.6); the stream must be whole ones.

    Events without data are left out: clients pass over them.
    """
    text = stream.decode()
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert lines in {"", "\n"} or lines.endswith("\n\n"), "an event is not whole"
    found = []
    for block in lines.split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                name = value
            elif key == "data":
                data.append(value)
        if joined := "\n".join(data):
            found.append((name, joined))
    return found


def declared(failure: Failure, *, trusted: bool) -> None:
    """Check that a failure is one that a caller can be told."""
    assert 400 <= failure.status <= 599, failure
    assert re.fullmatch(r"[a-z_]{1,64}", failure.type) or trusted, failure
    assert failure.message
    assert trusted or not LEAKS.search(failure.message), failure
    assert len(failure.detail) <= 500
    assert failure.request_id is None or ID.fullmatch(failure.request_id), failure
    wait_s = failure.retry_after_s
    assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0), failure
    if failure.envelope is not None:
        assert json.loads(failure.envelope)["type"] == "error"
