"""From a configuration to what an engine is made of: endpoints, credentials, policies, a journal.

Nothing is fetched and no socket opens here; a credential is first asked for by a call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway import prices
from gateway.affinity import Affinity
from gateway.audit import Audit
from gateway.boundary import Boundary, where
from gateway.boundary.load import vouched
from gateway.config import (
    AnthropicUpstream,
    AwsUpstreamSection,
    Config,
    ConfigError,
    FoundryUpstream,
    GoogleUpstreamSection,
    Mistake,
    OpenaiRelayUpstream,
    RelayUpstream,
    Secret,
    load,
)
from gateway.config import Upstream as Section
from gateway.costing import Costing
from gateway.credentials.build import signer
from gateway.credentials.contract import Signer
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.dispatch.budget import Budget
from gateway.dispatch.drive import Connection
from gateway.dispatch.health import Bounds, Health
from gateway.dispatch.limits import Limits
from gateway.journal import Journal, shared
from gateway.policy.verified import NOTHING_VERIFIED
from gateway.prices.book import Prices
from gateway.routing import Upstream
from gateway.stateful import table
from gateway.stateful.held import Held
from gateway.stateful.store import FILE_NAME, SqlitePins
from gateway.wire.contract import Route
from providers.codecs import azure_clouds
from providers.contract import Endpoint, Place
from providers.registry import PROVIDERS

if TYPE_CHECKING:
    from gateway.ledger.background import Folding

PORTS = {"http": 80, "https": 443}
NO_SIGNERS: Mapping[str, Signer] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of."""

    upstreams: tuple[Upstream, ...]
    connections: Mapping[str, Connection]
    limits: Limits
    health: Health
    budget: Budget
    affinity: Affinity | None
    boundary: Boundary | None
    audit: Audit
    costing: Costing
    folding: Folding | None
    held: Held


def parts(config: Config, signers: Mapping[str, Signer] = NO_SIGNERS) -> Parts:
    """Return the parts that a checked configuration names.

    A journal's file is opened.

    Args:
        config: The configuration.
        signers: Upstream name -> signer, for upstreams whose credential the configuration
            does not hold.

    Raises:
        PlaceError: The platform has no such place. `gateway.config.load` with `check_place`
            finds this first, with file and line.
        CredentialError: The credential does not fit the platform.
        ConfigError: A policy or an attestation has a mistake, or a required journal cannot be
            written.
    """
    routed = upstreams(config)
    connections = {
        each.name: connection(section, each.endpoint, signers.get(each.name))
        for section, each in zip(config.used, routed, strict=True)
    }
    book = prices.load(config)
    audit = Audit(
        _journal(config), required=config.journal.required, environment=config.environment
    )
    if not audit.opened() and config.journal.required:
        raise ConfigError([Mistake(None, None, "journal.dir", str(audit.broken))])
    return Parts(
        routed,
        connections,
        limits(config),
        health(config),
        Budget(config.retries.budget_percent / 100, config.retries.budget_floor_per_s),
        affinity(config),
        _boundary(config, audit),
        audit,
        Costing(book, routed, time.time),
        _folding(config, book),
        Held(pins(config)),
    )


def found(where: str | Path | Config | None, environ: Mapping[str, str]) -> Config:
    """Return the configuration of this process, its places checked; raises ConfigError."""
    return load(where, environ, check_place=_endpoint)


def upstreams(config: Config) -> tuple[Upstream, ...]:
    """Return the upstreams of a configuration as routing sees them.

    Raises ConfigError for a mistake in the file of what was verified.
    """
    relays = [each for each in config.used if isinstance(each, RelayUpstream)]
    verified = vouched(config)[1] if relays else NOTHING_VERIFIED
    now_s = time.time()
    able = {
        each.name: verified.able(each.name, where.where(each).fingerprint, now_s) for each in relays
    }
    return tuple(upstream(each, able.get(each.name, frozenset())) for each in config.used)


def upstream(section: Section, able: frozenset[str] = frozenset()) -> Upstream:
    """Return an upstream as routing sees it; `able` is what a relay was found to do."""
    provider = PROVIDERS[section.provider]
    place = section.place(able) if isinstance(section, RelayUpstream) else section.place()
    endpoint = provider.endpoint(place)
    lenient = section.fidelity == "lenient"
    return Upstream(section.name, provider, endpoint, lenient=lenient, reach=where.reach(section))


def connection(section: Section, endpoint: Endpoint, own: Signer | None = None) -> Connection:
    """Return how an upstream is reached; `own` signs instead of what the section says."""
    signs = own or signer(credential(section), endpoint.auth)
    return Connection(_route(section, endpoint), signs)


def limits(config: Config) -> Limits:
    """Return the clocks and counts of a configuration."""
    retries = config.retries
    return Limits(
        **config.timeouts.model_dump(),
        **retries.model_dump(exclude={"budget_percent", "budget_floor_per_s"}),
        warm_wait_s=config.affinity.wait_s if config.affinity.enabled else 0.0,
    )


def health(config: Config) -> Health:
    """Return the health of upstreams of which nothing is known yet."""
    breaker = config.breaker
    bounds = Bounds(
        consecutive=breaker.consecutive,
        ejection_s=breaker.ejection_s,
        ejection_cap_s=breaker.ejection_cap_s,
        cool_cap_s=config.retries.retry_after_cap_s,
    )
    return Health(bounds, ejects=breaker.enabled)


def affinity(config: Config) -> Affinity | None:
    """Return what holds conversations where they are warm; None: there is nothing to choose."""
    platforms = {section.provider for section in config.used}
    if not config.affinity.enabled or len(config.used) == 1:
        return None
    return Affinity(platforms=len(platforms))


def costing(config: Config, upstreams: Sequence[Upstream]) -> Costing:
    """Return what prices answers; raises ConfigError for prices of one's own with a mistake."""
    return Costing(prices.load(config), upstreams, time.time)


def pins(config: Config) -> SqlitePins | None:
    """Return what keeps pins over restarts: a file beside the journal; None: nothing does."""
    if config.journal.dir is None:
        return None
    return SqlitePins(config.path(config.journal.dir) / FILE_NAME, table.table().keep_days)


def _folding(config: Config, book: Prices) -> Folding | None:
    """Return what folds the journal into the ledger; it runs from now on."""
    kept, journal = config.ledger, config.journal.dir
    if kept.url is None or journal is None or not kept.fold:
        return None
    from gateway.ledger.pruning import Retention  # noqa: PLC0415 - needs an extra, and is slow
    from gateway.ledger.shared import shared as shared_folding  # noqa: PLC0415 - the same

    retention = Retention(kept.keep_attempts_days, kept.keep_rollups_days)
    directory, where = config.directory or Path(), config.path(journal)
    return shared_folding(kept.url.reveal(), directory, where, lambda: book, retention)


def _boundary(config: Config, audit: Audit) -> Boundary | None:
    if not config.policy.files:
        return None
    boundary = Boundary(config, told=audit.reloaded)
    audit.in_force(boundary.current())
    return boundary


def _journal(config: Config) -> Journal | None:
    named = config.journal
    return None if named.dir is None else shared(config.path(named.dir), fsync=named.fsync)


def _endpoint(provider: str, place: Place) -> Endpoint:
    return PROVIDERS[provider].endpoint(place)


def _route(section: Section, endpoint: Endpoint) -> Route:
    url = urlsplit(endpoint.base_url)
    return Route(
        upstream=section.name,
        scheme=url.scheme,
        host=url.hostname or "",
        port=url.port or PORTS[url.scheme],
        proxy=_revealed(section.proxy),
        ca_file=section.ca_file,
        client_cert=section.client_cert,
        allow_private_network=section.private_network,
    )


def credential(section: Section) -> CredentialSettings:
    """Return how an upstream's credential is had."""
    kind = CredentialKind(section.credential_kind)
    match section:
        case AnthropicUpstream() | OpenaiRelayUpstream() | RelayUpstream():
            return CredentialSettings(kind, token=_revealed(section.token))
        case AwsUpstreamSection():
            return CredentialSettings(
                kind,
                token=_revealed(section.token),
                access_key_id=_revealed(section.aws_access_key_id),
                secret_access_key=_revealed(section.aws_secret_access_key),
                session_token=_revealed(section.aws_session_token),
                profile=section.aws_profile,
            )
        case FoundryUpstream():
            return CredentialSettings(
                kind,
                token=_revealed(section.token),
                tenant_id=section.tenant_id,
                client_id=section.client_id,
                client_secret=_revealed(section.client_secret),
                file=section.certificate_file or section.federated_token_file,
                file_password=_revealed(section.certificate_password),
                authority=section.authority or azure_clouds.authority(),
                ca_file=section.ca_file,
                proxy=_revealed(section.proxy),
            )
        case GoogleUpstreamSection():
            return CredentialSettings(
                kind,
                token=_revealed(section.token),
                file=section.credentials_file,
                ca_file=section.ca_file,
                proxy=_revealed(section.proxy),
            )


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None
