"""The words of a decision: what was asked, and what policy said of every upstream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.policy.facts import NEVER

NOTHING: frozenset[str] = frozenset()


class Request(NamedTuple):
    """What policy looks at in a call."""

    environment: str
    data_class: str | None
    """The class it carries; None: unlabelled."""
    model: str
    """The canonical id."""
    features: frozenset[str] = NOTHING
    betas: frozenset[str] = NOTHING
    checks: frozenset[str] = NOTHING
    """The request checks it passed."""
    layers: frozenset[str] = NOTHING
    """The key layers of its caller."""
    require: frozenset[str] = NOTHING
    """What its caller requires beside: `processing_in=eu`, as `request_layer` reads it."""
    hatches: frozenset[str] = NOTHING
    """What its caller chose that is not a caller's to choose: `workspace`, `inference_geo=us`."""
    models_inside: frozenset[str] = NOTHING
    """Other models that may see it: canonical ids, or the name where none is meant for sure."""


class Kind(StrEnum):
    """Why an upstream is rejected."""

    UNPERMITTED = "unpermitted"
    """No permit names the class in the environment."""
    CLASS = "class"
    """The class is unknown, or there is none."""
    VIOLATED = "violated"
    """The fact is known, and it is not what the rule asks for."""
    UNKNOWN = "unknown"
    """Nobody says."""
    EXPIRED = "expired"
    """It was known, and has ended."""
    ASSURANCE = "assurance"
    """It is not known surely enough."""
    FORBIDDEN = "forbidden"
    """The rule forbids what the request uses."""
    CHECK = "check"
    """The request did not pass a check."""
    BLOCKED = "blocked"
    """Nothing may go there for now."""


class Reason(NamedTuple):
    """One thing that speaks against an upstream."""

    rule: str
    """The rule's id; a policy's name where it is no rule."""
    text: str
    fact: str
    """The fact, or the part of the request: `features`, `betas`, `model`, `class`."""
    kind: Kind
    wants: str = ""
    """What would be right."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


class Verdict(NamedTuple):
    """What policy says of one upstream."""

    upstream: str
    allowed: bool
    reasons: tuple[Reason, ...] = ()
    lifted: tuple[str, ...] = ()
    """The exceptions without which more rules would be asked."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says of every upstream, in the configured order."""

    candidates: tuple[Verdict, ...]
    policy_digest: str
    facts_digest: str
    data_classes: tuple[str, ...] = ()
    """The classes it was decided for: that of its label, or what policies give unlabelled calls."""
    prefer: tuple[str, ...] = ()
    """How to order the allowed ones, the most important first."""
    until_s: float = NEVER
    """Unix time at which a fact, an exception or a block ends and it must be made anew."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """The names of the allowed upstreams."""
        return tuple(each.upstream for each in self.candidates if each.allowed)
