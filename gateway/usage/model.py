"""The usage of one answer, from whatever tells it and to whoever wants it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from gateway.usage import elsewhere, merging, streaming
from gateway.usage.answers import decoded, reported
from gateway.usage.checks import checked, read_flags
from gateway.usage.reading import Fields, read
from gateway.usage.shapes import ITERATION, USAGE
from gateway.usage.tokens import Iteration, Tokens
from gateway.usage.writing import written

_FLAGS = "gateway_flags"
"""The key that flags are written down under, beside what the API has."""


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
    fallback_credit: str | None = None
    """`redeemed`: tokens written to the cache are billed as read, how many is not told. Or
    `not_applied`."""
    fallback_credit_reason: str | None = None
    """Why it was not applied."""
    iterations: tuple[Iteration, ...] | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Keys not listed here, by path (`server_tool_use.code_execution_requests`)."""
    flags: tuple[str, ...] = ()
    """What was wrong with the report, does not fit together in it, or differed between two of the
    same message: `<path>: <why>` or `conflict: <path>`, sorted, without the value."""

    @classmethod
    def of(cls, answer: object) -> Usage:
        """Return the usage of an answer.

        Takes a message or a usage object of the SDK, either of them as a mapping, or a message
        as JSON bytes. An answer without usage gives a Usage that knows nothing.

        Raises TypeError for anything else and ValueError for bytes that are not a JSON object.
        """
        return _made(read(reported(answer)))

    @classmethod
    def of_bedrock_metrics(cls, block: object) -> Usage:
        """Return what Bedrock's `amazon-bedrock-invocationMetrics` count.

        Takes the block or the event that has it, as a mapping, an SDK object or JSON bytes.
        Raises TypeError for anything else and ValueError for bytes that are not a JSON object.
        """
        return _made(elsewhere.bedrock_metrics(decoded(block)))

    @classmethod
    def of_converse(cls, report: object) -> Usage:
        """Return the usage of an answer of Bedrock's Converse, or of its `TokenUsage` alone.

        Takes and raises what `of_bedrock_metrics` does.
        """
        return _made(elsewhere.converse(decoded(report)))

    @classmethod
    def of_openai(cls, report: object) -> Usage:
        """Return the usage of an OpenAI chat completion, or of its `CompletionUsage` alone.

        What was read from or written to the cache is taken out of `prompt_tokens`. Takes and
        raises what `of_bedrock_metrics` does.
        """
        return _made(elsewhere.openai(decoded(report)))

    @classmethod
    def from_stream(cls, events: Iterable[object]) -> Usage:
        """Return the usage that a stream has reported so far.

        Takes the SDK's raw events or the same as mappings. `message_start` and `message_delta`
        count; a usage or Bedrock's metrics in `message_stop` fill in what they left out.
        """
        return _made(streaming.told(events))

    @classmethod
    def from_json(cls, text: str | bytes) -> Usage:
        """Return what `to_json` wrote down; raises ValueError for what is no JSON object."""
        report = decoded(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
        kept = report.pop(_FLAGS, ())
        known = read(report)
        if isinstance(kept, list):
            known["flags"] += [flag for flag in kept if isinstance(flag, str)]
        return _made(known)

    @classmethod
    def merge(cls, start: Usage, delta: Usage) -> Usage:
        """Return `start` with each field that `delta` knows in its place.

        The counts of a `message_delta` are cumulative, so they replace and never add; what a
        delta leaves out (the split by time to live, tier, speed, region) stays as it was
        (`anthropic.lib.streaming._messages.accumulate_event`).
        """
        return _made(merging.later(_known(start), _known(delta)))

    @classmethod
    def raised(cls, one: Usage, other: Usage) -> Usage:
        """Return the higher of each count of two reports of the same message.

        What differs is named in `flags` as `conflict: <path>`. Of two lists of iterations the
        longer one is taken. In any order, and with any of them repeated, reports come to the same.
        """
        return _made(merging.raised(_known(one), _known(other)))

    def to_json(self) -> str:
        """Return it as the JSON of the Messages API, keys sorted, flags beside them."""
        told = written(self, self.unknown, USAGE)
        if self.iterations is not None:
            told["iterations"] = [written(run, run.unknown, ITERATION) for run in self.iterations]
        flags = read_flags(self.flags)
        if flags:
            told[_FLAGS] = flags
        return msgspec.json.encode(told, order="sorted").decode()

    def to_openai(self) -> dict[str, Any]:
        """Return it as OpenAI's `CompletionUsage`, whose `prompt_tokens` are all of the prompt."""
        return elsewhere.to_openai(self, self.thinking_tokens)

    def to_otel(self) -> dict[str, int | str]:
        """Return it as OpenTelemetry's `gen_ai.usage.*`, whose input counts the cache too."""
        return elsewhere.to_otel(self)


_NAMES = tuple(item.name for item in fields(Usage))


def _known(usage: Usage) -> Fields:
    values = {name: getattr(usage, name) for name in _NAMES}
    return {name: value for name, value in values.items() if value is not None}


def _made(known: Fields) -> Usage:
    flags = known.pop("flags")
    return Usage(**known, flags=checked(flags, known))
