"""What one thing an application has at hand says of usage: nothing, a part of it, or a sum.

Read by their fields, so that no library is needed: messages and stream events of the SDK, messages
of the Agent SDK and lines of Claude Code's `stream-json`, results of batches; as objects, as
mappings or as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gateway.billing.fields import field_of, has, text_of
from gateway.billing.results import Result, result_of
from gateway.usage import Usage
from gateway.usage.answers import decoded

SYNTHETIC = "<synthetic>"
"""The model that Claude Code names on messages it wrote itself: no platform was asked."""

Stage = Literal["start", "copy", "under_way", "end"]
"""`start`: the count of output is a placeholder. `copy`: a message that does not say it has ended,
its counts may be those of the start. `under_way`: so far. `end`: all of it."""


Stop = tuple[str, str]
"""Why a message ended, and the category of a refusal; empty: it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told of one message."""

    message_id: str | None
    """None: of the one that its stream is at."""
    usage: Usage
    stage: Stage
    model: str = ""
    stop: Stop = ("", "")
    calls: frozenset[str] = field(default_factory=frozenset)
    """The ids of the tool calls in it; agents are known by the call that began them."""
    session: str = ""
    agent: str = ""
    batch: bool = False


def observed(thing: object, message_id: str = "") -> Told | Result | None:
    """Return what a thing says of usage; None: nothing.

    Args:
        thing: A message, an event, a result.
        message_id: For a message that names none itself.

    Raises:
        TypeError: It is nothing that an application gets from an SDK.
        ValueError: It is no JSON object, or a message with usage and without an id.
    """
    if isinstance(thing, (str, bytes, bytearray)):
        thing = decoded(thing.encode(errors="surrogatepass") if isinstance(thing, str) else thing)
    kind = field_of(thing, "type") or _kind_of_object(thing)
    match kind:
        case "message":
            return _message(thing, thing, message_id)
        case "assistant":
            return _message(thing, field_of(thing, "message"), message_id)
        case "message_start":
            return _message(thing, field_of(thing, "message"), message_id, "start")
        case "message_delta":
            return _delta(thing)
        case "message_stop":
            # The SDK's stream helper adds the whole message.
            return _message(thing, field_of(thing, "message"), message_id)
        case "stream_event":
            return _within_agent(thing, observed(field_of(thing, "event"), message_id))
        case "result":
            return result_of(thing)
        case "batch":
            return _batch(field_of(thing, "result"), message_id)
        case str():
            return None
    raise TypeError(
        f"nothing to bill can be read from {type(thing).__name__}; give a message, a stream "
        "event or a result, as an object of an SDK, a mapping or JSON"
    )


_KINDS = (
    ("event", "stream_event"),
    ("total_cost_usd", "result"),
    ("custom_id", "batch"),
    ("message_id", "assistant"),
    ("message", "assistant"),
    ("model", "assistant"),
    # What a user, a tool or the machinery said.
    ("content", "user"),
    ("subtype", "system"),
    ("session_id", "system"),
)
"""The Agent SDK's objects have no type: a field that tells what they are, the surest first."""


def _kind_of_object(thing: object) -> str | None:
    return next((kind for name, kind in _KINDS if has(thing, name)), None)


def _message(
    thing: object, message: object, message_id: str, stage: Stage | None = None
) -> Told | None:
    """Read a message that may stand within what tells of it."""
    within = thing if message is None else message
    usage = field_of(within, "usage")
    usage = field_of(thing, "usage") if usage is None else usage
    model = text_of(within, "model") or text_of(thing, "model")
    if usage is None or model == SYNTHETIC:
        return None
    own_id = text_of(within, "id", "message_id") or text_of(thing, "message_id") or message_id
    if not own_id:
        raise ValueError(
            "a message without an id cannot be told from its repetition; give message_id="
        )
    ended, stop = _stop(within)
    return Told(
        message_id=own_id,
        usage=Usage.of({"usage": usage}),
        stage=stage or ("end" if ended else "copy"),
        model=model,
        stop=stop,
        calls=_calls(field_of(within, "content")),
        session=text_of(thing, "session_id"),
        agent=text_of(thing, "parent_tool_use_id"),
    )


def _delta(event: object) -> Told | None:
    usage = field_of(event, "usage")
    if usage is None:
        return None
    ended, stop = _stop(field_of(event, "delta"))
    return Told(
        message_id=None,
        usage=Usage.of({"usage": usage}),
        stage="end" if ended else "under_way",
        stop=stop,
    )


def _stop(message: object) -> tuple[bool, Stop]:
    """Say whether a message has ended, and why it did.

    One that says that it has no stop reason has not; one that does not speak of it is taken as
    whole. Claude Code tells of each block before the message has ended: those are the former.
    """
    reason = text_of(message, "stop_reason")
    category = text_of(field_of(message, "stop_details"), "category")
    return bool(reason) or not has(message, "stop_reason"), (reason, category)


def _calls(content: object) -> frozenset[str]:
    blocks = content if isinstance(content, Sequence) and not isinstance(content, str) else ()
    return frozenset(
        text_of(block, "id") for block in blocks if text_of(block, "name") and text_of(block, "id")
    )


def _within_agent(envelope: object, told: Told | Result | None) -> Told | Result | None:
    if not isinstance(told, Told):
        return told
    session, agent = text_of(envelope, "session_id"), text_of(envelope, "parent_tool_use_id")
    return replace(told, session=session, agent=agent)


def _batch(result: object, message_id: str) -> Told | None:
    """Read a batch's result: only what succeeded is billed."""
    if text_of(result, "type") != "succeeded":
        return None
    told = _message(result, field_of(result, "message"), message_id)
    return None if told is None else replace(told, batch=True)
