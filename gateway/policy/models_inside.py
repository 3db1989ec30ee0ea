"""The models that a request names beside its own: in `fallbacks`, in an advisor's tool."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from gateway.policy.decision import Reason
from providers import catalog

CHOSEN_BY_THE_PLATFORM = "default"
"""The name for whatever model the platform chooses."""
UNREADABLE = "unreadable"
"""Stands for a model that is named in a way that cannot be read."""
_MAY_NAME_MODELS = ("unknown:fallbacks", "unknown:tools[].model")
_MAY_HIDE_MODELS = frozenset({"unknown:more", "unknown:tools", "unknown:tool.definition"})


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """Return the canonical id of a name; the name itself where it stands for no model for sure.

    An id in a platform's own spelling may name a profile too, and with it another place.
    """
    try:
        resolved = catalog.resolve(name)
    except catalog.UnknownModel:
        return name
    return name if resolved.narrow is not None else resolved.canonical


@lru_cache(maxsize=1024)
def is_known(name: str) -> bool:
    """Say whether a name is a model's canonical id."""
    try:
        return catalog.model(name).id == name
    except catalog.UnknownModel:
        return False


def judged(named: Iterable[str], features: Iterable[str]) -> tuple[str, ...]:
    """Return what is to be judged for the models inside a request, each once.

    Args:
        named: The models as the request spells them.
        features: What it asks for; unknown ones may hide more models.
    """
    found = dict.fromkeys(canonical(name) for name in named)
    if any(each in _MAY_HIDE_MODELS or each.startswith(_MAY_NAME_MODELS) for each in features):
        found[UNREADABLE] = None
    return tuple(found)


def reason(of: Reason, model: str) -> Reason:
    """Return a reason as one that is due to a model inside the request."""
    return of._replace(text=f"{of.text} (for {model}, which the request names too)")
