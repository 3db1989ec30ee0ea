"""Counts that were reported and cannot be ones: what they would cost is not known."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.usage import Usage

_FLAWS = frozenset(
    {"not an integer", "negative", "too large", "not an object", "not a list", "not text"}
)
"""What is said of a value that could not be read; other flags are about values that could."""
_CUT = "usage: more was wrong"
"""Stands for flags that were left out."""
_WORDS = frozenset({"service_tier", "inference_geo", "speed", "iterations"})
_COUNTS = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    }
)
_RUN = _COUNTS | {"type", "model"}
_SEARCHES = frozenset({"server_tool_use", "server_tool_use.web_search_requests"})


def unusable(usage: Usage, *, by_iterations: bool) -> Iterator[str]:
    """Yield what a cost rests on and was reported in a way that cannot be.

    A missing split by time to live is none of it: it is assumed, and flagged.
    """
    for flag in usage.flags:
        if flag == _CUT:
            yield "more is wrong with the usage than is told"
        path, _, why = flag.partition(": ")
        if why in _FLAWS and _matters(usage, path, by_iterations=by_iterations):
            yield f"{path} is {why}"


def _matters(usage: Usage, path: str, *, by_iterations: bool) -> bool:
    """Say whether a value is needed, and no other report told it."""
    if path in _WORDS:
        return getattr(usage, path) is None
    if path in _SEARCHES:
        return usage.web_search_requests is None
    if path in _COUNTS:
        return not by_iterations and getattr(usage, path) is None
    if not by_iterations or not path.startswith("iterations."):
        return False
    number, _, name = path.removeprefix("iterations.").partition(".")
    return not name or (name in _RUN and _is_missing(usage, number, name))


def _is_missing(usage: Usage, number: str, name: str) -> bool:
    runs = usage.iterations or ()
    at = int(number)
    return at >= len(runs) or getattr(runs[at], name) is None
