"""What decisions rest on in one environment: the policies in force and the facts they look at."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.compiling import Compiled
from gateway.policy.facts import FactSheet
from gateway.policy.files import PolicyFile


@dataclass(frozen=True, eq=False)
class InForce:
    """Policies and facts that belong together; they are replaced whole."""

    environment: str
    compiled: Compiled
    facts: FactSheet
    files: tuple[PolicyFile, ...] = ()
    """The policies as they were written."""
