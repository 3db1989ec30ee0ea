"""Prices a message; takes over what the ledger says of an attempt."""

from __future__ import annotations

from gateway.billing.charge import Charge
from gateway.billing.labels import Labels
from gateway.billing.messages import Message
from gateway.ledger.costs import runs_of
from gateway.ledger.row import Row, State
from gateway.prices.book import Prices
from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.usage import Usage
from providers import catalog

_NAMELESS = Cost(list_pico=None, net_pico=None, unpriced=("no model is named",))
USER_TAG = "user"
"""The tag that names the user of a call; without it, its key does."""


def charge_of(message: Message, prices: Prices) -> Charge:
    """Return what a message is charged with."""
    usage, state = message.usage, message.state
    context = _context(message, usage)
    cost = prices.cost(usage, context) if message.model else _NAMELESS
    low_pico, high_pico = cost.low_pico, cost.high_pico
    if state is State.PARTIAL:
        bounds = _bounds(usage, context, prices)
        high_pico = None if bounds is None else bounds.high_pico
    return Charge(
        id=message.key.message_id,
        platform=message.key.platform,
        model=context.model,
        state=state,
        labels=message.billed_to,
        usage=usage,
        list_pico=cost.list_pico,
        net_pico=cost.net_pico,
        uncached_pico=cost.uncached_pico,
        low_pico=low_pico,
        high_pico=high_pico,
        unpriced=cost.unpriced,
        flags=tuple(sorted({*message.flags, *usage.flags, *cost.flags})),
        at_s=message.at_s or 0.0,
        calls=tuple(sorted(message.calls)),
    )


def _context(message: Message, usage: Usage) -> Context:
    place = message.place
    model = catalog.canonical(message.model) or message.model
    stop_reason, category = min(message.stops, default=("", ""))
    batch = message.batch or usage.service_tier == "batch"
    return Context(
        platform=place.platform,
        scope=place.scope,
        model=model,
        served=model,
        upstream=place.upstream,
        at_s=message.at_s or 0.0,
        processing="batch" if batch else "standard",
        stop_reason=stop_reason or None,
        refusal_category=category or None,
    )


def _bounds(usage: Usage, context: Context, prices: Prices) -> Bounds | None:
    """Return the bounds of a message whose output may be more than was told.

    Where its input was not told either, there are none, for its request is not known here. Whether
    it let the platform run tools is not known either: where what was told shows that, nothing
    bounds the most; else it is taken not to have.
    """
    if any(run.input_tokens is None for run in runs_of(usage)):
        return None
    return prices.bounds(Sizes(body_bytes=0, server_tools=_ran_tools(usage)), usage, context)


def _ran_tools(usage: Usage) -> bool:
    runs = usage.iterations is not None
    return runs or bool(usage.web_search_requests or usage.web_fetch_requests or usage.unknown)


def charge_of_row(row: Row) -> Charge | None:
    """Return what an attempt is charged with; None: it is not.

    Counting tokens is free, and a duplicate's message is charged with another attempt.
    """
    if row.kind != "messages" or row.duplicate_of is not None:
        return None
    return Charge(
        id=row.attempt,
        platform=row.platform,
        model=row.served_model or row.model,
        state=row.state,
        labels=Labels(
            user=row.tags.get(USER_TAG, "") or row.caller,
            team=row.team,
            session=row.session,
            agent=row.agent,
            parent_agent=row.parent_agent,
        ),
        usage=_usage(row),
        list_pico=row.list_pico,
        net_pico=row.net_pico,
        uncached_pico=row.uncached_pico,
        low_pico=row.low_pico,
        high_pico=row.high_pico,
        unpriced=() if row.unpriced is None else (row.unpriced,),
        flags=tuple(row.flags),
        open=row.open,
        won=row.won,
        at_s=row.started_us / 1e6,
    )


def _usage(row: Row) -> Usage:
    if row.usage is not None:
        return Usage.from_json(row.usage)
    return Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_creation_input_tokens=row.cache_write_tokens,
        cache_creation_5m_input_tokens=row.cache_write_5m_tokens,
        cache_creation_1h_input_tokens=row.cache_write_1h_tokens,
        cache_read_input_tokens=row.cache_read_tokens,
        thinking_tokens=row.thinking_tokens,
        web_search_requests=row.web_searches,
    )
