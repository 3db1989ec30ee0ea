"""Faults by name: what a name stands for, which requests it picks, and what it leaves alone."""

from __future__ import annotations

import json
import re
from typing import Any

import anthropic
import pytest

from gateway.emulator import NAMED, Emulator, FaultError, Faults
from gateway.emulator.faults import Asked, Mangle, Moment, as_dict
from gateway.emulator.mangling import STEPS
from gateway.emulator.named_faults import scripted

MODEL = "claude-opus-5-5"


def ask(client: anthropic.Anthropic, text: str = "[[words:40]]", **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return client.messages.create(
        **{"model": MODEL, "max_tokens": 400, "messages": messages, **more}
    )


def added(action: Any, **options: Any) -> Faults:
    faults = Faults()
    faults.add(action, **options)
    return faults


def test_names_are_words_and_rows_are_sentences() -> None:
    assert len(NAMED) > 150
    for name, row in NAMED.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[A-Za-z0-9_.]+)*", name)
        assert row.says.endswith(".")
        assert row.source
        assert row.fault.name == name
        assert set(row.platforms) <= {"anthropic", "bedrock", "vertex", "google-tokens"}


def test_every_change_is_made_and_has_a_name() -> None:
    assert set(STEPS) == set(Mangle)
    assert {step for row in NAMED.values() for step in row.fault.mangle} == set(Mangle)


@pytest.mark.parametrize("name", list(NAMED))
def test_a_named_fault_survives_the_way_through_data(name: str) -> None:
    one = scripted({"name": name, "contains": "|7|"})
    assert scripted(json.loads(json.dumps(as_dict(one)))) == one


def test_an_option_stands_over_what_a_name_means() -> None:
    (one,) = added("retry-after-seconds", headers={"retry-after": "9"}, times=-1).pending()
    assert (one.status, one.headers, one.times) == (429, (("retry-after", "9"),), -1)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "reset-befor-head"}, "did you mean reset-before-head?"),
        ({"name": "xyzzy"}, "no fault is called xyzzy; `NAMED` has all"),
        ({"name": 7}, "no fault is called 7"),
        ({"name": "bad-crc", "platform": "vertex"}, "platform: bad-crc fits bedrock only"),
        ({"name": "cut-in-body", "at": "1"}, "at: should be of type int"),
        ({"action": "mangle", "mangle": ["crumple"]}, "mangle: should be one of"),
        ({"action": "mangle", "mangle": "crlf"}, "mangle: should be a list"),
        ({"action": "drip", "part": "tail"}, "part: should be one of head, body"),
        ({"action": "stall", "moment": "accept"}, "moment: only a cut or a reset"),
        ({"action": "cut", "moment": "later"}, "moment: should be one of accept, "),
    ],
)
def test_a_wrong_row_says_what_is_wrong(row: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=re.escape(words)):
        scripted(row)


def asked(platform: str = "anthropic", *, stream: bool = False, body: bytes = b"") -> Asked:
    return Asked(platform, "/v1/messages", body, streams=lambda: stream)


def test_a_named_fault_strikes_only_what_it_fits() -> None:
    faults = added("crlf-line-ends", times=-1)
    assert faults.take(asked("bedrock", stream=True)) is None
    assert faults.take(asked("vertex", stream=False)) is None
    assert faults.take(asked("vertex", stream=True)) is not None
    whole = added("truncated-json", times=-1)
    assert whole.take(asked(stream=True)) is None
    assert whole.take(asked(stream=False)) is not None


def test_a_fault_strikes_only_the_bodies_that_hold_its_text() -> None:
    faults = added("status-529", contains="|case-1|", times=-1)
    assert faults.take(asked(body=b'{"x":"|case-11|"}')) is None
    assert faults.take(asked(body=b'{"x":"|case-1|"}')) is not None
    assert faults.struck == {"status-529": 1}
    faults.clear()
    assert faults.struck == {}


def test_what_a_fault_asks_for_says_when_it_can_strike() -> None:
    def at(**options: Any) -> Moment:
        return scripted({"name": "accept-close", **options}).strikes_at

    assert at(platform="bedrock", times=3) is Moment.ACCEPT
    assert at(path="/v1") is Moment.REQUEST_HEAD
    assert at(contains="x") is at(model="x") is at(streamed=True) is Moment.ANSWER
    assert scripted({"name": "reset-before-head", "path": "/v1"}).strikes_at is Moment.REQUEST_HEAD
    assert scripted({"name": "reset-after-body"}).strikes_at is Moment.ANSWER


def test_a_fault_of_a_stream_leaves_a_refusal_alone(
    emulator: Emulator, client: anthropic.Anthropic
) -> None:
    for name in ("no-message-stop", "cut-in-tool-input", "truncated-event"):
        emulator.faults.add(name)
        with pytest.raises(anthropic.NotFoundError):
            ask(client, model="claude-unknown", stream=True)
        assert emulator.records[-1].fault == name


def test_the_control_endpoint_takes_names(emulator: Emulator, client: anthropic.Anthropic) -> None:
    url = emulator.bedrock.base_url + "/_emulator/faults"
    script = [{"name": "status-529", "times": 2}, {"name": "html-200", "platform": "vertex"}]
    assert client._client.post(url, json=script).json() == {"pending": 2}
    assert [row["name"] for row in client._client.get(url).json()] == ["status-529", "html-200"]
    with pytest.raises(anthropic.OverloadedError):
        ask(client)
    wrong = client._client.post(url, json={"name": "html-2000"})
    assert (wrong.status_code, "did you mean html-200?" in wrong.text) == (400, True)


def test_the_bare_helper_hands_out_half_a_tools_input(
    emulator: Emulator, client: anthropic.Anthropic
) -> None:
    tool: Any = {
        "name": "tide",
        "input_schema": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("path", "content", "mode")},
            "required": ["path", "content", "mode"],
        },
    }
    question: Any = {
        "model": MODEL,
        "max_tokens": 99,
        "tools": [tool],
        "messages": [{"role": "user", "content": "[[tool]]"}],
    }
    emulator.faults.add("cut-in-tool-input")
    for expected in ({"path", "content"}, {"path", "content", "mode"}):
        with client.messages.stream(**question) as stream:
            (block,) = stream.get_final_message().content
        assert block.type == "tool_use"
        assert set(block.input) == expected
