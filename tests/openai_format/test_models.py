"""`GET /v1/models`, for both kinds of SDK and for those that say nothing of themselves."""

from __future__ import annotations

import anthropic
import openai
from openai.types import Model

from tests.server.serving import Running


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
