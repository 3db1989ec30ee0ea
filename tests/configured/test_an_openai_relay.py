"""Claude behind a relay that speaks chat completions: asked, answered, failed over and billed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.boundary.where import where
from gateway.compose import found
from gateway.config import ConfigError, load
from gateway.emulator import Emulator
from gateway.emulator.chat_answers import Habit
from gateway.engine import Engine
from gateway.policy.places import derived
from tests.ledger.bills import folded
from tests.server.serving import BODY

MODEL = BODY["model"]
THERE = f"anthropic/{MODEL}"
TOOL: Any = {
    "name": "tide",
    "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}},
}
KEY = 'api_key = "${RELAY_API_KEY}"\n'
MODELS = f'[upstreams.relay.models]\n{MODEL} = "{THERE}"\n'


def write(directory: Path, emulator: Emulator, more: str = KEY, models: str = MODELS) -> None:
    (directory / "environments").mkdir()
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["relay", "direct"] }}
journal = {{ dir = "journal" }}
[upstreams.direct]
provider = "anthropic"
api_key = "${{RELAY_API_KEY}}"
base_url = "{emulator.direct.base_url}"
[upstreams.relay]
provider = "openai_relay"
base_url = "{emulator.openai_relay.client_url}"
{more}
{models}
""")


def environ(emulator: Emulator) -> dict[str, str]:
    return {"GATEWAY_ENV": "prod", "RELAY_API_KEY": emulator.api_key}


def engine(directory: Path, emulator: Emulator, more: str = KEY, models: str = MODELS) -> Engine:
    write(directory, emulator, more, models)
    return Engine.from_config(found(directory, environ(emulator)))


def asked(emulator: Emulator) -> list[str]:
    return [record.platform for record in emulator.records]


def test_it_answers_as_the_claude_api_does(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        message = client.messages.create(**BODY)
        with client.messages.stream(**BODY) as stream:
            streamed = stream.get_final_message()
    direct = anthropic.Anthropic(
        base_url=emulator.direct.base_url, api_key=emulator.api_key, max_retries=0
    )
    with direct as client:
        there = client.messages.create(**BODY)
    for one in (message, streamed):
        assert [block.to_dict()["text"] for block in one.content] == [there.content[0].text]
        assert one.stop_reason == there.stop_reason
        assert one.usage.input_tokens == there.usage.input_tokens
        assert one.usage.output_tokens == there.usage.output_tokens
        assert one.model == THERE
    assert asked(emulator)[:2] == ["openai_relay", "openai_relay"]
    rows = folded(tmp_path / "journal")
    assert {(row.platform, row.state, row.scope) for row in rows} == {
        ("openai_relay", "final", "global")
    }
    assert all("price book" in (row.unpriced or "") for row in rows)


def test_its_prices_are_the_operators(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(f"""
schema = 1
[[rows]]
upstreams = ["relay"]
model = "{MODEL}"
scope = "global"
input = "3"
output = "7"
cache_read = "1"
cache_write_5m = "4"
effective_from = 2026-01-01
source = "their offer"
""")
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        raw = client.messages.with_raw_response.create(**BODY)
        used = raw.parse().usage
    cost = Decimal(raw.headers["x-gateway-cost-usd"])
    assert cost == Decimal(3 * used.input_tokens + 7 * used.output_tokens) / 10**6


def test_tools_go_there_and_back(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator)
    turn = {"role": "user", "content": "[[tool]]"}
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        first = client.messages.create(**{**BODY, "messages": [turn]}, tools=[TOOL])
        (use,) = (block for block in first.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": use.id, "content": "high"}
        turns: Any = [
            turn,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result, {"type": "text", "text": "and now?"}]},
        ]
        then = client.messages.create(**{**BODY, "messages": turns}, tools=[TOOL])
        with client.messages.stream(**{**BODY, "messages": [turn]}, tools=[TOOL]) as stream:
            again = stream.get_final_message()
    assert first.stop_reason == again.stop_reason == "tool_use"
    assert then.stop_reason == "end_turn"
    assert [block.to_dict() for block in again.content] == [
        each.to_dict() for each in first.content
    ]
    assert asked(emulator) == ["openai_relay"] * 3


@pytest.mark.parametrize(
    "habits",
    [
        [Habit.NULL_USAGE],
        [Habit.USAGE_AT_THE_END],
        [Habit.USAGE_AT_THE_END, Habit.NO_DONE],
        [Habit.COMMENTS],
        [Habit.LEGACY_CACHE],
    ],
)
def test_habits_that_change_nothing(
    emulator: Emulator, tmp_path: Path, habits: list[Habit]
) -> None:
    emulator.openai_relay.habits = habits
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        with client.messages.stream(**BODY) as stream:
            streamed = stream.get_final_message()
        whole = client.messages.create(**BODY)
    assert streamed.usage.to_dict() == whole.usage.to_dict()
    assert streamed.content[0].text == whole.content[0].text  # type: ignore[union-attr]
    assert {row.state for row in folded(tmp_path / "journal")} == {"final"}


@pytest.mark.parametrize("habits", [[Habit.NO_USAGE], [Habit.NO_USAGE, Habit.NO_DONE]])
def test_what_nobody_counted_is_not_zero(
    emulator: Emulator, tmp_path: Path, habits: list[Habit]
) -> None:
    emulator.openai_relay.habits = habits
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        with client.messages.stream(**BODY) as stream:
            message = stream.get_final_message()
        whole = client.messages.create(**BODY)
    for one in (message, whole):
        assert one.usage.input_tokens is None
        assert one.usage.output_tokens is None
        assert one.stop_reason == "end_turn"
    rows = folded(tmp_path / "journal")
    assert len(rows) == 2
    assert all(row.usage in (None, "{}") and row.net_pico is None for row in rows)
    assert {row.state for row in rows} == {"unknown"}


def test_answers_of_one_id_are_each_paid_for(emulator: Emulator, tmp_path: Path) -> None:
    emulator.openai_relay.habits = [Habit.ONE_ID]
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        ids = {client.messages.create(**BODY).id for _ in range(3)}
    assert ids == {"chatcmpl-1"}
    rows = folded(tmp_path / "journal")
    assert [row.duplicate_of for row in rows] == [None] * 3
    assert {row.message_id for row in rows} == ids


def test_calls_without_ids_can_be_answered(emulator: Emulator, tmp_path: Path) -> None:
    emulator.openai_relay.habits = [Habit.NO_CALL_IDS, Habit.ALWAYS_STOP]
    made = engine(tmp_path, emulator)
    turn: Any = {**BODY, "messages": [{"role": "user", "content": "[[tool]]"}], "tools": [TOOL]}
    with (
        gateway.Anthropic(gateway=made, max_retries=0) as client,
        client.messages.stream(**turn) as stream,
    ):
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert message.content[0].id.startswith("toolu_")  # type: ignore[union-attr]


@pytest.mark.parametrize("streamed", [True, False])
def test_an_error_as_a_success_fails_over(
    emulator: Emulator, tmp_path: Path, *, streamed: bool
) -> None:
    emulator.openai_relay.habits = [Habit.ERROR_AS_SUCCESS]
    emulator.faults.add("status", status=503, platforms=("openai_relay",), times=9)
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made) as client:
        if streamed:
            with client.messages.stream(**BODY) as stream:
                assert stream.get_final_message().model == MODEL
        else:
            assert client.messages.create(**BODY).model == MODEL
    assert asked(emulator)[-1] == "anthropic"
    assert "openai_relay" in asked(emulator)


WORDS = {**BODY, "messages": [{"role": "user", "content": "[[words:40]]"}]}


@pytest.mark.parametrize("at", [0, 1])
def test_an_error_before_content_fails_over(emulator: Emulator, tmp_path: Path, at: int) -> None:
    made = engine(tmp_path, emulator)
    emulator.faults.add("error_event", at=at, platforms=("openai_relay",), times=9)
    with gateway.Anthropic(gateway=made) as client, client.messages.stream(**WORDS) as stream:
        assert stream.get_final_message().model == MODEL


@pytest.mark.parametrize("action", ["error_event", "cut", "end", "reset"])
def test_what_breaks_after_content_is_told(emulator: Emulator, tmp_path: Path, action: str) -> None:
    made = engine(tmp_path, emulator)
    emulator.faults.add(action, at=5, platforms=("openai_relay",))
    with (
        gateway.Anthropic(gateway=made) as client,
        client.messages.stream(**WORDS) as stream,
        pytest.raises(anthropic.APIError),
    ):
        stream.get_final_message()
    assert asked(emulator) == ["openai_relay"]


def test_a_break_after_the_last_word_is_no_end(emulator: Emulator, tmp_path: Path) -> None:
    """The reason to end has come, and neither the count nor the end of the transport."""
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        with client.messages.stream(**BODY) as stream:
            stream.until_done()
        emulator.faults.add("reset", at=-2, platforms=("openai_relay",))
        with client.messages.stream(**BODY) as stream, pytest.raises(anthropic.APIError):
            stream.get_final_message()


def test_what_has_no_place_goes_elsewhere(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        client.messages.create(**{**BODY, "max_tokens": 400}, thinking={"type": "adaptive"})
        client.messages.count_tokens(model=MODEL, messages=BODY["messages"])
        only = {"x-gateway-only": "relay"}
        with pytest.raises(anthropic.BadRequestError, match="thinking"):
            client.messages.create(**BODY, thinking={"type": "adaptive"}, extra_headers=only)
        with pytest.raises(anthropic.APIStatusError) as refused:
            client.messages.count_tokens(model=MODEL, messages=BODY["messages"], extra_headers=only)
    assert refused.value.status_code == 501
    assert "openai_relay" not in asked(emulator)


def test_settings_of_the_relay_reach_the_wire(emulator: Emulator, tmp_path: Path) -> None:
    more = KEY + 'cache_markers = true\nmax_tokens_field = "max_tokens"\n'
    made = engine(tmp_path, emulator, more)
    mark = {"type": "ephemeral"}
    part = {"type": "text", "text": "cached " * 3000, "cache_control": mark}
    asking: Any = {**BODY, "messages": [{"role": "user", "content": [part]}]}
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        first = client.messages.create(**asking).usage
        second = client.messages.create(**asking).usage
    assert first.cache_creation_input_tokens
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    (sent, _) = (json.loads(record.body) for record in emulator.records.of("openai_relay"))
    assert sent["messages"][0]["content"][0]["cache_control"] == mark
    assert "max_tokens" in sent
    assert "max_completion_tokens" not in sent


def test_nothing_follows_from_what_it_is(emulator: Emulator, tmp_path: Path) -> None:
    write(tmp_path, emulator)
    config = load(found(tmp_path, environ(emulator)).directory or tmp_path, environ(emulator))
    assert set(derived(where(config.upstreams["relay"]))) == {"platform"}


@pytest.mark.parametrize(
    ("more", "models", "says"),
    [
        ("", MODELS, "api_key"),
        (KEY, "", "'models' is needed"),
        (KEY + 'region = "eu"\n', MODELS, "region"),
        (KEY + 'max_tokens_field = "tokens"\n', MODELS, "max_tokens_field"),
        (KEY, f'[upstreams.relay.models]\n{MODEL} = "claude-haiku-4-5"\n', "would be asked of"),
        (KEY, f'{MODELS}"anthropic/{MODEL}" = "other"\n', "are one model: keep one"),
        (KEY, f'{MODELS}"claude-haiku-5-5" = "{THERE}"\n', "cannot be both"),
    ],
)
def test_a_mistake_is_named(
    emulator: Emulator, tmp_path: Path, more: str, models: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        engine(tmp_path, emulator, more, models)


def test_its_address_is_needed(emulator: Emulator, tmp_path: Path) -> None:
    write(tmp_path, emulator)
    file = tmp_path / "gateway.toml"
    text = file.read_text().replace(f'base_url = "{emulator.openai_relay.client_url}"\n', "")
    file.write_text(text)
    with pytest.raises(ConfigError, match="'base_url' is needed"):
        Engine.from_config(found(tmp_path, environ(emulator)))
