"""Who a message is for, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from gateway.prices.cost import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where messages come from: what their prices depend on."""

    platform: str = "anthropic"
    """The provider's name: `anthropic`, `bedrock`, `vertex`."""
    scope: Scope = "global"
    """How far a request may travel there."""
    upstream: str = ""
    """Its name, for contract prices."""
    account: str = ""
    """Stands for the account that is billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Whom a message is billed to. An empty text: nobody said."""

    user: str = ""
    team: str = ""
    session: str = ""
    agent: str = ""
    """Empty: the main one. The Agent SDK names sub-agents by the tool call that began them."""
    parent_agent: str = ""

    def over(self, other: Labels) -> Labels:
        """Return these labels, and those of another where these say nothing."""
        return Labels(**{name: getattr(self, name) or getattr(other, name) for name in NAMES})


NAMES = tuple(item.name for item in fields(Labels))


def together(all_labels: Iterable[Labels]) -> tuple[Labels, list[str]]:
    """Return what the labels of one message come to, and the names of those that differ.

    Where two differ the first of the alphabet stands, so that the order does not matter.
    """
    given = list(all_labels)
    said = {name: {getattr(each, name) for each in given} - {""} for name in NAMES}
    differing = [name for name in NAMES if len(said[name]) > 1]
    return Labels(**{name: min(said[name], default="") for name in NAMES}), differing
