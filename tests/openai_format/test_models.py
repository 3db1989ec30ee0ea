"""`GET /v1/models`, for both kinds of SDK and for those that say nothing of themselves."""

from __future__ import annotations

from dataclasses import replace

import anthropic
import openai
from openai.types import Model

from gateway.emulator import Emulator
from tests.server.serving import Running, Scripted, engine_over, serving


def test_openais_sdk_lists_and_retrieves_them(client: openai.OpenAI, gateway: Running) -> None:
    listed = client.models.list()
    assert listed.object == "list"
    ids = [model.id for model in listed]
    assert ids == [each["id"] for each in gateway.ask("GET", "/v1/models?limit=1000").json["data"]]
    assert "claude-opus-5-5" in ids
    for model in listed.data:
        Model.model_validate(model.model_dump(), strict=True)
        assert (model.object, model.owned_by) == ("model", "anthropic")
    dated = client.models.retrieve("claude-haiku-4-5")
    assert dated.created == 1_759_276_800
    assert client.models.retrieve("claude-sonnet-4-5").shutdown_date == "2026-11-30"


def test_anthropics_sdk_gets_its_own_shape(gateway: Running) -> None:
    sdk = anthropic.Anthropic(base_url=gateway.url, api_key="any")
    raw = sdk.models.with_raw_response.list()
    assert "object" not in raw.http_response.json()
    assert "owned_by" not in raw.http_response.json()["data"][0]


def test_who_says_nothing_gets_a_list_that_both_can_read(gateway: Running) -> None:
    told = gateway.ask("GET", "/v1/models", headers={}).json
    anthropic.types.ModelInfo.model_validate(told["data"][0])
    Model.model_validate(told["data"][0])
    assert (told["object"], told["has_more"]) == ("list", False)
    paged = gateway.ask("GET", "/v1/models?limit=2", headers={}).json
    assert (len(paged["data"]), paged["has_more"]) == (2, True)
    error = gateway.ask("GET", "/v1/models/none", headers={}).json
    assert error["error"]["type"] == "not_found_error"


def test_a_version_of_the_messages_api_says_more_than_a_user_agent(gateway: Running) -> None:
    both = {"user-agent": "OpenAI/Python 3.54.0", "anthropic-version": "2026-10-21"}
    assert gateway.ask("GET", "/v1/models/none", headers=both).error[0] == 404


def test_openais_sdk_gets_all_of_a_long_list(emulator: Emulator) -> None:
    (upstream,) = engine_over(emulator).upstreams
    (served, *_) = upstream.endpoint.models.values()
    many = {f"own-model-{number}": served for number in range(50)}
    engine = Scripted(lambda _call: None)
    engine.upstreams = [replace(upstream, endpoint=replace(upstream.endpoint, models=many))]
    with serving(engine) as gateway:
        sdk = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)
        assert [model.id for model in sdk.models.list()] == list(many)
        theirs = anthropic.Anthropic(base_url=gateway.url, api_key="any")
        assert len(theirs.models.list().data) == 20
