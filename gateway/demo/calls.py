"""One call with the real SDK, and what came of it as a plain value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anthropic import Anthropic, AnthropicError, APIStatusError
from anthropic.types import RawMessageStreamEvent

from gateway.demo.places import MODEL
from gateway.usage import Usage

MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks."""

    prompt: str
    model: str = MODEL
    only: str | None = None
    """The one upstream it may go to, by `x-gateway-only`."""
    data_class: str | None = None
    """The class of its data, by `x-gateway-class`."""
    system: str | None = None
    """Marked to be cached."""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the SDK's `messages.create`."""
        arguments: dict[str, Any] = {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": self.prompt}],
        }
        if self.system is not None:
            marked = {"type": "text", "text": self.system, "cache_control": {"type": "ephemeral"}}
            arguments["system"] = [marked]
        labels = {"x-gateway-only": self.only, "x-gateway-class": self.data_class}
        arguments["extra_headers"] = {
            name: value for name, value in labels.items() if value is not None
        }
        return arguments


@dataclass(slots=True)
class Answer:
    """What a caller got: from the headers, the content, or the error."""

    upstream: str | None = None
    """Header `x-gateway-upstream`."""
    attempts: str | None = None
    """Header `x-gateway-attempts`."""
    decision: str | None = None
    """Header `x-gateway-decision`."""
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    events: int = 0
    """Events of a stream that arrived; an error is not counted."""
    stop_reason: str | None = None
    error: str | None = None
    """The SDK's exception, when it raised: its class and status."""
    error_type: str | None = None
    """The type in the error's Anthropic envelope; None when it had none."""

    @property
    def ending(self) -> str:
        """The error in words; "none" when there was none."""
        return f"{self.error} {self.error_type or ''}".rstrip() if self.error else "none"

    def took(self, headers: Mapping[str, str]) -> None:
        """Note what the gateway says of the call."""
        self.upstream = headers.get("x-gateway-upstream")
        self.attempts = headers.get("x-gateway-attempts")
        self.decision = headers.get("x-gateway-decision")


def ask(client: Anthropic, question: Question) -> Answer:
    """Make one call that is not streamed."""
    answer = Answer()
    try:
        response = client.messages.with_raw_response.create(**question.arguments())
        message = response.parse()
    except AnthropicError as error:
        return _failed(answer, error)
    answer.took(response.headers)
    answer.usage = Usage.of(message)
    answer.stop_reason = message.stop_reason
    answer.text = "".join(block.text for block in message.content if block.type == "text")
    return answer


def stream(client: Anthropic, question: Question) -> Answer:
    """Make one streamed call and read it to its end, or to its error."""
    answer = Answer()
    events: list[RawMessageStreamEvent] = []
    try:
        with client.messages.create(**question.arguments(), stream=True) as opened:
            answer.took(opened.response.headers)
            events.extend(opened)
    except AnthropicError as error:
        _failed(answer, error)
    answer.events = len(events)
    answer.usage = Usage.from_stream(events)
    for event in events:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            answer.text += event.delta.text
        elif event.type == "message_delta":
            answer.stop_reason = event.delta.stop_reason
    return answer


def _failed(answer: Answer, error: AnthropicError) -> Answer:
    if answer.upstream is None and isinstance(error, APIStatusError):
        answer.took(error.response.headers)
    answer.error = type(error).__name__
    if isinstance(error, APIStatusError):
        answer.error += f" {error.status_code}"
        answer.error_type = error.type
    return answer
