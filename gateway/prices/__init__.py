"""What Claude costs: the price book, and what an answer's usage comes to.

Prices are data (`gateway/data/prices`), effective from a day to a day, with their source. What the
book does not know has no price: never zero, never that of the nearest name.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.prices.pricing import PriceBook

__all__ = ["load", "shipped"]


@cache
def shipped() -> PriceBook:
    """Return the book as it is shipped: list prices, no contracts."""
    # The files are read when something is priced, not when this package is imported.
    from gateway.prices.files import shipped_files  # noqa: PLC0415
    from gateway.prices.pricing import PriceBook  # noqa: PLC0415

    return PriceBook(shipped_files())


def load(config: Config) -> PriceBook:
    """Return the book with the rows and contracts of a configuration over it.

    Raises:
        ConfigError: With every mistake in its price file, or where one is named that is not there.
    """
    from gateway.prices.files import shipped_files  # noqa: PLC0415 - pydantic is slow to import
    from gateway.prices.own import own_of  # noqa: PLC0415 - the same
    from gateway.prices.pricing import PriceBook  # noqa: PLC0415 - the same

    return PriceBook(shipped_files(), own_of(config), config.prices.iterations)
