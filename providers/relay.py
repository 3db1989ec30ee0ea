"""Claude behind somebody's relay of the Messages API: trusted nothing, asked for little.

What a relay says of itself proves nothing: where it runs a model, who sees the prompt and what it
costs is known only once the operator says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from msgspec import structs

from providers import capabilities, catalog, fidelity
from providers import contract as words
from providers.capabilities import Capabilities
from providers.codecs import errors, places, residency
from providers.codecs.anthropic_format import AnthropicFormat
from providers.codecs.sse import SseDecoder
from providers.contract import (
    Bearer,
    Decoder,
    Endpoint,
    Failure,
    FailureKind,
    Fields,
    Headers,
    Kind,
    Loss,
    Operation,
    Place,
    PlaceError,
    PlatformModel,
    WireRequest,
)
from providers.passthrough import Passthrough

_SAMPLED = "2023-06-01"
"""The version that has `temperature` and its like."""
_CACHE = "cache_control"


class Relay(AnthropicFormat):
    """Provider for whatever serves Claude in the format of the Messages API."""

    name = "relay"
    trusted = False

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a base URL, and to know its models; raises PlaceError."""
        title = "A relay of the Messages API"
        unused = ("region", "project", "profile", "geo", "workspace", "resource", "zone", "hosting")
        places.refuse(place, title, *unused, "fips", "dualstack")
        if place.base_url is None:
            raise PlaceError("base_url", "'base_url' is needed, like 'https://relay.example'")
        told = place.relay or words.Relay()
        if told.version not in catalog.versions():
            known = " or ".join(catalog.versions())
            raise PlaceError("version", f"{told.version!r} is no version of the API; use {known}")
        return Endpoint(
            base_url=places.base_url(place, ""),
            auth=place.auth or Bearer(),
            models=_models(place, told),
            relay=told,
        )

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what nobody says that this relay takes."""
        model = places.served(endpoint, operation)
        taken = _taken(capabilities.load(self.name), endpoint.relay)
        found = fidelity.losses(operation, fields, taken, model)
        return (*found, *_unable(operation, endpoint.relay), *residency.accounts(fields))

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request in the relay's version, and with none of the caller's headers."""
        told = structs.replace(fields, version=endpoint.relay.version, headers=())
        return super().encode(operation, told, endpoint, losses)

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:  # noqa: ARG002 - the contract's
        """Return a decoder that passes whole events unchanged, but for errors' words."""
        return _RelayDecoder(trusted=False)

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error; a relay's words never pass for Anthropic's."""
        return _in_our_words(super().failure(status, headers, body))


class _RelayDecoder(SseDecoder):
    __slots__ = ()
    failure: Failure | None

    def feed(self, data: bytes) -> bytes:
        out = super().feed(data)
        if self.failure is not None:
            self.failure = _in_our_words(self.failure)
        return out


def _in_our_words(failure: Failure) -> Failure:
    """Return a failure whose words are ours; the relay's stay in `detail` for the log."""
    if failure.kind is not FailureKind.CALLER:
        return replace(failure, error_code=None)
    known = errors.of_type(failure.type)
    kind = failure.type if known is not None else errors.of_status(failure.status).type
    message = errors.wording(failure.detail) or errors.own_message(kind)
    return replace(failure, type=kind, message=message, envelope=None, error_code=None)


def _models(place: Place, told: words.Relay) -> Mapping[str, PlatformModel]:
    if not place.models and not told.passthrough_unknown:
        hint = "or passthrough_unknown = true, where it takes whatever a caller names"
        raise PlaceError("models", f"'models' is needed: which it has, and their ids there; {hint}")
    caps = capabilities.load(Relay.name)
    served = dict(capabilities.platform_models(caps, place))
    if told.passthrough_unknown:
        own = {model.id: model.id for model in catalog.models() if model.id not in served}
        served |= capabilities.platform_models(caps, replace(place, models=own))
    sampled = told.version == _SAMPLED
    known = {
        name: replace(model, version=told.version, sampling=model.sampling and sampled)
        for name, model in served.items()
    }
    return Passthrough(known, told.version) if told.passthrough_unknown else known


@lru_cache(maxsize=256)
def _taken(usual: Capabilities, told: words.Relay) -> Capabilities:
    """Return what one relay takes: what all are taken to, and what is said of this one."""
    marks = frozenset({_CACHE}) if told.cache_control else frozenset()
    return replace(
        usual,
        fields=usual.fields | told.fields | marks,
        betas=usual.betas | told.betas,
        parts=tuple(part for part in usual.parts if not (marks and part.path.endswith(_CACHE))),
    )


def _unable(operation: Operation, told: words.Relay) -> Iterator[Loss]:
    """Name what is asked that nobody says this relay can do."""
    asks = (
        ("count_tokens", operation.kind is Kind.COUNT_TOKENS, told.count_tokens),
        ("stream", operation.stream, told.stream),
    )
    for name, asked, can in asks:
        if asked and not can:
            reason = f"nobody says that this relay can: write {name} = true, or ask gateway doctor"
            yield Loss(name, reason, droppable=False)
