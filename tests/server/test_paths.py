from __future__ import annotations

import anthropic
import pytest

from tests.server.serving import BODY, Running, Scripted, serving


@pytest.mark.parametrize("path", ["/", "/api/hello"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_greeting_is_an_empty_200(gateway: Running, method: str, path: str) -> None:
    reply = gateway.ask(method, path)
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")


def test_health_and_readiness(gateway: Running) -> None:
    assert gateway.ask("GET", "/healthz").json == {"status": "ok"}
    ready = gateway.ask("GET", "/readyz")
    assert ready.status == 200
    assert ready.json == {
        "status": "ready",
        "policy": "none",
        "upstreams": ["direct"],
        "troubles": [],
    }
    assert gateway.ask("HEAD", "/readyz").body == b""


def test_without_an_upstream_it_is_not_ready() -> None:
    with serving(Scripted(lambda _call: None)) as gateway:
        reply = gateway.ask("GET", "/readyz")
    assert (reply.status, reply.json["status"]) == (503, "no upstream")


@pytest.mark.parametrize(
    "path", ["/v1/agents", "/v1/organizations/me", "/v1/complete", "/v1/", "/v1/messages/"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endpoint_nobody_serves_is_a_501_that_names_it(
    gateway: Running, method: str, path: str
) -> None:
    reply = gateway.ask(method, path)
    status, kind, message = reply.error
    assert (status, kind) == (501, "not_supported")
    assert path in message
    assert reply.headers["x-should-retry"] == "false"


def test_the_sdk_meets_a_501_once(gateway: Running) -> None:
    sdk = anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=2)
    with pytest.raises(anthropic.InternalServerError) as caught:
        sdk.beta.agents.list()
    assert caught.value.status_code == 501
    assert "x-stainless-retry-count" in caught.value.request.headers
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


def test_any_other_path_is_a_404(gateway: Running) -> None:
    assert gateway.ask("GET", "/favicon.ico").error[:2] == (404, "not_found_error")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/messages", "POST"),
        ("DELETE", "/v1/messages/count_tokens", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("OPTIONS", "/v1/messages", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    gateway: Running, method: str, path: str, allow: str
) -> None:
    reply = gateway.ask(method, path)
    assert reply.error[0] == 405
    assert reply.headers["allow"] == allow


def test_the_sdk_lists_models_in_pages(gateway: Running) -> None:
    sdk = anthropic.Anthropic(base_url=gateway.url, api_key="any")
    everything = [model.id for model in sdk.models.list(limit=1000)]
    paged = [model.id for model in sdk.models.list(limit=2)]
    assert paged == everything
    assert "claude-opus-5-5" in everything
    backwards = sdk.models.list(limit=2, before_id=everything[3])
    assert [model.id for model in backwards.data] == everything[1:3]
    assert backwards.has_more


def test_the_sdk_retrieves_a_model(gateway: Running) -> None:
    sdk = anthropic.Anthropic(base_url=gateway.url, api_key="any")
    model = sdk.models.retrieve("claude-opus-5-5")
    assert (model.id, model.type) == ("claude-opus-5-5", "model")
    with pytest.raises(anthropic.NotFoundError):
        sdk.models.retrieve("claude-none-9")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=x", "before_id=x"])
def test_a_wrong_page_is_a_400(gateway: Running, query: str) -> None:
    status, _, message = gateway.ask("GET", f"/v1/models?{query}").error
    assert status == 400
    assert query.partition("=")[0] in message


def test_a_mistake_of_ours_is_an_envelope_and_no_secret_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_call: object) -> None:
        raise ZeroDivisionError("prompt and key")

    with serving(Scripted(fail)) as gateway:
        reply = gateway.call(BODY)
    assert reply.error[:2] == (500, "api_error")
    assert "ZeroDivisionError at test_paths.py" in caplog.text
    assert "prompt and key" not in caplog.text + reply.body.decode()
