"""How far a request to an upstream may travel, as platforms price it."""

from __future__ import annotations

from gateway.prices.cost import Scope
from providers.contract import Endpoint


def scope_of(platform: str, endpoint: Endpoint, model: str) -> Scope:  # noqa: ARG001 - laid out
    """Return the scope of a model at an endpoint."""
    return "global"
