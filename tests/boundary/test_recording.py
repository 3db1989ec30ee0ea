"""What is decided and done is on record before the next step is taken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import pytest

import gateway
from gateway.boundary import boundary as boundary_module
from gateway.config import ConfigError
from gateway.engine import Engine
from gateway.journal import JournalBroken
from tests.boundary.house import BODY, House
from tests.server.serving import serving

REQUIRED = """
[policy]
files = ["policies/house.toml"]
on_violation = "withdraw"
[journal]
dir = "journal"
required = true
"""
PROMPT = "the-secret-of-this-prompt"


def client(house: House) -> gateway.Anthropic:
    return gateway.Anthropic(gateway=Engine.from_config(house.config()), max_retries=0)


def test_a_call_leaves_its_whole_trail(house: House) -> None:
    answer = client(house).messages.with_raw_response.create(**BODY)
    kinds = ("policy", "verdicts", "decision", "started", "finished")
    assert [len(house.records(kind)) for kind in kinds] == [1, 1, 1, 1, 1]
    (decision,), (started,), (finished,) = map(house.records, kinds[2:])
    assert decision["plan"] == ["frankfurt"]
    assert decision["verdicts"] == house.records("verdicts")[0]["id"]
    assert {each["decision"] for each in (decision, started, finished)} == {
        answer.headers["x-gateway-decision"]
    }
    assert finished["request_id"] == answer.headers["request-id"]
    assert (finished["upstream"], finished["state"]) == ("frankfurt", "complete")
    assert finished["usage"]["output_tokens"] == answer.parse().usage.output_tokens
    assert started["model"] == "eu.anthropic.claude-opus-5-5"


def test_a_streamed_answer_is_on_record_with_its_input_before_it_is_read(house: House) -> None:
    slow = {"role": "user", "content": "[[pace_ms:200]] hello"}
    stream = client(house).messages.create(**{**BODY, "messages": [slow]}, stream=True)
    (used,) = house.records("usage")
    assert not house.records("finished")
    assert used["usage"]["input_tokens"] > 0
    assert used["model"] == "claude-opus-5-5"
    first = next(iter(stream))
    assert first.type == "message_start"
    assert used["message_id"] == first.message.id
    stream.close()
    (finished,) = house.records("finished")
    assert (finished["whole"], finished["counted"], finished["stop_reason"]) == (False, False, None)
    assert finished["message_id"] == first.message.id


def test_a_whole_answer_is_counted(house: House) -> None:
    answer = client(house).messages.create(**BODY)
    (finished,) = house.records("finished")
    assert (finished["whole"], finished["counted"]) == (True, True)
    assert (finished["message_id"], finished["stop_reason"]) == (answer.id, "end_turn")
    assert not house.records("usage")


def test_an_answer_that_breaks_before_its_content_leaves_its_input(house: House) -> None:
    house.emulator.faults.add("cut", at=1, times=1)
    ours = gateway.Anthropic(gateway=house.config())
    with ours.messages.stream(**BODY) as stream:
        stream.until_done()
    (failed,) = house.records("failed")
    assert failed["kind"] == "cut"
    assert failed["usage"]["input_tokens"] > 0
    assert failed["message_id"].startswith("msg_")


def test_bedrock_is_told_the_attempts_it_gets(house: House) -> None:
    house.emulator.faults.add("status", status=503, times=1)
    ours = gateway.Anthropic(gateway=house.config())
    ours.messages.create(**BODY)
    with ours.messages.stream(**BODY) as stream:
        stream.until_done()
    ours.messages.count_tokens(model="claude-haiku-4-5", messages=BODY["messages"])
    told = [each.header("x-amzn-bedrock-request-metadata") for each in house.emulator.records]
    begun = [f"{each['decision']}.{each['attempt']}" for each in house.records("started")]
    assert [each.rpartition(".")[2] for each in begun] == ["1", "2", "1", "1"]
    assert told[:3] == [
        json.dumps({"tidegate-attempt": each}, separators=(",", ":")) for each in begun[:3]
    ]
    assert told[3] is None


def test_where_nothing_is_on_record_no_attempt_has_a_name(house: House) -> None:
    house.write(more="[retries]\nbase_s = 0.01\n")
    answer = client(house).messages.with_raw_response.create(
        **BODY, extra_headers={"x-gateway-only": "frankfurt"}
    )
    assert "x-gateway-decision" not in answer.headers
    (record,) = house.emulator.records
    assert record.header("x-amzn-bedrock-request-metadata") is None


def test_who_asks_is_on_record(house: House) -> None:
    said = {
        "x-claude-code-session-id": "5f0c-1",
        "x-claude-code-agent-id": "explore-2",
        "x-claude-code-parent-agent-id": "main",
    }
    client(house).messages.create(**BODY, extra_headers=said)
    tags = {"x-gateway-tag-session": "s 1", "x-gateway-tag-team": "search"}
    client(house).messages.create(**BODY, extra_headers=tags)
    names = ("session", "agent", "parent_agent", "payer")
    first, second = [[each[name] for name in names] for each in house.records("decision")]
    assert first == ["5f0c-1", "explore-2", "main", None]
    assert second == ["(no name)", None, None, None]
    assert {(each["environment"], each["door"]) for each in house.records("decision")} == {
        ("prod", "client")
    }
    assert {each["max_tokens"] for each in house.records("decision")} == {BODY["max_tokens"]}


def test_a_stream_is_finished_when_it_ends_or_is_left(house: House) -> None:
    with client(house).messages.stream(**BODY) as stream:
        stream.until_done()
    slow = {"role": "user", "content": "[[pace_ms:200]] hello"}
    one = client(house).messages.create(**{**BODY, "messages": [slow]}, stream=True)
    next(iter(one))
    one.close()
    first, second = house.records("finished")
    assert (first["state"], second["state"]) == ("complete", "left")
    assert first["usage"]["output_tokens"] > 0


def test_attempts_that_failed_are_there(house: House) -> None:
    house.emulator.faults.add("status", status=503, times=1)
    gateway.Anthropic(gateway=house.config()).messages.create(**BODY)
    (failed,) = house.records("failed")
    assert (failed["upstream"], failed["status"], failed["kind"]) == ("frankfurt", 503, "ill")
    assert [each["attempt"] for each in house.records("started")] == [1, 2]


def test_a_caller_who_leaves_before_an_answer_ends_its_call(house: House) -> None:
    house.emulator.faults.add("stall", times=-1, before_head=True)

    async def leave() -> None:
        async with gateway.AsyncAnthropic(gateway=house.config()) as ours:
            asked = asyncio.create_task(ours.messages.create(**BODY))
            while not house.seen():  # noqa: ASYNC110 - the emulator runs in a thread
                await asyncio.sleep(0.01)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked

    asyncio.run(leave())
    (finished,) = house.records("finished")
    assert finished["state"] == "left"


def test_the_same_verdicts_are_written_once(house: House) -> None:
    ours = client(house)
    for _ in range(3):
        ours.messages.create(**BODY)
    assert len(house.records("verdicts")) == 1
    assert len(house.records("decision")) == 3


def test_another_file_has_its_own_verdicts(house: House) -> None:
    """A file that is read by itself holds what its decisions refer to."""
    ours = client(house)
    ours.messages.create(**BODY)
    for file in house.journal.glob("*.jsonl"):
        file.rename(file.with_suffix(".kept"))
    engine = Engine.from_config(house.config())
    gateway.Anthropic(gateway=engine).messages.create(**BODY)
    engine.audit._journal.close()  # type: ignore[union-attr]
    gateway.Anthropic(gateway=engine).messages.create(**BODY)
    for file in house.journal.glob("*.jsonl"):
        kinds = [json.loads(line)["kind"] for line in file.read_text().splitlines()]
        assert ("verdicts" in kinds) == ("decision" in kinds)


def test_no_content_and_no_secret_is_recorded(house: House) -> None:
    body = {**BODY, "system": PROMPT, "messages": [{"role": "user", "content": PROMPT}]}
    client(house).messages.create(**body, metadata={"user_id": PROMPT})
    house.emulator.faults.add("status", status=400, times=1, message=PROMPT)
    with pytest.raises(anthropic.BadRequestError):
        client(house).messages.create(**body)
    written = json.dumps(house.records())
    assert PROMPT not in written
    assert house.emulator.api_key not in written


def test_what_an_upstream_says_of_itself_is_bounded(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A relay could put the prompt where counts belong."""
    usage: dict[str, Any] = USAGE | {"note": PROMPT * 9, "deep": {"a": {"b": {"c": {"d": PROMPT}}}}}
    usage |= {"iterations": [{"type": "message", "model": "a text, " + PROMPT}]}
    body = json.dumps(ANSWER | {"model": f"claude {PROMPT}", "usage": usage})
    house.emulator.faults.add("status", status=200, times=1, body=body)
    client(house).messages.create(**BODY)
    (finished,) = house.records("finished")
    assert finished["usage"]["output_tokens"] == 1
    assert house.records("violation")
    assert PROMPT not in json.dumps(house.records())
    assert PROMPT not in caplog.text


def test_a_required_journal_that_cannot_be_written_stops_the_start(house: House) -> None:
    house.write(more=REQUIRED)
    house.journal.write_text("a file where the directory should be")
    with pytest.raises(ConfigError, match=r"journal\.dir"):
        Engine.from_config(house.config())


class Full:
    """A journal on a disk that is full from some record on."""

    def __init__(self, journal: Any, good: int) -> None:
        self._journal = journal
        self._good = good

    @property
    def path(self) -> Any:
        return self._journal.path

    def append(self, kind: str, data: Any) -> None:
        self._good -= 1
        if self._good < 0:
            raise JournalBroken("No space left on device")
        self._journal.append(kind, data)


@pytest.mark.parametrize("good", [0, 1, 2])
def test_without_its_record_nothing_is_sent(house: House, good: int) -> None:
    """Verdicts, decision, started: where any of them cannot be written, the call is refused."""
    house.write(more=REQUIRED)
    engine = Engine.from_config(house.config())
    engine.audit._journal = Full(engine.audit._journal, good)  # type: ignore[assignment]
    with pytest.raises(anthropic.InternalServerError, match="journal cannot be written") as caught:
        gateway.Anthropic(gateway=engine, max_retries=0).messages.create(**BODY)
    assert caught.value.status_code == 503
    assert house.seen() == []
    engine.audit._journal = None
    gateway.Anthropic(gateway=engine).messages.create(**BODY)


def test_a_journal_that_is_not_required_is_only_told_of(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine.from_config(house.config())
    engine.audit._journal = Full(engine.audit._journal, 0)  # type: ignore[assignment]
    ours = gateway.Anthropic(gateway=engine)
    ours.messages.create(**BODY)
    ours.messages.create(**BODY)
    told = [record for record in caplog.records if record.name == "gateway.audit"]
    assert len(told) == 1
    assert "No space left" in told[0].getMessage()


ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
}
USAGE = {"input_tokens": 1, "output_tokens": 1}


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ({"model": "claude-haiku-4-5", "usage": USAGE}, "model"),
        ({"model": "claude-opus-5-5", "usage": USAGE | {"inference_geo": "us"}}, "inference_geo"),
        (
            {
                "model": "claude-opus-5-5",
                "usage": USAGE | {"iterations": [{"type": "message", "model": "claude-haiku-4-5"}]},
            },
            "usage.iterations.model",
        ),
    ],
)
def test_an_answer_that_is_not_what_was_planned_is_a_violation(
    house: House, answer: dict[str, Any], what: str
) -> None:
    house.write(more=REQUIRED)
    engine = Engine.from_config(house.config())
    ours = gateway.Anthropic(gateway=engine, max_retries=0)
    body = json.dumps(ANSWER | answer)
    house.emulator.faults.add("status", status=200, times=1, body=body, platform="bedrock")
    ours.messages.create(**BODY)
    (violation,) = house.records("violation")
    assert (violation["upstream"], violation["what"]) == ("frankfurt", what)
    assert engine.violations == 1
    # It is taken out, as configured; nothing else is allowed.
    with pytest.raises(gateway.PolicyDenied, match="taken out"):
        ours.messages.create(**BODY)
    assert len(house.seen()) == 1


def test_without_being_told_to_a_violation_is_only_recorded(house: House) -> None:
    engine = Engine.from_config(house.config())
    ours = gateway.Anthropic(gateway=engine, max_retries=0)
    body = json.dumps(ANSWER | {"model": "claude-haiku-4-5", "usage": USAGE})
    house.emulator.faults.add("status", status=200, times=1, body=body)
    ours.messages.create(**BODY)
    ours.messages.create(**BODY)
    assert len(house.records("violation")) == 1


class TestReadiness:
    """`/readyz` tells an operator, and a load balancer where nothing can be sent."""

    @staticmethod
    def ready(engine: Engine) -> tuple[int, str, list[str]]:
        with serving(engine) as running:
            reply = running.ask("GET", "/readyz")
        return reply.status, reply.json["status"], reply.json["troubles"]

    def test_a_reload_that_failed_is_told_of(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
        monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)
        engine = Engine.from_config(house.config())
        assert self.ready(engine) == (200, "ready", [])
        house.policy.write_text("")
        status, state, troubles = self.ready(engine)
        assert (status, state) == (200, "ready")
        assert "mistakes" in troubles[0]
        assert str(house.where) not in troubles[0]
        assert house.records("reload")[0]["ok"] is False

    @pytest.mark.parametrize(("more", "status"), [(REQUIRED, 503), ("", 200)])
    def test_a_journal_that_is_broken_is_told_of(
        self, house: House, more: str, status: int
    ) -> None:
        house.write(more=more)
        engine = Engine.from_config(house.config())
        engine.audit._journal = Full(engine.audit._journal, 0)  # type: ignore[assignment]
        engine.audit.write("policy", {})
        found = self.ready(engine)
        assert found[0] == status
        assert found[2] == ["the journal cannot be written"]


@pytest.mark.parametrize(
    "extra",
    [
        {"extra_body": {f"a text: {PROMPT}": 1}},
        {"extra_body": {"tools": [{"type": f"a text {PROMPT}", "name": "x"}]}},
        {"extra_body": {"inference_geo": f"a text {PROMPT}"}},
        {"extra_headers": {"anthropic-beta": f"a text {PROMPT}"}},
        {"extra_headers": {"x-gateway-class": f"a text {PROMPT}"}},
        {"extra_body": {"fallbacks": [{"model": f"a text {PROMPT}"}]}},
    ],
)
def test_a_text_that_stands_for_a_name_is_not_recorded(house: House, extra: dict[str, Any]) -> None:
    with pytest.raises(anthropic.APIStatusError):
        client(house).messages.create(**BODY, **extra)
    assert house.seen() == []
    assert PROMPT not in json.dumps(house.records())
