"""What a program sees when upstreams fail, before an answer and within one."""

from __future__ import annotations

import asyncio
import copy
import pickle
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import RetryableError

import gateway
from gateway.emulator import Emulator
from tests.clients.scenes import ASK, MODEL
from tests.clients.waiting import until

SECRET = "the-prompt-nobody-may-see"
PRIVATE: dict[str, Any] = {**ASK, "messages": [{"role": "user", "content": SECRET}]}


@pytest.fixture
def client(directory: Path) -> Any:
    with gateway.Anthropic(gateway=directory) as made:
        yield made


def _caught(client: anthropic.Anthropic, **options: Any) -> gateway.NoUpstreamAvailable:
    with pytest.raises(gateway.NoUpstreamAvailable) as caught:
        client.messages.create(**{**PRIVATE, **options})
    return caught.value


def test_every_attempt_is_told(client: gateway.Anthropic, emulator: Emulator) -> None:
    emulator.faults.add("status", status=529, platform="anthropic", times=-1)
    emulator.faults.add("status", status=429, platform="bedrock", times=-1)
    error = _caught(client)
    assert [(each.number, each.upstream, each.status) for each in error.attempts] == [
        (number, record.platform.replace("anthropic", "direct").replace("bedrock", "cloud"), status)
        for number, (record, status) in enumerate(
            ((record, record.status) for record in emulator.records), 1
        )
    ]
    assert {each.upstream for each in error.attempts} == {"direct", "cloud"}
    assert isinstance(error, anthropic.RateLimitError)
    assert "direct 529" in str(error)


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_max_retries_caps_the_attempts(
    retries: int, client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=500, times=-1)
    error = _caught(client.with_options(max_retries=retries))
    assert len(error.attempts) == len(emulator.records) == retries + 1
    assert error.response.headers["x-should-retry"] == "false"


def test_the_configuration_caps_the_attempts_too(
    client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=500, times=-1)
    _caught(client.with_options(max_retries=50))
    assert len(emulator.records) == 4  # Two an upstream.


@pytest.mark.parametrize("action", ["status", "reset"])
def test_another_upstream_takes_over(
    action: str, client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add(action, platform="anthropic", times=-1, before_head=True)
    raw = client.messages.with_raw_response.create(**ASK)
    assert raw.headers["x-gateway-upstream"] == "cloud"
    assert raw.parse().content


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_callers_own_mistake_is_told_once(
    status: int, client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=status, times=-1)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASK)
    assert not isinstance(caught.value, gateway.NoUpstreamAvailable)
    assert caught.value.status_code == status
    assert len(emulator.records) == 1


def test_a_silence_that_is_too_long_is_a_timeout(
    client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("stall", times=-1, before_head=True)
    error = _caught(client.with_options(timeout=0.05, max_retries=0))
    assert isinstance(error, anthropic.APITimeoutError)
    assert error.status_code == 504


def test_a_connection_that_cannot_be_made_is_a_connection_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    with gateway.Anthropic(base_url="http://127.0.0.1:1", max_retries=0) as client:
        error = _caught(client)
    classes = type(error).__mro__
    assert anthropic.APIConnectionError in classes
    assert anthropic.APITimeoutError not in classes
    assert error.__cause__ is None
    assert [each.kind for each in error.attempts] == ["not_sent"]


FAILURES: list[dict[str, Any]] = [
    {"action": "status", "status": 529},
    {"action": "status", "status": 401},
    {"action": "reset", "before_head": True},
]


@pytest.mark.parametrize("fault", FAILURES, ids=str)
def test_an_error_pickles_without_key_or_prompt(fault: dict[str, Any], no_file: Emulator) -> None:
    no_file.faults.add({**fault, "times": -1})
    with gateway.Anthropic(max_retries=0) as client:
        error = _caught(client)
    pickled = pickle.dumps(error)
    assert SECRET.encode() not in pickled
    assert no_file.api_key.encode() not in pickled
    assert SECRET not in repr(vars(error))
    for twin in (pickle.loads(pickled), copy.deepcopy(error)):  # noqa: S301 - made above
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.attempts == error.attempts
        assert twin.response.content == error.response.content
        assert (twin.request_id, twin.type) == (error.request_id, error.type)
    assert SECRET.encode() not in error.request.content
    assert "authorization" not in error.request.headers


def test_a_class_that_no_policy_keeps_is_denied(
    client: gateway.Anthropic, emulator: Emulator
) -> None:
    with gateway.labels(data_class="phi"), pytest.raises(gateway.PolicyDenied) as caught:
        client.messages.create(**PRIVATE)
    assert isinstance(caught.value, anthropic.PermissionDeniedError)
    assert "policy" in str(caught.value)
    assert not list(emulator.records)
    assert type(pickle.loads(pickle.dumps(caught.value))) is gateway.PolicyDenied  # noqa: S301


def test_an_unknown_model_is_not_found(client: gateway.Anthropic, emulator: Emulator) -> None:
    with pytest.raises(anthropic.NotFoundError, match="claude-opus-5-5"):
        client.messages.create(**{**ASK, "model": "claude-opus-5-55"})
    assert not list(emulator.records)


def test_a_path_nobody_serves_is_named_and_sent_nowhere(
    client: gateway.Anthropic, emulator: Emulator
) -> None:
    with pytest.raises(anthropic.HTTPNotImplementedError, match="/v1/agents") as caught:
        client.beta.agents.list()
    assert str(caught.value.type) == "not_supported"
    with pytest.raises(anthropic.HTTPNotImplementedError, match="/v1/vaults"):
        client.beta.vaults.list()
    with pytest.raises(anthropic.HTTPNotImplementedError):
        client.get("https://elsewhere.example/v1/anything", cast_to=object)
    assert not list(emulator.records)


IN_STREAM = [
    ({"action": "error_event", "status": 529}, anthropic.OverloadedError, "overloaded_error"),
    ({"action": "error_event", "status": 429}, anthropic.RateLimitError, "rate_limit_error"),
    ({"action": "cut"}, anthropic.InternalServerError, "api_error"),
    ({"action": "end"}, anthropic.InternalServerError, "api_error"),
    ({"action": "stall"}, anthropic.GatewayTimeoutError, "timeout_error"),
]


@pytest.mark.parametrize(("fault", "kind", "name"), IN_STREAM)
def test_a_stream_that_breaks_raises_the_right_class(
    fault: dict[str, Any], kind: type[anthropic.APIStatusError], name: str, no_file: Emulator
) -> None:
    got: list[str] = []
    no_file.faults.add({**fault, "at": 5})
    with gateway.Anthropic(timeout=0.2 if name == "timeout_error" else 10.0) as client:
        with client.messages.stream(**ASK) as stream, pytest.raises(kind) as caught:
            got.extend(stream.text_stream)
        assert caught.value.type == name
        assert caught.value.request_id == stream.request_id
        assert got
        no_file.faults.add({**fault, "at": 5})
        with client.messages.stream(**ASK) as stream, pytest.raises(kind):
            stream.get_final_message()


def test_a_stream_of_the_asyncio_client_that_breaks(no_file: Emulator) -> None:
    async def run() -> None:
        no_file.faults.add("error_event", at=5, status=529)
        async with (
            gateway.AsyncAnthropic() as client,
            client.messages.stream(**ASK) as stream,
        ):
            await stream.get_final_message()

    with pytest.raises(anthropic.OverloadedError):
        asyncio.run(run())


def test_the_events_before_a_break_are_all_handed_over(no_file: Emulator) -> None:
    with gateway.Anthropic() as client:
        whole = [event.type for event in client.messages.create(**ASK, stream=True)]
        no_file.faults.add("error_event", at=5, status=529)
        got: list[str] = []
        with pytest.raises(anthropic.OverloadedError):
            got.extend(event.type for event in client.messages.create(**ASK, stream=True))
    assert got == [name for name in whole if name != "ping"][: len(got)]
    assert len(got) == 4  # Five events came, and a ping is none of the SDK's.


def test_a_middleware_may_still_ask_for_another_try(no_file: Emulator) -> None:
    tries: list[int] = []

    def once_more(request: Any, call_next: Any) -> Any:
        tries.append(request.retries_taken)
        if len(tries) == 1:
            raise RetryableError("once more")
        return call_next(request)

    with gateway.Anthropic(middleware=[once_more]) as client:
        assert client.messages.create(**ASK).content
    assert tries == [0, 1]
    assert len(no_file.records) == 1


def test_a_fault_of_the_gateway_itself_is_not_tried_again(
    client: gateway.Anthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def plan(*_: object) -> None:
        calls.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.engine.Engine.plan", plan)
    with pytest.raises(anthropic.APIError, match="ZeroDivisionError") as caught:
        client.messages.create(**PRIVATE)
    assert calls == [1]
    assert not isinstance(caught.value, anthropic.APIConnectionError)
    assert SECRET.encode() not in pickle.dumps(caught.value)


def test_a_rejected_key_is_the_callers_own_without_a_file(no_file: Emulator) -> None:
    with gateway.Anthropic(api_key="wrong") as client:
        error = _caught(client)
    assert isinstance(error, anthropic.AuthenticationError)


def test_a_rejected_key_is_the_operators_with_one(
    client: gateway.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=401, times=-1)
    error = _caught(client)
    assert not isinstance(error, anthropic.AuthenticationError)
    assert error.status_code == 502


def test_token_counts_fail_in_the_same_way(no_file: Emulator) -> None:
    no_file.faults.add("status", status=529, times=-1)
    with gateway.Anthropic(max_retries=0) as client, pytest.raises(anthropic.OverloadedError):
        client.messages.count_tokens(model=MODEL, messages=ASK["messages"])


def test_no_error_asks_for_another_try(client: gateway.Anthropic, emulator: Emulator) -> None:
    emulator.faults.add("status", status=400, headers=[["x-should-retry", "true"]])
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**ASK)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 1


def test_a_broken_stream_lets_the_upstream_go_at_once(no_file: Emulator) -> None:
    no_file.faults.add("stall", at=5)
    with (
        gateway.Anthropic(timeout=0.1) as client,
        client.messages.with_streaming_response.create(**ASK, stream=True) as response,
    ):
        with pytest.raises(anthropic.GatewayTimeoutError):
            list(response.iter_lines())
        until(lambda: no_file.records[-1].left)
