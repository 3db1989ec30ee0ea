"""What an answer cost: its usage, priced for the place it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from typing import Any

from msgspec import structs

from gateway.money import usd
from gateway.policy.observed import Said
from gateway.policy.preferring import Dearness
from gateway.prices.book import Prices
from gateway.prices.cost import Context, Cost, Scope
from gateway.prices.scopes import scope_of
from gateway.routing import Upstream
from gateway.usage import Usage
from providers import catalog
from providers.contract import Kind, Operation

COST = "x-gateway-cost-usd"
BOUNDS = "x-gateway-cost-bounds-usd"
USUAL = Usage(
    input_tokens=1000,
    output_tokens=250,
    cache_creation_input_tokens=0,
    cache_read_input_tokens=3000,
)
"""What upstreams are compared by: one model's prices differ alike for all counts almost always."""


def cost_headers(cost: Cost) -> Iterator[tuple[str, str]]:
    """Yield what tells a caller the cost, and its bounds where that is not exact."""
    if cost.net_pico is None:
        return
    yield COST, usd(cost.net_pico)
    low, high = usd(cost.net_pico - cost.less_pico), cost.high_pico
    if high is None:
        yield BOUNDS, f"{low}.."
    elif cost.less_pico or cost.more_pico:
        yield BOUNDS, f"{low}..{usd(high)}"


class Costing:
    """Prices the answers of one engine.

    Args:
        prices: The book.
        upstreams: The configured upstreams.
        now_s: The Unix time; prices hold that are in effect when an attempt starts.
    """

    __slots__ = ("_now_s", "_prices", "_scopes", "_upstreams")

    def __init__(
        self, prices: Prices, upstreams: Iterable[Upstream], now_s: Callable[[], float]
    ) -> None:
        self._prices = prices
        self._upstreams = {each.name: each for each in upstreams}
        self._now_s = now_s
        self._scopes: dict[tuple[str, str], Scope | None] = {}

    def scope(self, upstream: Upstream, model: str) -> Scope | None:
        """Return how far a request may travel there, as platforms price it; None: nothing tells."""
        key = (upstream.name, model)
        if key not in self._scopes:
            self._scopes[key] = scope_of(upstream.provider.name, upstream.endpoint, model)
        return self._scopes[key]

    def began(self, upstream: Upstream, model: str, *, paid_by_other: bool) -> Context:
        """Return what the price of an attempt depends on that starts now."""
        return Context(
            platform=upstream.provider.name,
            scope=self.scope(upstream, model),
            model=model,
            upstream=upstream.name,
            at_s=self._now_s(),
            paid_by_other=paid_by_other,
        )

    def dearness(self, upstream: str, model: str) -> float:
        """Return what a usual request costs at an upstream, to compare; `inf`: nobody knows."""
        return self._dearness(upstream, model, self._now_s())

    def dearness_at(self, at_s: float) -> Dearness:
        """Return what tells it for a Unix time."""
        return lambda upstream, model: self._dearness(upstream, model, at_s)

    def _dearness(self, upstream: str, model: str, at_s: float) -> float:
        began = self._at(upstream, model, at_s)
        cost = None if began is None else self._prices.cost(USUAL, began)
        return inf if cost is None or cost.net_pico is None else cost.net_pico

    def spent(self, upstream: str, model: str, usage: Mapping[str, Any], at_s: float) -> int | None:
        """Return what usage cost, or would have cost, at an upstream at a time, in picodollars."""
        began = self._at(upstream, model, at_s)
        return None if began is None else self.cost(began, Said(usage=dict(usage))).net_pico

    def _at(self, upstream: str, model: str, at_s: float) -> Context | None:
        """Return what prices depend on there and then; None: it does not serve the model."""
        found = self._upstreams.get(upstream)
        if found is None or model not in found.endpoint.models:
            return None
        return structs.replace(self.began(found, model, paid_by_other=False), at_s=at_s)

    def cost(self, began: Context, said: Said) -> Cost:
        """Return what an answer cost, from what it says of itself."""
        context = structs.replace(
            began,
            served=self._served(said.model, began),
            stop_reason=_word(said.stop_reason),
            refusal_category=_word(said.refusal_category),
        )
        return self._prices.cost(Usage.of({"usage": said.counts}), context)

    def _served(self, named: object, began: Context) -> str | None:
        """Return which model answered; one that nobody knows as it stands: it has no price."""
        if not isinstance(named, str):
            return None
        asked = self._upstreams[began.upstream].endpoint.models[began.model].id
        return began.model if named == asked else catalog.canonical(named) or named


def _word(said: object) -> str | None:
    return said if isinstance(said, str) else None


class Bill:
    """The costs of one call."""

    __slots__ = ("_began", "_costing", "_operation", "_paid_by_other")

    def __init__(
        self, costing: Costing | None, operation: Operation, *, paid_by_other: bool
    ) -> None:
        self._costing = costing
        self._operation = operation
        self._paid_by_other = paid_by_other
        self._began: Context | None = None

    def began(self, upstream: Upstream) -> str | None:
        """Take note of an attempt that starts; return how far it may travel, where known."""
        if self._costing is None:
            return None
        model = self._operation.model
        self._began = self._costing.began(upstream, model, paid_by_other=self._paid_by_other)
        return self._began.scope

    def cost(self, said: Said) -> Cost | None:
        """Return what the last attempt's answer cost; None: nothing prices it."""
        if self._costing is None or self._began is None:
            return None
        if self._operation.kind is not Kind.MESSAGES:
            return None
        return self._costing.cost(self._began, said)
