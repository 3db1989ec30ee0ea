"""Tidegate: call Claude in one way; policy decides where each request may be served."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.billing import BillingAggregator, CostTracker
    from gateway.client import Anthropic, AsyncAnthropic
    from gateway.config import Config
    from gateway.engine import Engine
    from gateway.exceptions import NoUpstreamAvailable, PolicyDenied
    from gateway.label_scope import labels
    from gateway.usage import Usage

    __version__: str

__all__ = [
    "Anthropic",
    "AsyncAnthropic",
    "BillingAggregator",
    "Config",
    "CostTracker",
    "Engine",
    "NoUpstreamAvailable",
    "PolicyDenied",
    "Usage",
    "__version__",
    "labels",
]

_HOMES = {
    "Anthropic": "gateway.client",
    "AsyncAnthropic": "gateway.client",
    "BillingAggregator": "gateway.billing",
    "Config": "gateway.config",
    "CostTracker": "gateway.billing",
    "Engine": "gateway.engine",
    "NoUpstreamAvailable": "gateway.exceptions",
    "PolicyDenied": "gateway.exceptions",
    "Usage": "gateway.usage",
    "labels": "gateway.label_scope",
}
"""Public name -> the module it lives in, which loads when the name is first used."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            value = import_module("gateway.version").installed()
        elif name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
