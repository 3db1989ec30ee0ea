"""Token counts that are made up but always the same: a quarter of the bytes, rounded up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.json import encode

BYTES_PER_TOKEN: Final = 4
_FLAT: Final = {"image": 1600, "document": 3000}
"""Blocks whose bytes say little about their tokens."""


def text_tokens(text: str) -> int:
    """Return the tokens of a text."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def clip(text: str, tokens: int) -> str:
    """Return the longest start of `text` that has at most `tokens` tokens."""
    return text.encode()[: max(0, tokens) * BYTES_PER_TOKEN].decode(errors="ignore")


def block_tokens(block: Mapping[str, Any], encoded: bytes) -> int:
    """Return the tokens of one block, given its JSON."""
    flat = _FLAT.get(str(block.get("type")))
    return flat if flat is not None else -(-len(encoded) // BYTES_PER_TOKEN)


def blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, block) of a prompt in the order the cache sees it: tools, system, messages.

    A string stands for one text block.
    """
    for tool in body.get("tools") or ():
        yield "tool", tool
    for block in as_blocks(body.get("system") or ()):
        yield "system", block
    for message in body["messages"]:
        for block in as_blocks(message["content"]):
            yield message["role"], block


def as_blocks(content: Any) -> list[dict[str, Any]]:
    """Return content as a list of blocks."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Return the tokens of a whole prompt; cache marks cost nothing."""
    return sum(block_tokens(b, encode(unmarked(b))) for _, b in blocks(body))


def unmarked(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block without `cache_control`."""
    if "cache_control" not in block:
        return block
    return {key: value for key, value in block.items() if key != "cache_control"}
