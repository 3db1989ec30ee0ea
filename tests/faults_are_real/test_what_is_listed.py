"""The faults a gateway must stand, in the words they are listed in, each under its names."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session

from gateway.emulator import NAMED
from tests.faults_are_real.proofs import proofs

STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529)
BEDROCK: Any = get_session().get_service_model("bedrock-runtime")
STREAMED = BEDROCK.operation_model("InvokeModelWithResponseStream")
EXCEPTIONS = sorted(shape.name for shape in STREAMED.error_shapes)
FRAMES = sorted(
    shape.name
    for shape in STREAMED.get_event_stream_output().members.values()
    if shape.metadata.get("exception")
)
LISTED = {
    "accept then close": ["accept-close", "accept-reset"],
    "RST before headers": ["reset-before-head"],
    "RST after the body was sent": ["reset-after-body", "close-after-body"],
    "hang before headers": ["hang-before-head"],
    "headers one byte at a time": ["head-drips"],
    "body dripped": ["body-drips"],
    "a ping for ever": ["pings-for-ever", "pings-after-events"],
    "the statuses": [f"status-{status}" for status in STATUSES],
    "retry-after in seconds": ["retry-after-seconds", "retry-after-ms"],
    "retry-after as a date": ["retry-after-date", "retry-after-past-date"],
    "retry-after absurd": ["retry-after-absurd", "retry-after-infinite"],
    "retry-after negative": ["retry-after-negative"],
    "retry-after garbage": ["retry-after-garbage", "retry-after-nan"],
    "Bedrock's exception names": [f"bedrock-{name}" for name in EXCEPTIONS],
    "Vertex's array-wrapped errors": ["vertex-array-error", "vertex-RESOURCE_EXHAUSTED"],
    "200 with HTML": ["html-200", "html-as-json-200"],
    "200 with truncated JSON": ["truncated-json", "truncated-event"],
    "200 with null content": ["null-content", "null-200"],
    "200 with an error object": ["error-object-200"],
    "wrong content-length both ways": ["length-too-long", "length-too-short"],
    "surplus bytes on a kept-alive connection": ["surplus-bytes"],
    "chunked abort": [
        "chunked-abort", "chunked-abort-before-content", "chunked-abort-after-events",
    ],
    "gzip garbage and a gzip bomb": ["gzip-garbage", "gzip-bomb"],
    "huge headers": ["huge-head", "many-headers"],
    "an error event before the first content": ["error-as-first-event", "error-before-content"],
    "an error event after N events": ["error-after-events", "rate-limit-after-events"],
    "RST after N events": ["reset-before-content", "reset-after-events", "reset-in-body"],
    "stall after N events": ["stall-before-content", "stall-after-events", "stall-in-body"],
    "clean EOF after N events": ["end-before-events", "end-before-content", "end-after-events"],
    "a stream cut inside a tool input": ["cut-in-tool-input", "reset-in-tool-input"],
    "no message_stop": ["no-message-stop"],
    "two message_starts": ["two-message-starts", "message-start-after-events"],
    "invalid UTF-8": ["invalid-utf8"],
    "one 5 MB event": ["event-of-5-mb"],
    "line ends split at every byte": [
        "split-at-every-byte", "crlf-line-ends", "crlf-split-at-every-byte",
    ],
    "an event-stream frame with a bad CRC": ["bad-crc", "bad-crc-before-content"],
    "a partial frame at EOF": ["partial-frame", "partial-frame-before-content"],
    "an exception frame": [
        "exception-frame", *(f"bedrock-frame-{name}" for name in FRAMES),
    ],
    "HTTP/1.0": ["http-1.0", "http-1.0-cut"],
    "100-continue": ["continue-100"],
    "a redirect to another host": ["redirect"],
    "a token endpoint that fails": ["token-fails", "token-unavailable", "token-error-text"],
    "a token endpoint that hangs": ["token-hangs", "token-drips"],
    "a token endpoint that answers HTML": ["token-html"],
}  # fmt: skip
"""All but `connection refused`, which no answer can be: that is `Emulator.refusing_url`."""


@pytest.mark.parametrize("words", list(LISTED))
def test_what_is_listed_has_a_name_and_a_proof(words: str) -> None:
    assert set(LISTED[words]) <= set(NAMED)
    assert set(LISTED[words]) <= set(proofs())


def test_each_kind_fits_the_modes_it_can_come_in() -> None:
    modes = {name: NAMED[name].streamed for names in LISTED.values() for name in names}
    assert (len(EXCEPTIONS), len(FRAMES)) == (11, 6)
    for one, other in (
        ("reset-in-body", "reset-after-events"),
        ("stall-in-body", "stall-after-events"),
        ("chunked-abort", "chunked-abort-after-events"),
        ("truncated-json", "truncated-event"),
    ):
        assert (modes[one], modes[other]) == (False, True)
