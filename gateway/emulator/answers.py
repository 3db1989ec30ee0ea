"""What the emulated model says: the same answer for the same request, on every platform."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256, shake_256
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.directives import Directives
from gateway.emulator.schemas import example
from gateway.emulator.tokens import clip, text_tokens

_PROSE: Final = (
    "the tide turns and slow water lifts each boat that waits by old stone while gulls watch "
    "from posts above salt grass where children count waves until evening light goes gold over "
    "quiet harbour walls then lamps wake one after another like small careful stars so sailors "
    "may find home again through mist rain or wind with little more than patience"
)
_WORDS: Final = tuple((_PROSE.split() * 5)[:256])
"""A word for every byte."""
_SIGNED: Final = b"emulated-thinking-1:"


@dataclass(frozen=True, slots=True)
class Answer:
    """Content blocks, why they ended, and what they cost."""

    content: tuple[dict[str, Any], ...]
    stop_reason: str
    output_tokens: int
    thinking_tokens: int = 0
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None


@dataclass(slots=True)
class _Draft:
    """An answer being made, within what is left of `max_tokens`."""

    left: int
    content: list[dict[str, Any]]
    used: int = 0
    thinking: int = 0

    def spend(self, tokens: int) -> None:
        self.used += tokens
        self.left -= tokens


def seed(body: Mapping[str, Any], model: str) -> bytes:
    """Return what an answer is made from: a hash of the model and everything that was said."""
    said = [model, body.get("system"), body.get("tools"), body.get("tool_choice")]
    return blake2b(encode([*said, body["messages"]]), digest_size=16).digest()


def answer(body: Mapping[str, Any], asked: Directives, made_from: bytes) -> Answer:
    """Return the answer to a checked request.

    Args:
        body: The request.
        asked: The marks of its last user message.
        made_from: What `seed` returned for it.
    """
    if asked.refusal == "":
        return Answer((), "refusal", 0, stop_details=_refusal())
    draft = _Draft(body["max_tokens"], [])
    _think(body.get("thinking") or {}, made_from, draft)
    if draft.left <= 0:
        return _closed(draft, "max_tokens")
    tool = _tool(body, asked)
    if tool is not None:
        return _call(tool, made_from, draft)
    return _speak(body, asked, made_from, draft)


def words(count: int, made_from: bytes) -> str:
    """Return `count` words drawn by a seed."""
    return " ".join(map(_WORDS.__getitem__, shake_256(made_from).digest(count)))


def signature(thinking: str) -> str:
    """Return the signature of a thinking block, the same wherever it was made."""
    digest = sha256(_SIGNED + thinking.encode()).digest()
    return base64.b64encode(_SIGNED + digest * 3).decode()


def _think(config: Mapping[str, Any], made_from: bytes, draft: _Draft) -> None:
    if config.get("type") not in {"enabled", "adaptive"}:
        return
    budget = config["budget_tokens"] if config["type"] == "enabled" else draft.left
    allowed = min(draft.left, budget)
    text = clip(f"Thinking it over: {words(12, made_from[::-1])}.", allowed)
    draft.thinking = text_tokens(text)
    draft.spend(draft.thinking)
    shown = "" if config.get("display") == "omitted" else text
    block = {"type": "thinking", "thinking": shown, "signature": signature(shown)}
    draft.content.append(block)


def _tool(body: Mapping[str, Any], asked: Directives) -> Mapping[str, Any] | None:
    tools: dict[str, Mapping[str, Any]] = {
        t["name"]: t for t in body.get("tools") or () if "input_schema" in t
    }
    choice: Mapping[str, Any] = body.get("tool_choice") or {}
    if not tools or choice.get("type") == "none":
        return None
    if choice.get("type") == "tool":
        return tools.get(str(choice["name"]))
    first = next(iter(tools.values()))
    if asked.tool is not None:
        return tools.get(asked.tool) or first
    return first if choice.get("type") == "any" else None


def _call(tool: Mapping[str, Any], made_from: bytes, draft: _Draft) -> Answer:
    called = example(tool["input_schema"])
    cost = max(1, text_tokens(encode(called).decode()))
    fits = cost <= draft.left
    name = base64.b32encode(made_from).decode().rstrip("=").lower()[:24]
    draft.content.append(
        {
            "type": "tool_use",
            "id": f"toolu_01{name}",
            "name": tool["name"],
            "input": called if fits else {},
        }
    )
    draft.spend(min(cost, draft.left))
    return _closed(draft, "tool_use" if fits else "max_tokens")


def _speak(body: Mapping[str, Any], asked: Directives, made_from: bytes, draft: _Draft) -> Answer:
    whole = _text(body, asked, made_from)
    if asked.refusal is not None:
        _say(whole[: len(whole) // 2], draft)
        return _closed(draft, "refusal", stop_details=_refusal())
    cuts = [(whole.find(s), s) for s in body.get("stop_sequences") or () if s in whole]
    stop = min(cuts, default=None)
    text = whole if stop is None else whole[: stop[0]]
    if not _say(text, draft):
        return _closed(draft, "max_tokens")
    if stop is not None:
        return _closed(draft, "stop_sequence", stop_sequence=stop[1])
    return _closed(draft, "end_turn")


def _say(text: str, draft: _Draft) -> bool:
    said = clip(text, draft.left)
    draft.content.append({"type": "text", "text": said})
    draft.spend(max(1, text_tokens(said)))
    return said == text


def _text(body: Mapping[str, Any], asked: Directives, made_from: bytes) -> str:
    if asked.say is not None:
        return asked.say
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    if wanted.get("type") == "json_schema":
        return encode(example(wanted["schema"])).decode()
    if asked.words is not None:
        return words(asked.words, made_from)
    heard = " ".join(asked.said.split()[:8])
    return f"You said: {heard}. My answer is {words(8 + made_from[0] % 16, made_from)}."


def _refusal() -> dict[str, Any]:
    return {
        "type": "refusal",
        "category": "general_harms",
        "explanation": "The request asked the emulator to refuse.",
    }


def _closed(
    draft: _Draft,
    reason: str,
    *,
    stop_sequence: str | None = None,
    stop_details: dict[str, Any] | None = None,
) -> Answer:
    content = tuple(draft.content)
    return Answer(content, reason, draft.used, draft.thinking, stop_sequence, stop_details)
