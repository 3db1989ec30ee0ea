"""Prices a message; takes over what the ledger says of an attempt."""

from __future__ import annotations

from gateway.billing.charge import Charge
from gateway.billing.labels import Labels
from gateway.billing.messages import Message
from gateway.ledger.row import Row, State
from gateway.prices.book import Prices
from gateway.prices.cost import Context, Cost
from gateway.usage import Usage
from providers import catalog

USER_TAG = "user"
"""The tag that names the user of a call; without it, its key does."""


def charge_of(message: Message, prices: Prices) -> Charge:
    """Return what a message is charged with."""
    usage, state = message.usage, message.state
    named = message.model
    model = catalog.canonical(named)
    cost = _cost(message, usage, model, prices)
    return Charge(
        id=message.key.message_id,
        platform=message.key.platform,
        model=model or named,
        state=state,
        labels=message.billed_to,
        usage=usage,
        list_pico=cost.list_pico,
        net_pico=cost.net_pico,
        uncached_pico=cost.uncached_pico,
        low_pico=cost.net_pico,
        # How much more it put out than was told, nobody here knows.
        high_pico=cost.net_pico if state is State.FINAL else None,
        unpriced=cost.unpriced,
        flags=tuple(sorted({*message.flags, *usage.flags, *cost.flags})),
        at_s=message.at_s or 0.0,
        calls=tuple(sorted(message.calls)),
    )


def _cost(message: Message, usage: Usage, model: str | None, prices: Prices) -> Cost:
    if not message.model:
        return Cost(list_pico=None, net_pico=None, unpriced=("no model is named",))
    place = message.place
    batch = message.batch or usage.service_tier == "batch"
    context = Context(
        platform=place.platform,
        scope=place.scope,
        model=model or message.model,
        served=model,
        upstream=place.upstream,
        at_s=message.at_s or 0.0,
        processing="batch" if batch else "standard",
        stop_reason=min(message.stop_reasons, default=None),
    )
    return prices.cost(usage, context)


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
