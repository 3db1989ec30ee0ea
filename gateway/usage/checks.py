"""What the counts of one report must have to do with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.usage.tokens import EXECUTORS, Iteration

_NOT_THE_SPLIT = "is not the sum of its parts"
_NOT_THE_RUNS = "is not the sum of the runs' outputs"
_MORE_THAN_ALL = "more than output_tokens"
_CHECKS = tuple(f": {check}" for check in (_NOT_THE_SPLIT, _NOT_THE_RUNS, _MORE_THAN_ALL))

_BESIDE = frozenset({"compaction", "advisor_message"})
"""The types of runs that the totals leave out."""


def checked(flags: Iterable[str], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return all flags of a report: those of its reading, and what does not fit together in it.

    What earlier checks found is left out: they looked at less.
    """
    read = {flag for flag in flags if not flag.endswith(_CHECKS)}
    return tuple(sorted(read.union(_mismatches(fields))))


def read_flags(flags: Iterable[str]) -> list[str]:
    """Return the flags that a look at the counts alone would not find again."""
    return [flag for flag in flags if not flag.endswith(_CHECKS)]


def _mismatches(fields: Mapping[str, Any]) -> Iterable[str]:
    get = fields.get
    if not _is_split(
        get("cache_creation_input_tokens"),
        get("cache_creation_5m_input_tokens"),
        get("cache_creation_1h_input_tokens"),
    ):
        yield f"cache_creation_input_tokens: {_NOT_THE_SPLIT}"
    output, thinking = get("output_tokens"), get("thinking_tokens")
    if thinking is not None and output is not None and thinking > output:
        yield f"output_tokens_details.thinking_tokens: {_MORE_THAN_ALL}"
    iterations: tuple[Iteration, ...] | None = get("iterations")
    if iterations:
        yield from _mismatched_runs(output, iterations)


def _mismatched_runs(output: int | None, iterations: tuple[Iteration, ...]) -> Iterable[str]:
    for at, run in enumerate(iterations):
        if not _is_split(
            run.cache_creation_input_tokens,
            run.cache_creation_5m_input_tokens,
            run.cache_creation_1h_input_tokens,
        ):
            yield f"iterations.{at}.cache_creation_input_tokens: {_NOT_THE_SPLIT}"
    if output is not None and not _is_told_by(output, iterations):
        yield f"output_tokens: {_NOT_THE_RUNS}"


def _is_told_by(output: int, iterations: tuple[Iteration, ...]) -> bool:
    """Say whether the total can be that of the runs: of all, or of the model that took over."""
    counted = [run for run in iterations if run.type in EXECUTORS]
    outputs = [run.output_tokens for run in counted if run.output_tokens is not None]
    understood = all(run.type in EXECUTORS or run.type in _BESIDE for run in iterations)
    if not counted or not understood or len(outputs) != len(counted):
        return True
    served = [run.output_tokens or 0 for run in counted if run.model == counted[-1].model]
    return output in (sum(outputs), sum(served))


def _is_split(whole: int | None, five_minutes: int | None, hour: int | None) -> bool:
    """Say whether the cache writes by time to live can add up to the whole."""
    if whole is None or (five_minutes is None and hour is None):
        return True
    told = (five_minutes or 0) + (hour or 0)
    return told == whole if five_minutes is not None and hour is not None else told <= whole
