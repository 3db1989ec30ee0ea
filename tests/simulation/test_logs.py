from __future__ import annotations

import json

import pytest

from tests.simulation.callers import ask, engine
from tests.simulation.streams import whole
from tests.simulation.virtual import JSON, Script, VirtualWire


def failing(status: int, error_type: str, message: str) -> Script:
    body = {"type": "error", "error": {"type": error_type, "message": message}}
    return Script(status=status, headers=JSON, chunks=((0.0, json.dumps(body).encode()),))


GOOD = Script(chunks=tuple((0.0, each) for each in whole("two")))


def test_each_failed_attempt_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    scripts = {"one": [failing(529, "overloaded_error", "busy")], "two": [GOOD]}
    ask(engine("one", "two"), VirtualWire(scripts))
    assert [record.getMessage().partition(" failed")[0] for record in caplog.records] == [
        "attempt 1 at one for claude-opus-5-5",
        "attempt 2 at one for claude-opus-5-5",
    ]
    assert "ill, status 529, request req_up" in caplog.records[0].getMessage()


def test_a_line_never_quotes_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    quoted = failing(400, "invalid_request_error", "messages.0: canary is too long")
    ask(engine("one"), VirtualWire({"one": [quoted]}))
    assert "invalid_request_error" in caplog.text
    assert "canary" not in caplog.text


def test_a_refused_credential_is_an_alarm_and_an_ill_upstream_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = failing(401, "authentication_error", "no")
    ask(engine("one", "two"), VirtualWire({"one": [refused], "two": [GOOD]}))
    ask(engine("one", "two"), VirtualWire({"one": [failing(529, "x", "no")], "two": [GOOD]}))
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "WARNING", "WARNING"]
