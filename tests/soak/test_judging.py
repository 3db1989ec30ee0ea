"""The soak's judge sees what breaks the rules: it would be of no use if it could not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.asking import STAMPS, Ask
from tests.soak.judging import Seen, judged

ASK = Ask("d0000001", "claude-opus-5-5", events=STAMPS, pace_ms=0)
FAULTY = replace(ASK, faults=("cut-after-events@anthropic",))
HEADERS = {
    "content-type": "text/event-stream",
    "request-id": "req_1",
    "x-gateway-attempts": "1",
    "x-gateway-upstream": "direct",
}


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def delta(text: str) -> bytes:
    return event("content_block_delta", delta={"text": text})


def error(request_id: str = "req_1") -> dict[str, Any]:
    told = {"type": "api_error", "message": "The upstream fell silent in its answer."}
    return {"error": told, "request_id": request_id}


TEXT = ASK.text("msg_1")
START, STOP = event("message_start", message={"id": "msg_1"}), event("message_stop")
GOOD = START + delta(TEXT[:30]) + event("ping") + delta(TEXT[30:]) + STOP
BROKEN_OFF = START + delta(TEXT[:30]) + event("error", **error())
REFUSED = json.dumps({"type": "error", **error()}).encode()


def seen(body: bytes, status: int = 200, **headers: str) -> Seen:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Seen(status, {**HEADERS, **named}, body, whole=True)


@pytest.mark.parametrize(
    ("ask", "got", "kind"),
    [
        (ASK, seen(GOOD), "whole"),
        (ASK, seen(GOOD.replace(b"\n", b"\r\n"), x_gateway_attempts="2"), "whole after failover"),
        (FAULTY, seen(BROKEN_OFF), "error event api_error"),
        (FAULTY, seen(REFUSED, 529), "http 529"),
        (ASK, replace(seen(GOOD[:150]), whole=False, left=True), "left"),
    ],
)
def test_what_may_be(ask: Ask, got: Seen, kind: str) -> None:
    assert judged(ask, got) == (kind, [])


@pytest.mark.parametrize(
    ("ask", "got"),
    [
        (ASK, replace(seen(GOOD), whole=False)),
        (ASK, seen(BROKEN_OFF)),
        (ASK, seen(REFUSED, 529)),
        (FAULTY, seen(GOOD.removesuffix(STOP))),
        (FAULTY, seen(GOOD + STOP)),
        (FAULTY, seen(START + GOOD)),
        (FAULTY, seen(GOOD[:-1])),
        (FAULTY, seen(START + delta(TEXT[:30]) + STOP)),
        (FAULTY, seen(GOOD.replace(b".msg_1.", b".msg_2."))),
        (FAULTY, seen(START + delta(TEXT[:30]) + delta(TEXT) + STOP)),
        (FAULTY, seen(BROKEN_OFF + STOP)),
        (FAULTY, seen(START + event("error", **error("req_2")))),
        (FAULTY, seen(GOOD, x_gateway_attempts="4")),
        (FAULTY, seen(GOOD, x_gateway_upstream="elsewhere")),
        (FAULTY, seen(GOOD, content_type="application/json")),
        (FAULTY, seen(REFUSED, 401)),
        (FAULTY, seen(b"Bad Gateway", 502)),
        (FAULTY, seen(REFUSED.replace(b"upstream", b"upstream at 127.0.0.1"), 502)),
    ],
)
def test_what_may_not_be(ask: Ask, got: Seen) -> None:
    assert judged(ask, got)[1]
