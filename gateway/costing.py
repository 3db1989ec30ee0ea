"""What an answer cost: its usage, priced for the place it came from."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from gateway.policy.observed import Said
from gateway.prices.book import Prices
from gateway.prices.cost import Context, Cost, Scope
from gateway.prices.scopes import scope_of
from gateway.routing import Upstream
from gateway.usage import Usage
from providers import catalog
from providers.contract import Kind, Operation

COST = "x-gateway-cost-usd"


class Costing:
    """Prices the answers of one engine.

    Args:
        prices: The book.
        now_s: The Unix time; prices hold that are in effect when an attempt starts.
    """

    __slots__ = ("_now_s", "_prices", "_scopes")

    def __init__(self, prices: Prices, now_s: Callable[[], float]) -> None:
        self._prices = prices
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

    def cost(self, began: Context, said: Said) -> Cost:
        """Return what an answer cost, from what it says of itself."""
        context = structs.replace(
            began,
            served=catalog.canonical(said.model) if isinstance(said.model, str) else None,
            stop_reason=said.stop_reason if isinstance(said.stop_reason, str) else None,
        )
        return self._prices.cost(Usage.of({"usage": said.counts}), context)


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
        return self._costing.cost(self._began, said) if self._priced else None

    @property
    def _priced(self) -> bool:
        return self._operation.kind is Kind.MESSAGES
