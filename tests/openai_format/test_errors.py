"""Errors, as OpenAI's SDK meets them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from gateway.emulator import Emulator
from gateway.formats.openai.table import TABLE
from tests.server.serving import Running, Scripted, engine_over, serving

MODEL = "claude-opus-5-5"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
ASK: dict[str, Any] = {"model": MODEL, "messages": HELLO}
Expected = tuple[int, type[openai.APIStatusError], str, str | None]
CLASSES: list[Expected] = [
    (400, openai.BadRequestError, "invalid_request_error", None),
    (404, openai.NotFoundError, "invalid_request_error", "not_found"),
    (409, openai.ConflictError, "invalid_request_error", "conflict"),
    (413, openai.APIStatusError, "invalid_request_error", "request_too_large"),
    (429, openai.RateLimitError, "rate_limit_error", "rate_limit_exceeded"),
    (500, openai.InternalServerError, "server_error", None),
    (504, openai.InternalServerError, "server_error", "timeout"),
    (529, openai.InternalServerError, "server_error", "overloaded"),
]


@pytest.mark.parametrize("expected", CLASSES, ids=str)
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstreams_error(
    client: openai.OpenAI, emulator: Emulator, expected: Expected, stream: bool
) -> None:
    status, kind, type_, code = expected
    emulator.faults.add("status", status=status, times=-1, headers={"retry-after": "0"})
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**ASK, stream=stream)
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.type, error.code) == (status, type_, code)
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert error.request_id
    assert error.request_id == error.response.headers["request-id"]


def test_every_error_that_is_told_has_a_name_here() -> None:
    from gateway import errors  # noqa: PLC0415
    from gateway.server import refusals  # noqa: PLC0415

    kinds = [
        each
        for module in (errors, refusals)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, errors.Refused)
    ]
    assert {kind.type for kind in kinds} <= TABLE.errors.types.keys()


def test_the_sdk_does_not_repeat_what_the_gateway_has_repeated(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=500, times=-1)
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=5) as sdk,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        sdk.chat.completions.create(**ASK)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


def test_a_field_that_cannot_be_told_is_named(client: openai.OpenAI, emulator: Emulator) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ASK, seed=7)
    assert (caught.value.param, caught.value.type) == ("seed", "invalid_request_error")
    odd: list[Any] = [{"role": "user", "content": "x", "name": "ann"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=odd)
    assert caught.value.param == "messages[0].name"
    assert not emulator.records


def test_an_upstreams_own_words_name_only_what_stands_in_the_callers_request(
    client: openai.OpenAI,
) -> None:
    first: list[Any] = [{"role": "assistant", "content": "x"}, *HELLO]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=first)
    assert caught.value.param == "messages"
    assert "first message" in caught.value.message
    deep: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "x"}] * 2}]
    for part in deep[0]["content"]:
        part["cache_control"] = {"type": "persistent"}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=deep)
    assert caught.value.param is None


def test_a_prompt_that_is_too_long_has_the_code_that_clients_look_for(
    client: openai.OpenAI, emulator: Emulator
) -> None:
    words = "prompt is too long: 200001 tokens > 200000 maximum"
    emulator.faults.add("status", status=400, message=words)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ASK)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_a_model_that_nobody_knows(client: openai.OpenAI) -> None:
    for ask in (
        lambda: client.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=5),
        lambda: client.models.retrieve("gpt-4o"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_keys_are_asked_for_in_this_formats_words(emulator: Emulator) -> None:
    with serving(engine_over(emulator), keys=("sk-good",)) as gateway:
        bad = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-bad", max_retries=0)
        for ask in (lambda: bad.chat.completions.create(**ASK), bad.models.list):
            with pytest.raises(openai.AuthenticationError) as caught:
                ask()
            assert caught.value.code == "invalid_api_key"
            assert "sk-bad" not in caught.value.message
        good = bad.with_options(api_key="sk-good")
        assert good.chat.completions.create(**ASK).choices
        assert good.models.list().data


@pytest.mark.parametrize(
    ("asked", "status", "code", "words"),
    [
        ("POST /v1/responses", 501, "not_supported", "Use /v1/chat/completions"),
        ("GET /v1/responses/resp_1", 501, "not_supported", "Use /v1/chat/completions"),
        ("POST /v1/embeddings", 501, "not_supported", "Claude has no embeddings."),
        ("POST /v1/completions", 501, "not_supported", "Use /v1/chat/completions."),
        ("GET /v1/chat/completions/c1", 501, "not_supported", "Nothing is stored here"),
        ("GET /v1/chat/completions", 405, "method_not_supported", "it takes POST"),
        ("POST /chat/completions", 404, "not_found", "End base_url in /v1."),
        ("GET /models", 404, "not_found", "End base_url in /v1."),
    ],
)
def test_paths_that_nobody_serves(
    gateway: Running, asked: str, status: int, code: str, words: str
) -> None:
    method, path = asked.split()
    reply = gateway.ask(method, path, b"{}" if method == "POST" else None, {})
    assert (reply.status, reply.json["error"]["code"]) == (status, code)
    assert words in reply.json["error"]["message"]
    assert reply.headers["x-request-id"] == reply.headers["request-id"]


def test_what_is_no_json_and_a_mistake_of_ours(gateway: Running) -> None:
    reply = gateway.ask("POST", "/v1/chat/completions", b"{", {})
    assert (reply.status, reply.json["error"]["param"]) == (400, None)

    def fail(_call: object) -> None:
        raise ZeroDivisionError

    with serving(Scripted(fail)) as broken:
        reply = broken.ask("POST", "/v1/chat/completions", json.dumps(ASK).encode(), {})
    assert (reply.status, reply.json["error"]["type"]) == (500, "server_error")


@pytest.mark.parametrize("cut", ["cut", "error_event"])
def test_a_stream_that_breaks_raises_and_is_never_done(
    client: openai.OpenAI, emulator: Emulator, cut: str
) -> None:
    emulator.faults.add(cut, at=6)
    got: list[Any] = []
    stream = client.chat.completions.create(**ASK, stream=True)
    with pytest.raises(openai.APIError) as caught:
        got.extend(stream)
    assert not isinstance(caught.value, openai.APIConnectionError)
    assert caught.value.type == "server_error"
    assert got
    assert all(chunk.choices[0].finish_reason is None for chunk in got)
