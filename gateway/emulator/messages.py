"""An answer as a Messages API message, and the same message as its stream of events."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.answers import Answer
from gateway.emulator.cache import Lookup

_PIECE_CHARS: Final = 16
_PLACEHOLDER_OUTPUT: Final = 1
"""What `message_start` reports as output; the true count comes with `message_delta`."""


def usage(prompt: Lookup, said: Answer, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage object; `extra` is what only some platforms report."""
    counted: dict[str, Any] = {
        "input_tokens": prompt.input,
        "cache_creation_input_tokens": prompt.written_5m + prompt.written_1h,
        "cache_read_input_tokens": prompt.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.written_5m,
            "ephemeral_1h_input_tokens": prompt.written_1h,
        },
        "output_tokens": said.output_tokens,
        **extra,
    }
    if said.thinking_tokens:
        counted["output_tokens_details"] = {"thinking_tokens": said.thinking_tokens}
    return counted


def message(ident: str, model: str, said: Answer, used: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message a request is answered with."""
    made: dict[str, Any] = {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(said.content),
        "stop_reason": said.stop_reason,
        "stop_sequence": said.stop_sequence,
    }
    if said.stop_details is not None:
        made["stop_details"] = said.stop_details
    return {**made, "usage": dict(used)}


def events(whole: Mapping[str, Any], deltas: int | None = None) -> list[dict[str, Any]]:
    """Return a message as Anthropic's stream events.

    Args:
        whole: What `message` returned.
        deltas: Into how many deltas each text is split; by default pieces of a few words.
    """
    made = [_start(whole)]
    for index, block in enumerate(whole["content"]):
        made += _block(index, block, deltas)
        if index == 0:
            made.insert(2, {"type": "ping"})
    return [*made, _delta(whole), {"type": "message_stop"}]


def _start(whole: Mapping[str, Any]) -> dict[str, Any]:
    used = {k: v for k, v in whole["usage"].items() if k != "output_tokens_details"}
    # No output at all is known from the start; otherwise the count is a placeholder.
    used["output_tokens"] = min(_PLACEHOLDER_OUTPUT, used["output_tokens"])
    opened = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": used}
    opened.pop("stop_details", None)
    return {"type": "message_start", "message": opened}


def _delta(whole: Mapping[str, Any]) -> dict[str, Any]:
    ending = {k: whole[k] for k in ("stop_reason", "stop_sequence", "stop_details") if k in whole}
    # Deltas carry no split of the writes, no tier and no geography.
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    used = {k: whole["usage"][k] for k in (*names, "output_tokens") if k in whole["usage"]}
    if "output_tokens_details" in whole["usage"]:
        used["output_tokens_details"] = whole["usage"]["output_tokens_details"]
    return {"type": "message_delta", "delta": ending, "usage": used}


def _block(index: int, block: Mapping[str, Any], deltas: int | None) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            empty: dict[str, Any] = {"type": "text", "text": ""}
            parts = [{"type": "text_delta", "text": p} for p in pieces(block["text"], deltas)]
        case "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            thought = pieces(block["thinking"], None)
            parts = [{"type": "thinking_delta", "thinking": p} for p in thought]
            parts.append({"type": "signature_delta", "signature": block["signature"]})
        case _:
            empty = {**block, "input": {}}
            text = encode(block["input"]).decode() if block["input"] else ""
            split = ["", *pieces(text, None)]
            parts = [{"type": "input_json_delta", "partial_json": p} for p in split]
    start = {"type": "content_block_start", "index": index, "content_block": empty}
    middle = [{"type": "content_block_delta", "index": index, "delta": part} for part in parts]
    return [start, *middle, {"type": "content_block_stop", "index": index}]


def pieces(text: str, count: int | None) -> list[str]:
    """Return a text in pieces: `count` of them (no more than it has characters) or by length."""
    if not text:
        return []
    number = min(len(text), count) if count else -(-len(text) // _PIECE_CHARS)
    edges = [len(text) * i // number for i in range(number + 1)]
    return [text[a:b] for a, b in pairwise(edges)]
