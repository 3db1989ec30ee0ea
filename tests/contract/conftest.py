"""The SDK's own clients, held up as the oracle: what they send, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import msgspec
import pytest
from msgspec import Raw

from providers.contract import Fields

Answer = Callable[[httpx2.Request], httpx2.Response]
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "input_tokens": 1,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it stands on the wire."""

    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes


class Oracle:
    """SDK clients over a transport that answers with what a test gives it."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answer: Answer = lambda _: httpx2.Response(200, json=ANSWER)
        self._http = httpx2.Client(transport=httpx2.MockTransport(self._handle))

    def close(self) -> None:
        self._http.close()

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(
            Sent(
                method=request.method,
                host=request.url.host,
                target=request.url.raw_path.decode(),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.content,
            )
        )
        return self.answer(request)

    def direct(self) -> anthropic.Anthropic:
        return anthropic.Anthropic(api_key="k", http_client=self._http, max_retries=0)

    def aws(self, region: str, workspace: str) -> anthropic.AnthropicAWS:
        return anthropic.AnthropicAWS(
            aws_region=region,
            workspace_id=workspace,
            api_key="k",
            http_client=self._http,
            max_retries=0,
        )

    def bedrock(self, region: str) -> anthropic.AnthropicBedrock:
        return anthropic.AnthropicBedrock(
            aws_region=region, api_key="k", http_client=self._http, max_retries=0
        )

    def foundry(self, resource: str) -> anthropic.AnthropicFoundry:
        return anthropic.AnthropicFoundry(
            resource=resource, api_key="k", http_client=self._http, max_retries=0
        )

    def google_cloud(self, project: str, workspace: str) -> anthropic.AnthropicGoogleCloud:
        return anthropic.AnthropicGoogleCloud(
            project=project,
            workspace_id=workspace,
            token_provider=lambda: "t",
            http_client=self._http,
            max_retries=0,
        )

    def mantle(self, region: str) -> anthropic.AnthropicBedrockMantle:
        return anthropic.AnthropicBedrockMantle(
            aws_region=region, api_key="k", http_client=self._http, max_retries=0
        )

    def relay(self, base_url: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            base_url=base_url,
            api_key="k",
            http_client=self._http,
            max_retries=0,
            default_headers={"anthropic-version": "2023-06-01"},
        )

    def vertex(self, region: str, project: str) -> anthropic.AnthropicVertex:
        return anthropic.AnthropicVertex(
            region=region,
            project_id=project,
            access_token="t",
            http_client=self._http,
            max_retries=0,
        )

    def ask(self, client: Any, call: str, arguments: dict[str, Any]) -> Sent:
        """Return what a client sends for `messages.create`, `beta.messages.create`, ..."""
        method = client
        for step in call.split("."):
            method = getattr(method, step)
        answer = method(**arguments)
        if arguments.get("stream"):
            answer.close()
        return self.sent[-1]


def fields_of(sent: Sent) -> Fields:
    """Return what the gateway knows of a request that the SDK sent to it."""
    betas = sent.headers.get("anthropic-beta")
    own = ("anthropic-version", "anthropic-beta")
    return Fields(
        raw=sent.body,
        body=msgspec.json.decode(sent.body, type=dict[str, Raw]),
        version=sent.headers["anthropic-version"],
        betas=tuple(betas.split(",")) if betas else (),
        headers=tuple(
            (name, value)
            for name, value in sent.headers.items()
            if name.startswith("anthropic-") and name not in own
        ),
    )


def host_of(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    found = Oracle()
    yield found
    found.close()
