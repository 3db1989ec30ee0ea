"""What a configured upstream is, in the words of the facts that follow from it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config import (
    AnthropicUpstream,
    AwsUpstream,
    BedrockMantleUpstream,
    BedrockUpstream,
    FoundryUpstream,
    GoogleCloudUpstream,
    OpenaiRelayUpstream,
    RelayUpstream,
    Upstream,
    VertexUpstream,
)
from gateway.policy.places import Where, derived, derived_by_model
from providers.contract import Endpoint
from providers.registry import PROVIDERS


def where(section: Upstream) -> Where:
    """Return where an upstream is.

    From an address of its own nothing follows: whatever answers there may be anywhere.
    """
    endpoint: Endpoint = PROVIDERS[section.provider].endpoint(section.place())
    return Where(
        name=section.name,
        platform=section.provider,
        region=endpoint.region,
        profile=section.profile if isinstance(section, BedrockUpstream) else None,
        geo=endpoint.geo or endpoint.zone,
        relay=section.base_url is not None,
        address=section.base_url,
        account=_account(section),
        models={name: model.id for name, model in endpoint.models.items()},
    )


def reach(section: Upstream) -> Callable[[str], frozenset[str] | None]:
    """Return what tells of a model where an upstream may process it; None: nobody says."""
    place = where(section)
    usual = derived(place).get("processing_in")
    by_model = derived_by_model(place)

    def countries(model: str) -> frozenset[str] | None:
        own = by_model.get(model, {})
        fact = own.get("processing_in", usual)
        return fact.value if fact and isinstance(fact.value, frozenset) else None

    return countries


def _account(section: Upstream) -> tuple[str, ...]:
    """Return what names the account: what was verified in one says nothing of another."""
    named: tuple[str | None, ...]
    match section:
        case BedrockUpstream() | BedrockMantleUpstream():
            named = (section.aws_profile,)
        case AwsUpstream():
            named = (section.aws_profile, section.workspace)
        case FoundryUpstream():
            named = (section.resource, section.hosted_on)
        case GoogleCloudUpstream():
            named = (section.project, section.credentials_file, section.workspace)
        case VertexUpstream():
            named = (section.project, section.credentials_file)
        case AnthropicUpstream():
            named = (section.workspace,)
        case OpenaiRelayUpstream() | RelayUpstream():
            named = ()
    return tuple(name or "" for name in named)
