"""The records of one call, told one by one; what is not said is as usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.ledger.records import START_US, Placed, record

OPUS = "claude-opus-5-5"
USAGE: Mapping[str, Any] = {
    "input_tokens": 1000,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "cache_read_input_tokens": 400,
    "output_tokens": 50,
}
BEGUN: Mapping[str, Any] = {**USAGE, "output_tokens": 1}
EXACT_PICO = 1000 * 4_000_000 + 30 * 5_000_000 + 400 * 200_000 + 50 * 20_000_000
"""What that comes to by `FlatPrices`, where a request may go anywhere."""
DECIDED: Mapping[str, Any] = {
    "call": "messages",
    "class": "customer",
    "key": "web",
    "door": "server",
    "asked_model": "opus",
    "model": OPUS,
    "environment": "prod",
    "tags": {"team": "search", "task": "sum"},
    "bytes": 40_000,
    "stream": True,
    "max_tokens": 1024,
    "session": "session-1",
    "agent": "agent-1",
    "parent_agent": "agent-0",
    "payer": None,
    "plan": ["direct"],
}
STARTED: Mapping[str, Any] = {
    "upstream": "direct",
    "platform": "anthropic",
    "region": None,
    "host": "upstream.invalid",
    "model": OPUS,
    "account": "org-1",
    "scope": "global",
}


class OneCall:
    """Collects records; each method adds one, a second after the one before."""

    def __init__(
        self, decision: str = "dec_1", *, file: str = "journal-1.jsonl", at_s: int = 0
    ) -> None:
        self.records: list[Placed] = []
        self._decision = decision
        self._file = file
        self._at_us = START_US + at_s * 1_000_000

    def decided(self, **said: Any) -> OneCall:
        return self.say("decision", **{**DECIDED, **said})

    def started(self, number: int = 1, /, **said: Any) -> OneCall:
        return self.say("started", attempt=number, **{**STARTED, **said})

    def used(self, number: int = 1, /, **said: Any) -> OneCall:
        usual = {"upstream": "direct", "message_id": "msg_1", "model": OPUS, "usage": BEGUN}
        return self.say("usage", attempt=number, **{**usual, **said})

    def failed(self, number: int = 1, /, **said: Any) -> OneCall:
        usual = {"upstream": "direct", "kind": "ill", "state": "rejected", "status": 503}
        return self.say("failed", attempt=number, **{**usual, **said})

    def withdrawn(self, number: int = 1, /) -> OneCall:
        return self.say("withdrawn", attempt=number, upstream="direct")

    def finished(self, number: int = 1, /, **said: Any) -> OneCall:
        usual = {
            "upstream": "direct",
            "state": "complete",
            "request_id": "req_1",
            "model": OPUS,
            "usage": USAGE,
            "whole": True,
            "counted": True,
            "stop_reason": "end_turn",
            "message_id": "msg_1",
            "platform_request_id": "req_platform",
        }
        return self.say("finished", attempt=number, **{**usual, **said})

    def ended(self, state: str, /, **said: Any) -> OneCall:
        return self.say("finished", state=state, **{"request_id": "req_1", **said})

    def say(self, kind: str, /, **said: Any) -> OneCall:
        at_us = self._at_us + len(self.records) * 1_000_000
        data = {"decision": self._decision, **said}
        self.records.append(Placed(self._file, record(len(self.records), kind, data, at_us)))
        return self
