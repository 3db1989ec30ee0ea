"""What an answer says it used: token counts as reported, never made up, never added together.

The fields are those of `anthropic.types.Usage` and `anthropic.types.beta.BetaUsage`. A count
that is missing is None, which is not zero. A count that cannot be one (negative, boolean, not
an integer, above 2**53) is None too, and named in `flags`. Keys this version does not know are
kept in `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import msgspec

COUNTER_MAX = 2**53
"""The largest integer that every JSON reader keeps exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The counts that an answer and each of its iterations have."""

    input_tokens: int | None = None
    """Without what was read from or written to the cache."""
    output_tokens: int | None = None
    """All output, thinking included."""
    cache_creation_input_tokens: int | None = None
    """Written to the cache, for any time to live."""
    cache_creation_5m_input_tokens: int | None = None
    cache_creation_1h_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @property
    def total_input(self) -> int | None:
        """Return the size of the prompt: uncached, written and read; None if any is unknown."""
        parts = (
            self.input_tokens,
            self.cache_creation_input_tokens,
            self.cache_read_input_tokens,
        )
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration(Tokens):
    """One entry of `usage.iterations`: a sampling run within one answer."""

    type: str | None = None
    """`message`, `compaction`, `advisor_message`, `fallback_message`, or one yet unknown."""
    model: str | None = None
    """None on a compaction, and where the served model is meant."""
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Tokens):
    """What one answer used.

    Where `iterations` is present it is the bill: the totals beside it leave out compaction and
    advisor runs, and count the input of the first iteration only.
    """

    thinking_tokens: int | None = None
    """Part of `output_tokens`; never to be added to it."""
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None
    service_tier: str | None = None
    inference_geo: str | None = None
    speed: str | None = None
    iterations: tuple[Iteration, ...] | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Keys not listed here, by path (`server_tool_use.code_execution_requests`)."""
    flags: tuple[str, ...] = ()
    """What was wrong with the report: `<path>: <why>`, sorted, without the value."""

    @classmethod
    def of(cls, answer: object) -> Usage:
        """Return the usage of an answer.

        Takes a message or a usage object of the SDK, either of them as a mapping, or a message
        as JSON bytes. An answer without usage gives a Usage that knows nothing.

        Raises TypeError for anything else and ValueError for bytes that are not a JSON object.
        """
        return _Reader().read(_reported(answer))

    @classmethod
    def merge(cls, start: Usage, delta: Usage) -> Usage:
        """Return `start` with each field that `delta` knows in its place.

        The counts of a `message_delta` are cumulative, so they replace and never add; what a
        delta leaves out (the split by time to live, tier, speed, region) stays as it was
        (`anthropic.lib.streaming._messages.accumulate_event`).
        """
        merged: dict[str, Any] = {
            item.name: _later(getattr(start, item.name), getattr(delta, item.name))
            for item in fields(cls)
        }
        merged["unknown"] = {**start.unknown, **_known(delta.unknown)}
        merged["flags"] = tuple(sorted({*start.flags, *delta.flags}))
        return cls(**merged)

    @classmethod
    def from_stream(cls, events: Iterable[object]) -> Usage:
        """Return the usage that a stream has reported so far.

        Takes the SDK's raw events or the same as mappings; only `message_start` and
        `message_delta` count.
        """
        usage = cls()
        for event in events:
            match _get(event, "type"):
                case "message_start":
                    usage = cls.merge(usage, cls.of(_get(event, "message") or {}))
                case "message_delta":
                    usage = cls.merge(usage, cls.of({"usage": _get(event, "usage")}))
                case _:
                    pass
        return usage


_COUNTERS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
_NESTED = {
    "cache_creation": {
        "ephemeral_5m_input_tokens": "cache_creation_5m_input_tokens",
        "ephemeral_1h_input_tokens": "cache_creation_1h_input_tokens",
    },
    "output_tokens_details": {"thinking_tokens": "thinking_tokens"},
    "server_tool_use": {
        "web_search_requests": "web_search_requests",
        "web_fetch_requests": "web_fetch_requests",
    },
}
_USAGE_WORDS = ("service_tier", "inference_geo", "speed")
_ITERATION_WORDS = ("type", "model")
_ITERATION_NESTED = ("cache_creation",)

T = TypeVar("T")


class _Reader:
    """Reads one report; collects what was wrong with it."""

    def __init__(self) -> None:
        self.flags: set[str] = set()

    def read(self, report: Any) -> Usage:
        """Return the usage of a `usage` value, whatever stands there."""
        if isinstance(report, Mapping):
            return self._usage(report)
        if report is not None:
            self._flag("usage", "not an object")
        return Usage(flags=tuple(sorted(self.flags)))

    def _usage(self, report: Mapping[str, Any]) -> Usage:
        rest = dict(report)
        entries = rest.pop("iterations", None)
        known = self._take(rest, "", _USAGE_WORDS, tuple(_NESTED))
        iterations = self._iterations(entries)
        return Usage(**known, iterations=iterations, unknown=rest, flags=tuple(sorted(self.flags)))

    def _iterations(self, entries: Any) -> tuple[Iteration, ...] | None:
        if entries is None:
            return None
        if not isinstance(entries, (list, tuple)):
            self._flag("iterations", "not a list")
            return None
        return tuple(
            [self._iteration(entry, f"iterations.{at}") for at, entry in enumerate(entries)]
        )

    def _iteration(self, entry: Any, path: str) -> Iteration:
        if not isinstance(entry, Mapping):
            self._flag(path, "not an object")
            return Iteration()
        rest = dict(entry)
        known = self._take(rest, f"{path}.", _ITERATION_WORDS, _ITERATION_NESTED)
        return Iteration(**known, unknown=rest)

    def _take(
        self, rest: dict[str, Any], path: str, words: tuple[str, ...], nested: tuple[str, ...]
    ) -> dict[str, Any]:
        """Move the known keys out of `rest`; what stays there is unknown."""
        known: dict[str, Any] = {}
        for name in words:
            known[name] = self._word(rest.pop(name, None), path + name)
        for name in _COUNTERS:
            known[name] = self._counter(rest.pop(name, None), path + name)
        for name in nested:
            known.update(self._group(rest, name, path))
        return known

    def _group(self, rest: dict[str, Any], name: str, path: str) -> dict[str, int | None]:
        value = rest.pop(name, None)
        if value is not None and not isinstance(value, Mapping):
            self._flag(path + name, "not an object")
        group = dict(value) if isinstance(value, Mapping) else {}
        known = {
            ours: self._counter(group.pop(theirs, None), f"{path}{name}.{theirs}")
            for theirs, ours in _NESTED[name].items()
        }
        rest.update({f"{name}.{key}": left for key, left in group.items()})
        return known

    def _counter(self, value: Any, path: str) -> int | None:
        why = None if value is None else _not_a_counter(value)
        if why is None:
            return value  # type: ignore[no-any-return]
        self._flag(path, why)
        return None

    def _word(self, value: Any, path: str) -> str | None:
        if value is None or isinstance(value, str):
            return value
        self._flag(path, "not text")
        return None

    def _flag(self, path: str, why: str) -> None:
        self.flags.add(f"{path}: {why}")


def _not_a_counter(value: Any) -> str | None:
    if type(value) is not int:
        return "not an integer"
    if value < 0:
        return "negative"
    return "too large" if value > COUNTER_MAX else None


def _reported(answer: Any) -> Any:
    """Return the `usage` of an answer as JSON values; None when it has none."""
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(answer))
    if isinstance(answer, Mapping):
        return _of_mapping(answer)
    if isinstance(answer, Usage) or not (hasattr(answer, "usage") or hasattr(answer, "model_dump")):
        raise TypeError(
            f"no usage can be read from {type(answer).__name__}; give a message or a usage, as "
            "an SDK object, a mapping or JSON bytes"
        )
    return _plain(answer.usage if hasattr(answer, "usage") else answer)


def _of_mapping(answer: Mapping[str, Any]) -> Any:
    if "usage" in answer:
        return _plain(answer["usage"])
    # A usage has no `type`; a message, an event or an error without usage has.
    return None if "type" in answer else _plain(answer)


def _of_bytes(body: bytes) -> Any:
    """Decode one level of a message; what it carries beside the usage is not looked at."""
    try:
        usage = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("usage")
        return None if usage is None else msgspec.json.decode(usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        failure = ValueError("the answer is not a JSON object")
    raise failure


def _plain(value: Any) -> Any:
    """Return `value` with the SDK's objects in it turned into mappings."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="python", exclude_unset=True, warnings=False)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _later(start: T | None, delta: T | None) -> T | None:
    return start if delta is None else delta


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _get(event: object, name: str) -> Any:
    return event.get(name) if isinstance(event, Mapping) else getattr(event, name, None)
