"""The leave of one request to go out: which upstreams, at which addresses, and until when.

It is made from the plan, apart from how upstreams are connected, and asked by the one function
that opens a socket and again right before the first byte of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from gateway.routing import Plan
from gateway.wire.contract import EgressRefused, Route

Address = tuple[str, str, int]
"""Scheme, host, port."""

_PORTS = {"http": 80, "https": 443}


class Withdrawn(EgressRefused):
    """Policy allowed the upstream when the call was planned, and no longer does."""


class Passage:
    """Where one request may go."""

    __slots__ = ("_addresses", "_may")

    def __init__(self, addresses: Mapping[str, Address], may: Callable[[str], bool]) -> None:
        self._addresses = addresses
        self._may = may

    def check(self, route: Route) -> None:
        """Let a request pass along a route.

        Raises EgressRefused when the route's upstream is not in the plan or its address is not
        the planned one, and Withdrawn when policy no longer allows the upstream.
        """
        planned = self._addresses.get(route.upstream)
        if planned is None:
            raise EgressRefused(f"upstream {route.upstream}: it is not in the request's plan")
        if planned != (route.scheme, route.host, route.port):
            raise EgressRefused(
                f"upstream {route.upstream}: {route.scheme}://{route.host}:{route.port} is not "
                f"its planned address {planned[0]}://{planned[1]}:{planned[2]}"
            )
        if not self._may(route.upstream):
            raise Withdrawn(f"upstream {route.upstream}: policy no longer allows it")


def passage_of(plan: Plan, may: Callable[[str], bool]) -> Passage:
    """Return the passage of a plan: the addresses its legs' endpoints have.

    `may` says of an upstream's name whether policy still allows it for this request.
    """
    addresses = {leg.upstream.name: address(leg.upstream.endpoint.base_url) for leg in plan.legs}
    return Passage(addresses, may)


@lru_cache(maxsize=1024)
def address(base_url: str) -> Address:
    """Return the address that a base URL names."""
    url = urlsplit(base_url)
    return url.scheme, url.hostname or "", url.port or _PORTS.get(url.scheme, 0)
