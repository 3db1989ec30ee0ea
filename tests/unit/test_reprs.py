from __future__ import annotations

import json

from gateway.answers import Answer
from gateway.call import read_call
from providers.contract import Bearer, Failure, FailureKind, Kind, WireRequest

CANARY = "canary-in-the-prompt"


def test_no_repr_shows_a_prompt_or_an_answer() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": CANARY}]}).encode()
    call = read_call(Kind.MESSAGES, (("anthropic-version", "2026-10-21"),), body)
    request = WireRequest("POST", "/v1/messages", (("x-key", CANARY),), body, Bearer())
    failure = Failure(FailureKind.CALLER, 400, "x", "x", envelope=body, detail=CANARY)
    for shown in (call, call.fields, request, Answer(200, (), body), failure):
        assert CANARY not in repr(shown)
