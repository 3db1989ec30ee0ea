"""Between what and what an attempt cost whose last count never came.

What was told is exact. Of the rest, the least is nothing, and the most is what the request leaves
open: no more tokens than its body has bytes, at the dearest rate, and as much output as it asks
for. What a body only names or carries packed (a URL, a file, a PDF) is bounded by the model's
window. Where server tools, an advisor or a fallback may add runs and fees, there is no most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from math import isqrt
from typing import NamedTuple

from msgspec import structs

from gateway.prices.amounts import amount
from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.prices.finding import Finder
from gateway.prices.tariff import Rates, Tariff
from gateway.usage import Usage
from gateway.usage.tokens import EXECUTORS
from providers import catalog

ADDED_TOKENS = 4096
"""What a platform itself may add to a prompt: the system prompt that comes with tools (up to 530
tokens where it is documented) and the definitions of its own tools (computer use 735, text editor
700, bash 245), named by a few bytes; doubled."""
_BYTES_A_TOKEN = 3
"""In the JSON of a conversation, for the best guess only. Documented: about 3.5 characters of
English, and 30 % more tokens with the tokenizer that came with Opus 4.7."""
_NOTHING_TOLD = Usage()


Costs = Callable[[Usage, Context], Cost]


class Book(NamedTuple):
    """A price book, as bounds need it."""

    finder: Finder
    cost: Costs
    """Prices a usage that is whole."""
    digest: Callable[[Iterable[Rates]], str]
    """Names what was used, so that it can be looked up."""


class _Prompt(NamedTuple):
    """How many tokens a request may have."""

    likely: int
    largest: int


class _Most(NamedTuple):
    """What a model takes and makes at most."""

    input_tokens: int
    output_tokens: int


def bounds(book: Book, sizes: Sizes, usage: Usage | None, context: Context) -> Bounds | None:
    """Return the bounds; None where there is no price.

    Args:
        book: The prices.
        sizes: The request.
        usage: What was told before it broke off; None: nothing was.
        context: Where it was sent.
    """
    found = _bounds(book, sizes, usage or _NOTHING_TOLD, context)
    if found is None or not sizes.server_tools or context.paid_by_other:
        return found
    return structs.replace(found, high_pico=None)


def _bounds(book: Book, sizes: Sizes, told: Usage, context: Context) -> Bounds | None:
    finder = book.finder
    place = finder.place(told, context)
    if isinstance(place, str):
        return None
    most = _most(place.model)
    if sizes.max_tokens is not None:
        output = min(most.output_tokens, max(sizes.max_tokens, 0))
        most = most._replace(output_tokens=output)
    if _is_input_told(told):
        return _partial(book.cost, told, context, most.output_tokens)
    usual = finder.tariff(place)
    if isinstance(usual, str):
        return None
    if context.paid_by_other:
        return Bounds(low_pico=0, estimate_pico=0, high_pico=0)
    others = [finder.tariff(each) for each in finder.anywhere(context, told, sizes.speed)]
    tariffs = [usual, *(each for each in others if isinstance(each, Tariff))]
    largest = most.input_tokens
    if not sizes.documents:
        largest = min(sizes.body_bytes + ADDED_TOKENS, largest)
    prompt = min(sizes.body_bytes // _BYTES_A_TOKEN + 1, largest)
    found = _unknown(tariffs, _Prompt(prompt, largest), told.output_tokens or 0, most)
    return structs.replace(found, digest=book.digest(_rates(tariffs, largest)))


def _is_input_told(told: Usage) -> bool:
    runs = told.iterations or (told,)
    return all(run.input_tokens is not None for run in runs)


def _partial(cost: Costs, told: Usage, context: Context, most: int) -> Bounds | None:
    """Bound an attempt whose input is known: only its output may still be more."""
    out = _output_told(told)
    ends = (out, _guess(out, most), max(out, most))
    least, likely, largest = (cost(_with_output(told, out, end), context) for end in ends)
    low, estimate, high = least.low_pico, likely.net_pico, largest.high_pico
    if low is None or estimate is None:
        return None
    return Bounds(
        low_pico=low,
        estimate_pico=estimate,
        high_pico=high,
        list_pico=likely.list_pico,
        digest=likely.digest,
    )


def _output_told(told: Usage) -> int:
    if not told.iterations:
        return told.output_tokens or 0
    return sum(run.output_tokens or 0 for run in told.iterations if run.type in EXECUTORS)


def _with_output(told: Usage, out: int, end: int) -> Usage:
    """Return a usage with so much output in all; what is more is the last executor's."""
    if not told.iterations:
        return replace(told, output_tokens=end)
    runs = [replace(run, output_tokens=run.output_tokens or 0) for run in told.iterations]
    executors = [at for at, run in enumerate(runs) if run.type in EXECUTORS]
    last = executors[-1] if executors else -1
    runs[last] = replace(runs[last], output_tokens=(runs[last].output_tokens or 0) + end - out)
    return replace(told, output_tokens=end, iterations=tuple(runs))


def _unknown(tariffs: Sequence[Tariff], prompt: _Prompt, out: int, most: _Most) -> Bounds:
    """Bound an attempt that told not even its input.

    Args:
        tariffs: What it may be priced by, the usual one first.
        prompt: Its size.
        out: The output that was told.
        most: The largest counts that are possible.
    """
    output = max(out, most.output_tokens)
    bands = [band for tariff in tariffs for band in tariff.bands(prompt.largest)]
    low = min(_output(rates, out) for _, rates in bands)
    high = max(
        amount(size, rates.dearest_input.net) + _output(rates, output) for size, rates in bands
    )
    rates = tariffs[0].at(prompt.likely)
    guess = amount(prompt.likely, rates.by_category["input"].net)
    guess += _output(rates, _guess(out, output))
    return Bounds(low_pico=low, estimate_pico=min(max(guess, low), high), high_pico=high)


def _rates(tariffs: Sequence[Tariff], largest: int) -> Iterator[Rates]:
    return (rates for tariff in tariffs for _, rates in tariff.bands(largest))


def _output(rates: Rates, tokens: int) -> int:
    return amount(tokens, rates.by_category["output"].net)


def _guess(least: int, most: int) -> int:
    """Return the best guess at a count of which only the ends are known, far apart.

    Their geometric mean: as likely that it is so many times more as so many times less.
    """
    return min(max(isqrt(max(least, 1) * most), least), most) if most > least else least


@cache
def _most(model: str) -> _Most:
    """Return the bounds of a model; those of the largest model where its own are not known."""
    known = catalog.models()
    windows = [each.max_input_tokens or 0 for each in known]
    outputs = [each.max_output_tokens or 0 for each in known]
    own = catalog.model(model) if catalog.is_known(model) else None
    return _Most(
        (own and own.max_input_tokens) or max(windows),
        (own and own.max_output_tokens) or max(outputs),
    )
