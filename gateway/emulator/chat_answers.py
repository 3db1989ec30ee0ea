"""A message as a chat completion, and its events as the chunks of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec.json import encode

_CREATED: Final = 1_764_547_200
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}


class Habit(StrEnum):
    """What some relays do that OpenAI does not."""

    NO_USAGE = "no_usage"
    """Nothing is counted, even where it was asked for."""
    NULL_USAGE = "null_usage"
    """Each chunk says `"usage": null`."""
    USAGE_AT_THE_END = "usage_at_the_end"
    """The chunk that says why it ended has the usage; no other chunk follows."""
    NO_DONE = "no_done"
    """The stream ends without `[DONE]`."""
    NO_CALL_IDS = "no_call_ids"
    """Calls have no id."""
    ONE_CALL_NUMBER = "one_call_number"
    """Each call is number 0."""
    ALWAYS_STOP = "always_stop"
    """An answer with calls ended by itself, it says."""
    ERROR_AS_SUCCESS = "error_as_success"
    """A refusal comes with status 200."""
    ONE_ID = "one_id"
    """Every answer has the same id."""
    LEGACY_CACHE = "legacy_cache"
    """What was written to the cache is counted where older relays do."""
    COMMENTS = "comments"
    """Comments keep the connection busy between chunks."""


Habits = frozenset[Habit]


def completion(message: Mapping[str, Any], habits: Habits) -> dict[str, Any]:
    """Return a message as a whole chat completion."""
    said: dict[str, Any] = {"role": "assistant", "content": _text(message) or None, "refusal": None}
    calls = [_call(block, habits) for block in message["content"] if block["type"] == "tool_use"]
    if calls:
        said["tool_calls"] = calls
    thought = _thought(message)
    if thought:
        said["reasoning_content"] = thought
    choice = {"index": 0, "message": said, "finish_reason": finish(message, habits)}
    made = {
        "id": message["id"],
        "object": "chat.completion",
        "created": _CREATED,
        "model": message["model"],
        "choices": [{**choice, "logprobs": None}],
    }
    return made if Habit.NO_USAGE in habits else {**made, "usage": usage(message, habits)}


def finish(message: Mapping[str, Any], habits: Habits) -> str:
    """Return why an answer ended."""
    said = _FINISH[message["stop_reason"]]
    return "stop" if said == "tool_calls" and Habit.ALWAYS_STOP in habits else said


def usage(message: Mapping[str, Any], habits: Habits) -> dict[str, Any]:
    """Return the counts: those of the cache are part of `prompt_tokens`."""
    told = message["usage"]
    read, written = told["cache_read_input_tokens"], told["cache_creation_input_tokens"]
    prompt = told["input_tokens"] + read + written
    thought = told.get("output_tokens_details", {}).get("thinking_tokens", 0)
    counted: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": told["output_tokens"],
        "total_tokens": prompt + told["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": read},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    if Habit.LEGACY_CACHE in habits:
        counted["cache_creation_input_tokens"] = written
    else:
        counted["prompt_tokens_details"]["cache_write_tokens"] = written
    return counted


def _text(message: Mapping[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def _thought(message: Mapping[str, Any]) -> str:
    blocks = (block for block in message["content"] if block["type"] == "thinking")
    return "".join(block["thinking"] for block in blocks)


def _call(block: Mapping[str, Any], habits: Habits) -> dict[str, Any]:
    function = {"name": block["name"], "arguments": encode(block["input"]).decode()}
    named = {} if Habit.NO_CALL_IDS in habits else {"id": block["id"]}
    return {**named, "type": "function", "function": function}


class Chunks:
    """The chunks of one stream.

    Args:
        message: The whole answer.
        habits: The relay's.
        counted: Whether the client asked for the usage.
    """

    def __init__(self, message: Mapping[str, Any], habits: Habits, *, counted: bool) -> None:
        self._message = message
        self._habits = habits
        self._counted = counted and Habit.NO_USAGE not in habits
        self._numbers: dict[int, int] = {}

    def of(
        self, events: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """Yield each event that has a counterpart, with the chunk that it is; the usage at last."""
        for event in events:
            delta = self._delta(event)
            if delta is not None:
                yield event, self._chunk([self._choice(delta, None)])
            elif event["type"] == "message_delta":
                yield event, self._last()
                if self._counted and Habit.USAGE_AT_THE_END not in self._habits:
                    yield event, {**self._chunk([]), "usage": usage(self._message, self._habits)}

    def _last(self) -> dict[str, Any]:
        chunk = self._chunk([self._choice({}, finish(self._message, self._habits))])
        if self._counted and Habit.USAGE_AT_THE_END in self._habits:
            chunk["usage"] = usage(self._message, self._habits)
        return chunk

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": self._message["id"],
            "object": "chat.completion.chunk",
            "created": _CREATED,
            "model": self._message["model"],
            "choices": choices,
        }
        return {**made, "usage": None} if Habit.NULL_USAGE in self._habits else made

    @staticmethod
    def _choice(delta: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}

    def _delta(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        match event["type"]:
            case "message_start":
                return {"role": "assistant", "content": "", "refusal": None}
            case "content_block_start" if event["content_block"]["type"] == "tool_use":
                return self._begun(event["index"], event["content_block"])
            case "content_block_delta":
                return self._piece(event["index"], event["delta"])
        return None

    def _begun(self, index: int, block: Mapping[str, Any]) -> dict[str, Any]:
        number = 0 if Habit.ONE_CALL_NUMBER in self._habits else len(self._numbers)
        self._numbers[index] = number
        call = {**_call({**block, "input": {}}, self._habits), "index": number}
        call["function"] = {"name": block["name"], "arguments": ""}
        return {"tool_calls": [call]}

    def _piece(self, index: int, delta: Mapping[str, Any]) -> dict[str, Any] | None:
        match delta["type"]:
            case "text_delta":
                return {"content": delta["text"]}
            case "thinking_delta":
                return {"reasoning_content": delta["thinking"]}
            case "input_json_delta":
                function = {"arguments": delta["partial_json"]}
                return {"tool_calls": [{"index": self._numbers[index], "function": function}]}
        return None
