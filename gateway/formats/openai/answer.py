"""A whole message as a chat completion."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.formats.openai.asked import ABSENT, is_given
from gateway.formats.openai.blocks import THINKING
from gateway.formats.openai.counts import completion_usage
from gateway.formats.openai.table import TABLE

CITATIONS = "citations"
"""What a text rests on has no place in the format."""


class StopDetails(Struct, gc=False):
    """Why an answer stopped."""

    explanation: str | None = None


class _Block(Struct, gc=False):
    type: str
    text: str = ""
    citations: Raw = ABSENT
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class _Answer(Struct, gc=False):
    id: str
    model: str
    content: list[Raw]
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Any = None


class Completion(Struct, frozen=True):
    """A chat completion."""

    body: bytes
    left_out: tuple[str, ...]
    """The types of blocks that have no place in it."""


_answer = msgspec.json.Decoder(_Answer)
_block = msgspec.json.Decoder(_Block)


def completion(body: bytes, created_s: int) -> Completion:
    """Return a message as a completion; raises msgspec.DecodeError where it is none."""
    answer = _answer.decode(body)
    said = _Said()
    for raw in answer.content:
        said.take(_block.decode(raw), raw)
    choice = {
        "index": 0,
        "message": said.message(answer.stop_details),
        "logprobs": None,
        "finish_reason": finish_reason(answer.stop_reason),
    }
    told = {
        "id": completion_id(answer.id),
        "object": "chat.completion",
        "created": created_s,
        "model": answer.model,
        "choices": [choice],
    }
    if (usage := completion_usage(answer.usage)) is not None:
        told["usage"] = usage
    return Completion(msgspec.json.encode(told), tuple(dict.fromkeys(said.left_out)))


def completion_id(message_id: str) -> str:
    """Return the id of the completion that a message is."""
    return f"chatcmpl-{message_id.removeprefix('msg_')}"


def finish_reason(stop_reason: str | None) -> str | None:
    """Return why an answer ended; a reason that is not known is told as it is."""
    return None if stop_reason is None else TABLE.reasons.words.get(stop_reason, stop_reason)


class _Said:
    """The content of a message, sorted by where it goes."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reasoning: list[str] = []
        self.thinking: list[Raw] = []
        self.calls: list[dict[str, Any]] = []
        self.left_out: list[str] = []

    def take(self, block: _Block, raw: Raw) -> None:
        if block.type == "text":
            self.texts.append(block.text)
            if is_given(block.citations) and bytes(block.citations).strip(b"[] \t\r\n"):
                self.left_out.append(CITATIONS)
        elif block.type == "tool_use":
            function = {"name": block.name, "arguments": bytes(block.input).decode()}
            self.calls.append({"id": block.id, "type": "function", "function": function})
        elif block.type in THINKING:
            self.reasoning.append(block.thinking)
            self.thinking.append(raw)
        else:
            self.left_out.append(block.type)

    def message(self, why: StopDetails | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(self.texts) if self.texts else None,
            "refusal": None if why is None else why.explanation,
        }
        if self.calls:
            told["tool_calls"] = self.calls
        if reasoning := "".join(self.reasoning):
            told["reasoning_content"] = reasoning
        if self.thinking:
            told["thinking_blocks"] = self.thinking
        return told
