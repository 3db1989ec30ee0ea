"""Blocks and turns of the Messages API, as they are written."""

from __future__ import annotations

from msgspec import Raw, Struct

from gateway.formats.openai.asked import ABSENT, is_given

THINKING = frozenset({"thinking", "redacted_thinking"})
"""Blocks that travel as they are, in `thinking_blocks`."""


class Kind(Struct, gc=False):
    """What a block says it is."""

    type: str


class Written(Struct, gc=False, omit_defaults=True):
    """An object of the Messages API; what is not known is left out."""


class Text(Written, tag_field="type", tag="text"):
    """Text."""

    text: str
    cache_control: Raw = ABSENT


class Base64(Written, tag_field="type", tag="base64"):
    """Bytes within the request."""

    media_type: str
    data: str


class Url(Written, tag_field="type", tag="url"):
    """An address that the platform reads from."""

    url: str


class Image(Written, tag_field="type", tag="image"):
    """An image."""

    source: Base64 | Url
    cache_control: Raw = ABSENT


class Document(Written, tag_field="type", tag="document"):
    """A document."""

    source: Base64
    title: str | None = None
    cache_control: Raw = ABSENT


class ToolUse(Written, tag_field="type", tag="tool_use"):
    """A call of a tool."""

    id: str
    name: str
    input: Raw
    cache_control: Raw = ABSENT


class ToolResult(Written, tag_field="type", tag="tool_result"):
    """What a tool answered."""

    tool_use_id: str
    content: str | list[Block] | None = None
    cache_control: Raw = ABSENT


Block = Text | Image | Document | ToolUse | ToolResult | Raw
"""A `Raw` is a block of thinking, byte for byte as it was made."""


class Turn(Written):
    """One message."""

    role: str
    content: str | list[Block]


class Tool(Written):
    """A tool."""

    name: str
    input_schema: Raw
    description: str | None = None
    strict: bool | None = None
    cache_control: Raw = ABSENT


def mark(block: Block, at: Raw) -> bool:
    """Set the mark of a block that can have one; say whether it has it now."""
    if not is_given(at):
        return True
    if isinstance(block, Raw) or (is_given(block.cache_control) and block.cache_control != at):
        return False
    block.cache_control = at
    return True
