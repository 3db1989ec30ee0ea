"""What a probe found: a value, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.policy.facts import Value

MODEL_ACCESS = "model_access"
"""What is told of models beside the facts of policy: whether the account may use them."""


FACTS = {
    "anthropic": ("processing_in", "storage_in", "cmek"),
    "aws": (),
    "bedrock": ("retention_days", "processing_in", "storage_in", "partition"),
    "bedrock_mantle": (),
    "foundry": (),
    "google_cloud": (),
    "openai_relay": (),
    "relay": (),
    "vertex": ("processing_in",),
}
"""Provider -> the facts that its platform can be asked about."""


class Outcome(StrEnum):
    """What became of one question."""

    VERIFIED = "verified"
    """The platform confirmed it."""
    DROPPED = "dropped"
    """The platform says otherwise: the fact is unknown from now on."""
    UNVERIFIED = "unverified"
    """There was no answer that settles it."""
    ABSENT = "absent"
    """The platform has no such model there, so nothing can be sent to it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact of one upstream, as a platform was asked for it."""

    upstream: str
    fact: str
    """A fact's name, or MODEL_ACCESS."""
    outcome: Outcome
    probe: str
    """The vendor's operation: `bedrock.get_account_data_retention`."""
    asked: str
    """What was asked, for people: `eu-central-1`."""
    because: str = ""
    """Why it is not verified, or what more there is to know."""
    value: Value | None = None
    """What the platform confirmed; only with VERIFIED."""
    models: tuple[str, ...] = ()
    """The canonical ids it is about; none: all of the upstream's."""
