"""Attempts that are alike -> numbers with their bounds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from gateway.money import PICO_PER_USD
from gateway.prices.bounds import ADDED_TOKENS
from gateway.reconcile.statement import Kind, Routing
from gateway.reconcile.sums import Bounded, Cell
from gateway.reconcile.terms import terms
from providers import catalog

LESS = "less"
"""A doubt: a bill may have less of it, or nothing."""
DOUBTS = frozenset({"waived_refusal", "empty_refusal", "declined_hop", "estimated_high"})
"""The flags of attempts that raise it."""
PICO = PICO_PER_USD
"""Of a token, too, there are so many."""
KINDS: Mapping[str, Kind] = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_write_5m_tokens": "cache_write_5m",
    "cache_write_1h_tokens": "cache_write_1h",
    "cache_read_tokens": "cache_read",
    "web_searches": "web_search",
}
_SCOPES: Mapping[str, Routing] = {
    "global": "global",
    "geo": "regional",
    "in_region": "regional",
    "government": "government",
}


class Counted(Struct, frozen=True, kw_only=True):
    """Attempts that are alike."""

    doubt: str
    """`unknown`, `partial`, `less`; empty: there is none."""
    attempts: int
    tokens: Mapping[str, int]
    """Column of the ledger -> how many."""
    net_pico: int
    low_pico: int
    high_pico: int | None
    """None: there is no bound, for the platform may have run more than was asked for."""
    untold_writes: int = 0
    """Of the tokens written to a cache for 5 minutes, those whose time to live nobody told."""
    most_output: int | None
    """The tokens that could be made; None: there is no bound."""
    body_bytes: int | None
    """The size of the requests; None: there is no bound."""


def cells(counted: Counted) -> dict[Cell, Bounded]:
    """Return what attempts come to, without what is nothing for certain."""
    made = {Cell("tokens", KINDS[name]): each for name, each in _tokens(counted)}
    low = 0 if counted.doubt == LESS else counted.low_pico
    money = Bounded(counted.net_pico, low, counted.high_pico)
    return {
        **{cell: bounded for cell, bounded in made.items() if bounded != Bounded()},
        Cell("usd", "tokens"): money,
    }


def _tokens(counted: Counted) -> Iterator[tuple[str, Bounded]]:
    for name, count in counted.tokens.items():
        pico = count * PICO
        if counted.doubt == LESS:
            yield name, Bounded(pico, 0, pico)
        elif counted.doubt and counted.high_pico is None:
            yield name, Bounded(pico, pico, None)
        elif counted.doubt == "partial" and name == "output_tokens":
            yield name, Bounded(pico, pico, _high(counted.most_output))
        elif counted.doubt == "unknown" and name != "web_searches":
            yield name, Bounded(pico, pico, _most(name, counted))
        else:
            untold = counted.untold_writes * PICO
            less = untold if name == "cache_write_5m_tokens" else 0
            more = untold if name == "cache_write_1h_tokens" else 0
            yield name, Bounded(pico, pico - less, pico + more)


def _most(name: str, counted: Counted) -> int | None:
    """Return what a prompt can have at most: a token is at least a byte of the request."""
    if name == "output_tokens":
        return _high(counted.most_output)
    if counted.body_bytes is None:
        return None
    return _high(counted.body_bytes + counted.attempts * ADDED_TOKENS)


def _high(tokens: int | None) -> int | None:
    return None if tokens is None else tokens * PICO


def scope_of(scope: str, geo: str) -> Routing:
    """Return how far requests could travel, as bills tell it apart.

    Args:
        scope: The upstream's, as prices tell it apart.
        geo: Where the answer says that it ran; empty: it does not say.
    """
    if geo:
        return terms().anthropic.geos.get(geo, "regional")
    return _SCOPES.get(scope, "regional")


def model_of(served: str | None, asked: str) -> str:
    """Return the model that is billed: the one that answered."""
    return (catalog.canonical(served) or served) if served else asked
