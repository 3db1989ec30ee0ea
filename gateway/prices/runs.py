"""What of a usage is billed: which runs, of which models, and which of them are waived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from gateway.prices.cost import Context
from gateway.usage import Iteration, Tokens, Usage
from gateway.usage.tokens import EXECUTORS

Iterations = Literal["always", "when_mixed"]
"""When `usage.iterations` is the bill: where present, or only where it names other runs too."""

KNOWN = EXECUTORS | {"compaction", "advisor_message"}
EMPTY_REFUSAL = "empty_refusal"
"""A refusal without output, and nobody says that the platform does not bill it."""
_KIND_CHARACTERS = 40
"""A platform's own word, kept so far."""


class Run(NamedTuple):
    """One sampling run."""

    kind: str
    model: str
    tokens: Tokens
    billable: bool = True
    certain: bool = True
    """Whether it is known that it is billed, or that it is not."""


class Runs(NamedTuple):
    """All runs of an answer, and what was noticed in them."""

    runs: Sequence[Run]
    flags: Sequence[str] = ()


Waived = Callable[[], tuple[bool, str | None]]
"""Says whether a refusal without output is not billed, and the flag that tells so."""


def billed_by_iterations(usage: Usage, mode: Iterations) -> bool:
    """Say whether `usage.iterations` is the bill."""
    if not usage.iterations:
        return False
    return mode == "always" or any(each.type != "message" for each in usage.iterations)


def top_level(usage: Usage, model: str, context: Context, waived: Waived) -> Runs:
    """Return the one run that the totals of a usage tell of."""
    if usage.output_tokens == 0 and context.stop_reason == "refusal":
        free, flag = waived()
        run = Run("message", model, usage, not free, flag != EMPTY_REFUSAL)
        return Runs([run], [flag] if flag else [])
    return Runs([Run("message", model, usage)])


def by_iteration(
    usage: Usage, context: Context, waived: Waived, canonical: Callable[[str], str]
) -> Runs:
    """Return the runs that `usage.iterations` lists.

    What one model sampled in a row is one attempt at the answer. An attempt without any output
    that another model took over was declined, and is not billed.
    """
    runs = [_run(each, context, canonical) for each in usage.iterations or ()]
    flags = {"unknown_run" for run in runs if run.kind not in KNOWN}
    executors = [at for at, run in enumerate(runs) if run.kind in EXECUTORS]
    attempts = [list(group) for _, group in groupby(executors, key=lambda at: runs[at].model)]
    for attempt in attempts:
        if any(runs[at].tokens.output_tokens != 0 for at in attempt):
            continue
        free, flag = _without_output(attempt is attempts[-1], context, waived)
        flags |= {flag} if flag else set()
        for at in attempt:
            runs[at] = runs[at]._replace(billable=not free, certain=flag != EMPTY_REFUSAL)
    if attempts and _differs(usage, [runs[at].tokens for at in attempts[-1]]):
        flags.add("iterations_differ")
    return Runs(runs, sorted(flags))


def _without_output(last: bool, context: Context, waived: Waived) -> tuple[bool, str | None]:
    """Return whether an attempt without output is free, and why."""
    if not last:
        return True, "declined_hop"
    return waived() if context.stop_reason == "refusal" else (False, None)


def _run(entry: Iteration, context: Context, canonical: Callable[[str], str]) -> Run:
    kind = (entry.type or "unknown")[:_KIND_CHARACTERS]
    usual = (context.served or context.model) if kind in EXECUTORS else context.model
    return Run(kind, canonical(entry.model or usual), entry)


def _differs(usage: Usage, served: Sequence[Tokens]) -> bool:
    """Say whether the total of the attempt that was served is another than that beside it."""
    told = [tokens.output_tokens for tokens in served]
    if usage.output_tokens is None or None in told:
        return False
    return sum(count for count in told if count is not None) != usage.output_tokens
