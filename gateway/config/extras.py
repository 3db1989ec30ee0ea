"""What an upstream needs that is installed only on demand."""

from __future__ import annotations

from importlib.util import find_spec

from gateway.config.rules import Fault
from gateway.config.upstreams import Upstream

_LIBRARIES = {"azure": ("azure.identity", "azure-identity", "tidegate[azure]")}
"""The start of a kind of credential -> the module it needs, the package, and the extra."""


def missing(upstream: Upstream) -> Fault | None:
    """Return what an upstream's credential needs and is not there; None when nothing lacks."""
    needs = _LIBRARIES.get(upstream.credential_kind.partition("_")[0])
    if needs is None or _installed(needs[0]):
        return None
    what = f"has a credential that {needs[1]} fetches, which is not installed"
    return Fault("provider", what, f"pip install '{needs[2]}'")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
