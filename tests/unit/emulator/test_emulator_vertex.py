from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AnthropicVertex, AsyncAnthropicVertex
from anthropic.types import MessageParam
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request as GoogleRequest
from google.oauth2 import service_account

from gateway.emulator import Emulator
from gateway.emulator.google_tokens import SCOPE
from gateway.emulator.vertex import Vertex

MODEL = "claude-opus-5-5"
OLD = "claude-haiku-4-5@20251001"
TOOL: dict[str, Any] = {
    "name": "tide",
    "input_schema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}},
        "required": ["harbour"],
    },
}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    running.vertex.project = running.vertex.location = None
    return running


@pytest.fixture
def vertex(emulator: Emulator) -> Vertex:
    return emulator.vertex


def options(vertex: Vertex, **changed: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "region": "europe-west1",
        "project_id": vertex.account.project,
        "base_url": f"{vertex.base_url}/v1",
        "max_retries": 0,
    }
    return defaults | changed


def sdk(emulator: Emulator, **changed: Any) -> AnthropicVertex:
    return AnthropicVertex(
        **options(emulator.vertex, **({"access_token": emulator.api_key} | changed))
    )


def account_credentials(vertex: Vertex, folder: Path) -> Any:
    path = vertex.write_service_account(folder / "account.json")
    return service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        str(path), scopes=[SCOPE]
    )


def ask(client: AnthropicVertex, prompt: str = "Hello", **more: Any) -> Any:
    given: dict[str, Any] = {"model": MODEL, "max_tokens": 500} | more
    messages: list[MessageParam] = [{"role": "user", "content": prompt}]
    return client.messages.create(messages=messages, **given)


def body(**more: Any) -> dict[str, Any]:
    return {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 500,
        "messages": [{"role": "user", "content": "Hello"}],
        **more,
    }


def post(
    emulator: Emulator, what: str, sent: dict[str, Any], **headers: str
) -> tuple[int, Any, httpx2.Response]:
    path = f"/v1/projects/p/locations/global/publishers/anthropic/models/{what}"
    auth = {"authorization": f"Bearer {emulator.api_key}"} | headers
    answer = httpx2.post(emulator.vertex.base_url + path, json=sent, headers=auth)
    return answer.status_code, answer.json(), answer


def test_the_sdk_gets_a_message_without_geography(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        message = ask(client, "[[say:Hamina]]")
    assert message.content[0].text == "Hamina"
    assert message.model == "claude-opus-5-5"
    assert message.id.startswith("msg_vrtx_")
    assert message.usage.inference_geo is None
    assert message.usage.output_tokens > 0


def test_the_sdk_streams_the_same_words(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        whole = ask(client, "[[words:40]]")
        words: list[MessageParam] = [{"role": "user", "content": "[[words:40]]"}]
        given: dict[str, Any] = {"model": MODEL, "max_tokens": 500}
        with client.messages.stream(messages=words, **given) as stream:
            assert "".join(stream.text_stream) == whole.content[0].text
            assert stream.get_final_message().usage.output_tokens == whole.usage.output_tokens
    assert emulator.records[-1].path.endswith(f"/models/{MODEL}:streamRawPredict")


def test_the_sdk_gets_a_tool_call_whole_and_streamed(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        choice = {"type": "any"}
        whole = ask(client, tools=[TOOL], tool_choice=choice)
        events = list(ask(client, tools=[TOOL], tool_choice=choice, stream=True))
    assert whole.stop_reason == "tool_use"
    parts = [e.delta.partial_json for e in events if e.type == "content_block_delta"]
    assert json.loads("".join(parts)) == whole.content[0].input


def test_the_sdk_counts(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        counted = client.messages.count_tokens(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}]
        )
        assert counted.input_tokens == ask(client).usage.input_tokens > 0


def test_the_async_sdk_and_dated_models(emulator: Emulator) -> None:
    async def run() -> Any:
        given = options(emulator.vertex, access_token=emulator.api_key)
        async with AsyncAnthropicVertex(**given) as client:
            return await client.messages.create(
                model=OLD, max_tokens=50, messages=[{"role": "user", "content": "Hello"}]
            )

    assert asyncio.run(run()).model == "claude-haiku-4-5-20251001"


def test_a_service_account_gets_in(emulator: Emulator, tmp_path: Path) -> None:
    credentials = account_credentials(emulator.vertex, tmp_path)
    with AnthropicVertex(**options(emulator.vertex, credentials=credentials)) as client:
        assert ask(client).stop_reason == "end_turn"
        assert ask(client).stop_reason == "end_turn"
    assert [record.platform for record in emulator.records] == ["google-tokens", "vertex", "vertex"]
    assert (tmp_path / "account.json").stat().st_mode & 0o077 == 0


def test_tokens_expire_by_the_emulators_clock(tmp_path: Path) -> None:
    ahead_s = [0.0]
    with Emulator(clock_s=lambda: time.time() + ahead_s[0]) as emulator:
        credentials = account_credentials(emulator.vertex, tmp_path)
        with AnthropicVertex(**options(emulator.vertex, credentials=credentials)) as client:
            ask(client)
            ahead_s[0] = 3601.0
            with pytest.raises(anthropic.AuthenticationError):
                ask(client)


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer ya29.9.f"}, {"x-api-key": "x"}])
def test_a_wrong_or_missing_token_is_refused(emulator: Emulator, header: dict[str, str]) -> None:
    path = f"/v1/projects/p/locations/global/publishers/anthropic/models/{MODEL}:rawPredict"
    answer = httpx2.post(emulator.vertex.base_url + path, json=body(), headers=header)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
    assert "OAuth 2 access token" in error["message"]


def test_an_endpoint_can_be_pinned_to_a_project_and_a_location(emulator: Emulator) -> None:
    emulator.vertex.project = "mine"
    with sdk(emulator, project_id="mine") as client:
        ask(client)
    with sdk(emulator) as client, pytest.raises(anthropic.PermissionDeniedError, match="denied"):
        ask(client)
    emulator.vertex.project, emulator.vertex.location = None, "eu"
    with sdk(emulator, region="eu") as client:
        ask(client)
    with sdk(emulator) as client, pytest.raises(anthropic.BadRequestError, match="europe-west1"):
        ask(client)


REFUSED = [
    ({"model": MODEL}, "model: Extra inputs are not permitted"),
    ({"inference_geo": "us"}, "inference_geo: Extra inputs are not permitted"),
    ({"service_tier": "auto"}, "service_tier: Extra inputs are not permitted"),
    ({"anthropic_version": None}, "anthropic_version: Field required"),
    ({"anthropic_version": "2023-06-01"}, "anthropic_version: Input should be 'vertex-2023"),
    ({"anthropic_beta": ["files-api-2025-04-14"]}, "Unexpected value(s) `files-api-2025-04-14`"),
    ({"anthropic_beta": ["compact-2026-09-04"]}, "Unexpected value(s) `compact-2026-09-04`"),
    ({"anthropic_beta": [[]]}, "Unexpected value(s)"),
    ({"anthropic_beta": "x"}, "anthropic_beta: Input should be a valid list"),
    ({"context_management": {"edits": []}}, "context_management: Extra inputs"),
    ({"tools": [{"type": "web_fetch_20250910", "name": "f"}]}, "tools.0: Input tag 'web_fetch"),
    ({"temperature": 0.5}, "`temperature` is deprecated for this model."),
    ({"messages": "x"}, "messages: Input should be a valid list"),
]


@pytest.mark.parametrize(("more", "words"), REFUSED)
def test_what_vertex_does_not_take(emulator: Emulator, more: dict[str, Any], words: str) -> None:
    for what in (f"{MODEL}:rawPredict", f"{MODEL}:streamRawPredict"):
        status, answer, _ = post(emulator, what, body(**more))
        error = answer[0]["error"] if what.endswith("streamRawPredict") else answer["error"]
        assert (status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert error["message"].startswith(words)


def test_headers_that_vertex_does_and_does_not_take(emulator: Emulator) -> None:
    what = f"{MODEL}:rawPredict"
    status, answer, _ = post(emulator, what, body(), **{"anthropic-version": "2023-06-01"})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert post(emulator, what, body(), **{"anthropic-beta": "made-up-2026-01-01"})[0] == 400
    beta = {"anthropic-beta": "compact-2026-09-04,context-1m-2025-08-07"}
    assert post(emulator, what, body(context_management={"edits": []}), **beta)[0] == 200


def test_a_stream_is_asked_for_in_path_and_body(emulator: Emulator) -> None:
    assert post(emulator, f"{MODEL}:rawPredict", body(stream=True))[0] == 400
    _, _, whole = post(emulator, f"{MODEL}:streamRawPredict", body())
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()["type"] == "message"


def test_counts_want_a_model_in_the_body(emulator: Emulator) -> None:
    sent = body(model=OLD)
    del sent["max_tokens"]
    assert post(emulator, "count-tokens:rawPredict", sent)[0] == 200
    assert post(emulator, "count-tokens:streamRawPredict", sent)[0] == 400
    assert post(emulator, "count-tokens:rawPredict", {**sent, "max_tokens": 1})[0] == 400
    del sent["model"]
    status, answer, _ = post(emulator, "count-tokens:rawPredict", sent)
    assert (status, answer["error"]["message"]) == (400, "model: Field required")


def test_unknown_models_and_paths(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        with pytest.raises(anthropic.NotFoundError, match="Publisher Model") as caught:
            ask(client, model="claude-nine")
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["error"]["status"] == "NOT_FOUND"
        for name in ("claude-haiku-4-5", f"{OLD}@default"):
            with pytest.raises(anthropic.NotFoundError):
                ask(client, model=name)
        assert ask(client, model=f"{MODEL}@default").model == MODEL
    for path in ("/v1/nothing", "/token/x"):
        answer = httpx2.post(
            emulator.vertex.base_url + path,
            headers={"authorization": f"Bearer {emulator.api_key}"},
        )
        assert answer.json()["error"]["status"] == "NOT_FOUND"


# Faults.


@pytest.mark.parametrize(
    ("script", "status", "named"),
    [
        ({"status": 429}, 429, "RESOURCE_EXHAUSTED"),
        ({"status": 503}, 503, "UNAVAILABLE"),
        ({"status": 504}, 504, "DEADLINE_EXCEEDED"),
        ({"status": 529}, 529, "UNAVAILABLE"),
        ({"status": 400, "type": "FAILED_PRECONDITION"}, 400, "FAILED_PRECONDITION"),
        ({"status": 418}, 418, "UNKNOWN"),
    ],
)
def test_a_scripted_status_is_an_object_or_an_array(
    emulator: Emulator, script: dict[str, Any], status: int, named: str
) -> None:
    emulator.faults.add({"action": "status", "times": 2, **script})
    got, answer, _ = post(emulator, f"{MODEL}:rawPredict", body())
    assert (got, answer["error"]["code"], answer["error"]["status"]) == (status, status, named)
    got, answer, _ = post(emulator, f"{MODEL}:streamRawPredict", body(stream=True))
    assert isinstance(answer, list)
    assert (got, answer[0]["error"]["status"]) == (status, named)


def test_a_scripted_body_is_sent_as_it_is(emulator: Emulator) -> None:
    emulator.faults.add("status", status=503, body='{"raw":1}')
    assert post(emulator, f"{MODEL}:streamRawPredict", body())[1] == {"raw": 1}


def test_an_error_event_and_a_cut(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        emulator.faults.add("error_event", status=529, at=3)
        seen = []
        with pytest.raises(anthropic.APIStatusError) as caught:
            seen.extend(ask(client, stream=True))
        assert "overloaded_error" in str(caught.value.body)
        assert len(seen) == 2  # The third is a ping, which the SDK drops.
        emulator.faults.add("cut", at=3, platform="vertex", model=MODEL)
        with pytest.raises(httpx2.RemoteProtocolError):
            list(ask(client, stream=True))
    assert emulator.records[-1].outcome == "cut"


def test_only_a_fault_that_names_the_token_endpoint_strikes_it(
    emulator: Emulator, tmp_path: Path
) -> None:
    credentials = account_credentials(emulator.vertex, tmp_path)
    emulator.faults.add("status", status=503)
    emulator.faults.add("status", status=400, type="invalid_grant", platform="google-tokens")
    with pytest.raises(RefreshError, match="invalid_grant"):
        credentials.refresh(GoogleRequest())
    credentials.refresh(GoogleRequest())
    with AnthropicVertex(**options(emulator.vertex, credentials=credentials)) as client:
        with pytest.raises(anthropic.InternalServerError):
            ask(client)
        ask(client)


def test_the_token_endpoint_can_hang(emulator: Emulator) -> None:
    emulator.faults.add("stall", before_head=True, path="/token")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(emulator.vertex.token_uri, content=b"x", timeout=0.1)
    assert httpx2.post(emulator.vertex.token_uri, content=b"x").status_code == 400
    assert httpx2.get(emulator.vertex.token_uri).status_code == 405
