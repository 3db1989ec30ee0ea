"""A request as callers of the OpenAI format write it.

A field that is not here is refused, and so is one that may only be null: `data/openai.toml` says
why.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct

_NULL = Raw(b"null")
ABSENT = Raw()
"""JSON that is not there: in a union with None it would not be read as it is."""


def is_given(raw: Raw) -> bool:
    """Say whether JSON is there and not null."""
    return bool(raw) and raw != _NULL


class Strict(Struct, gc=False, forbid_unknown_fields=True):
    """An object whose every field has a meaning here."""


class TextPart(Strict, tag_field="type", tag="text"):
    """A part that is text."""

    text: str
    prompt_cache_breakpoint: None = None
    cache_control: Raw = ABSENT
    """A mark as relay users write it; its value is the platform's to judge."""


class RefusalPart(Strict, tag_field="type", tag="refusal"):
    """A part in which the model declined."""

    refusal: str
    cache_control: Raw = ABSENT


class ImageUrl(Strict):
    """Where an image is: a `data:` URI or an address."""

    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Strict, tag_field="type", tag="image_url"):
    """A part that is an image."""

    image_url: ImageUrl
    prompt_cache_breakpoint: None = None
    cache_control: Raw = ABSENT


class File(Strict):
    """A file that is within the request, as a `data:` URI."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Strict, tag_field="type", tag="file"):
    """A part that is a file."""

    file: File
    prompt_cache_breakpoint: None = None
    cache_control: Raw = ABSENT


class CalledFunction(Strict):
    """What the model called, and with what."""

    name: str
    arguments: str


class ToolCall(Strict):
    """One call of a tool by the model."""

    id: str
    function: CalledFunction
    type: Literal["function"] = "function"
    index: int | None = None
    """Where it stood in a stream."""
    cache_control: Raw = ABSENT


class System(Strict, tag_field="role", tag="system"):
    """What the system says."""

    content: str | list[TextPart]
    name: None = None
    cache_control: Raw = ABSENT


class Developer(Strict, tag_field="role", tag="developer"):
    """What the system says, under its newer name."""

    content: str | list[TextPart]
    name: None = None
    cache_control: Raw = ABSENT


class User(Strict, tag_field="role", tag="user"):
    """What the user says."""

    content: str | list[TextPart | ImagePart | FilePart]
    name: None = None
    cache_control: Raw = ABSENT


class Assistant(Strict, tag_field="role", tag="assistant"):
    """What the model said, with whatever of it this gateway answered."""

    content: str | list[TextPart | RefusalPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    thinking_blocks: list[Raw] | None = None
    """The model's thinking with its signatures, as the Messages API has it."""
    reasoning_content: str | None = None
    """The text of that thinking."""
    annotations: list[Raw] | None = None
    audio: None = None
    function_call: None = None
    name: None = None
    reasoning: None = None
    reasoning_details: None = None
    cache_control: Raw = ABSENT


class Tool(Strict, tag_field="role", tag="tool"):
    """What a tool answered."""

    content: str | list[TextPart | ImagePart]
    tool_call_id: str
    name: str | None = None
    """Of the tool, as older programs send it; the call has it."""
    cache_control: Raw = ABSENT


Message = System | Developer | User | Assistant | Tool


class Function(Strict):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None
    cache_control: Raw = ABSENT


class FunctionTool(Strict):
    """A tool that the model may use."""

    function: Function
    type: Literal["function"]
    cache_control: Raw = ABSENT


class NamedFunction(Strict):
    """The name of a function."""

    name: str


class Choice(Strict):
    """The one tool that must be used."""

    function: NamedFunction
    type: Literal["function"]


class Schema(Strict):
    """What an answer is to look like."""

    name: str | None = None
    schema: Raw = ABSENT
    strict: bool | None = None
    description: None = None


class Format(Strict):
    """The form of an answer."""

    type: str
    json_schema: Schema | None = None


class StreamOptions(Strict):
    """How an answer is streamed."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Request(Struct, gc=False):
    """The fields of a request that have a counterpart, but for those that are one value."""

    messages: list[Message]
    model: str
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    response_format: Format | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    tools: list[FunctionTool] | None = None
    top_p: float | None = None
    user: str | None = None
