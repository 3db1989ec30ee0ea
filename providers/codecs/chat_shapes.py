"""What of a Messages API request has a place in chat completions: these shapes are the list of it.

They know no other field and no other kind of block, so that what is not here fails to decode, and
is a loss instead of being left out unseen. Values that are only carried stay as they were written.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw

from providers.shapes import ready

NULL = Raw(b"null")
Marks = dict[str, Any] | None
"""A `cache_control`."""


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class Text(_Strict, tag="text"):
    """A block of text; what it cites must be nothing."""

    text: str
    cache_control: Marks = None
    citations: Raw = NULL


class Base64(_Strict, tag="base64"):
    """The bytes of an image."""

    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class Url(_Strict, tag="url"):
    """The address of an image."""

    url: str


class Image(_Strict, tag="image"):
    """A block with an image."""

    source: Base64 | Url
    cache_control: Marks = None


class DirectCaller(_Strict, tag="direct"):
    """The model itself made a call, which is what calls are there."""


class ToolUse(_Strict, tag="tool_use"):
    """A call of a tool; its input stays as it was written."""

    id: str
    name: str
    input: Raw
    caller: DirectCaller | None = None


class ToolResult(_Strict, tag="tool_result"):
    """What a call came to; it is text there."""

    tool_use_id: str
    content: str | list[Text] | None = None
    is_error: bool | None = None
    cache_control: Marks = None


class User(_Strict, tag_field="role", tag="user"):
    """What the user, or a tool, said."""

    content: str | list[Text | Image | ToolResult]


class Assistant(_Strict, tag_field="role", tag="assistant"):
    """What the model said before."""

    content: str | list[Text | ToolUse]


class Tool(_Strict):
    """A tool that the caller runs."""

    name: str
    input_schema: Raw
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    allowed_callers: list[str] | None = None


class Auto(_Strict, tag="auto"):
    """The model may call tools."""

    disable_parallel_tool_use: bool = False


class Required(_Strict, tag="any"):
    """The model must call some tool."""

    disable_parallel_tool_use: bool = False


class One(_Strict, tag="tool"):
    """The model must call this tool."""

    name: str
    disable_parallel_tool_use: bool = False


class Never(_Strict, tag="none"):
    """The model must call none."""


class JsonSchema(_Strict, tag="json_schema"):
    """An answer that follows a schema."""

    schema: Raw


class Output(_Strict):
    """How the answer is to be made."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonSchema | None = None


class Metadata(_Strict):
    """Who asks."""

    user_id: str | None = None


@ready
class Asked(msgspec.Struct, gc=False):
    """The fields that are read, each decoded by itself."""

    messages: list[User | Assistant] = []
    system: str | list[Text] | None = None
    tools: list[Tool] | None = None
    tool_choice: Auto | Required | One | Never | None = None
    output_config: Output | None = None
    metadata: Metadata | None = None


DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    field.name: msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(Asked)
}
"""Field -> what decodes it; raises msgspec.DecodeError where something has no place."""
