"""A mark in all that callers and platforms send: nothing that an operator reads has it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from gateway.emulator import Emulator
from tests.server.logged import calls, logged
from tests.server.operated import (
    AUTH,
    CALLER,
    JOURNAL,
    KEY,
    config,
    operated,
    scraped,
)
from tests.server.serving import BODY, HEADERS, Running

CANARY = "canary7f3a"
MARKED = f"the {CANARY} sings"
PROMPT = [{"role": "user", "content": f"{MARKED} [[say:{MARKED}]]"}]
TELLING = BODY | {
    "messages": PROMPT,
    "system": MARKED,
    "metadata": {"user_id": CANARY},
    "stop_sequences": [MARKED],
}
LABELS = {
    "x-gateway-tag-team": CANARY,
    "user-agent": CANARY,
    "x-claude-code-session-id": CANARY,
    "cookie": CANARY,
    "traceparent": CANARY,
}
REFUSED = (
    {"x-api-key": CANARY},
    {"x-api-key": "", "authorization": f"Bearer {CANARY}"},
    {"x-gateway-class": MARKED},
    {"x-gateway-require": MARKED},
    {"x-gateway-only": CANARY},
    {"anthropic-beta": MARKED},
    {"anthropic-version": CANARY},
    {"content-encoding": CANARY},
    {f"x-gateway-{CANARY}": "1"},
    {"x-stainless-timeout": CANARY},
)
UPSTREAMS = ("direct", "frankfurt", "direct, frankfurt")
ENVELOPE = json.dumps(
    {"type": "error", "error": {"type": MARKED, "message": MARKED}, "request_id": MARKED}
)
AWS = json.dumps({"message": MARKED, "__type": MARKED, "originalMessage": MARKED})
FAULTS: tuple[dict[str, object], ...] = (
    *({"status": status, "body": body} for status, body in itertools.product(
        (400, 401, 403, 404, 413, 422, 429, 500, 503, 529), (ENVELOPE, AWS, MARKED)
    )),
    {"action": "error_event", "at": 0, "type": CANARY, "message": MARKED},
    {"action": "error_event", "at": 5, "type": CANARY, "message": MARKED},
    {"action": "error_event", "at": 5, "status": 400, "message": MARKED},
    {"action": "cut", "at": 5},
    {"action": "end", "at": 5, "extra_bytes": 3},
    {"action": "reset", "before_head": True},
)  # fmt: skip


def provoke(gateway: Running, emulator: Emulator) -> int:
    """Send all of it; return how many calls that were."""
    told = 0
    for fault, stream, only in itertools.product(FAULTS, (False, True), UPSTREAMS):
        emulator.faults.clear()
        emulator.faults.add({"action": "status", "times": 2, **fault})
        reply = gateway.call(
            TELLING | {"stream": stream}, CALLER | LABELS | {"x-gateway-only": only}
        )
        assert "x-gateway-attempts" in reply.headers, reply
        told += 1
    emulator.faults.clear()
    for headers in REFUSED:
        gateway.call(TELLING, CALLER | LABELS | headers)
        told += 1
    bodies = (
        TELLING | {"model": CANARY},
        TELLING | {CANARY: MARKED},
        TELLING | {"max_tokens": MARKED},
        TELLING | {"messages": [{"role": "user", "content": f"[[model:{MARKED}]]"}]},
        TELLING | {"messages": [{"role": "user", "content": f"[[geo:{CANARY} x]]"}]},
        json.dumps(TELLING).encode()[:-9],
    )
    for body in bodies:
        gateway.call(body, CALLER | LABELS)
        told += 1
    for path in (f"/{CANARY}", f"/v1/models/{CANARY}", f"/v1/models?after_id={CANARY}"):
        gateway.ask("GET", path, headers=AUTH)
    gateway.ask("GET", f"/v1/messages/{CANARY}", headers=HEADERS | {"x-api-key": CANARY})
    return told


def test_neither_logs_nor_metrics_nor_readiness_have_the_mark(
    tmp_path: Path, emulator: Emulator
) -> None:
    with (
        operated(config(tmp_path, emulator, more=JOURNAL)) as gateway,
        logged() as as_json,
        logged("text") as as_text,
    ):
        told = provoke(gateway, emulator)
        paths = ("/metrics", "/readyz?verbose", "/readyz", "/healthz")
        read = [gateway.ask("GET", path, headers=AUTH).body.decode() for path in paths]
        read += [as_json.getvalue(), as_text.getvalue()]
        assert len(scraped(gateway)) > 100
        gone = gateway.app.drain.running
    assert gone == 0
    assert len(calls(as_json)) == told
    assert as_text.getvalue().count(" INFO request ") == told
    for text in read:
        assert text
        for secret in (CANARY, KEY, CALLER["x-api-key"], emulator.api_key, "sings"):
            at = text.find(secret)
            assert at < 0, text[max(0, at - 300) : at + 100]
