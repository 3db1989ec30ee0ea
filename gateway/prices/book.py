"""The price book: finds the row for a context, and prices usage with it."""

from __future__ import annotations

from typing import Protocol

from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.usage import Usage


class Prices(Protocol):
    """What prices an answer."""

    @property
    def digest(self) -> str:
        """Of every row and contract in force."""
        ...

    def told(self, digest: str) -> str | None:
        """Return the rows and contracts behind a cost's digest, as JSON; None: unknown digest."""
        ...

    def cost(self, usage: Usage, context: Context) -> Cost:
        """Return what an answer cost."""
        ...

    def bounds(self, sizes: Sizes, usage: Usage | None, context: Context) -> Bounds | None:
        """Return between what and what an attempt cost whose last count never came.

        Args:
            sizes: The request.
            usage: What was told before it broke off; None: nothing was.
            context: Where it was sent.

        Returns:
            None where the book has no price.
        """
        ...
