"""The Messages API as it is: requests and answers travel byte for byte where they can."""

from __future__ import annotations

from typing import ClassVar

from providers import capabilities, catalog, fidelity
from providers.codecs import answers, anthropic_body, errors, places, residency
from providers.codecs.sse import SseDecoder
from providers.contract import (
    Decoder,
    Endpoint,
    Errand,
    Failure,
    Fields,
    Headers,
    Kind,
    Loss,
    Operation,
    WireRequest,
)

_PATHS = {Kind.MESSAGES: "/v1/messages", Kind.COUNT_TOKENS: "/v1/messages/count_tokens"}


class AnthropicFormat:
    """What platforms have in common that take the Messages API under a base URL of their own."""

    name: str
    trusted: ClassVar[bool] = True
    """Whether its errors' words are Anthropic's own, so that a caller may read them."""

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what would not be taken, and what is against the endpoint's own place."""
        model = places.served(endpoint, operation)
        caps = capabilities.load(self.name)
        lost = fidelity.losses(operation, fields, caps, model)
        if endpoint.geo is None and endpoint.workspace is None:
            return lost
        return (*lost, *residency.losses(operation, fields, endpoint, caps.geos))

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the caller's body byte for byte, unless it names the model by another id.

        The endpoint's geography is added behind the last field, its workspace as a header.
        """
        model = places.served(endpoint, operation).id
        geo = residency.missing_geo(operation, fields, endpoint)
        add = {} if geo is None else {residency.GEO: geo}
        if losses or not _names(fields, operation, model) or not add.keys().isdisjoint(fields.body):
            body = anthropic_body.edit(fields.body, losses, {"model": model, **add}, ())
        else:
            body = anthropic_body.extended(fields.raw, add) if add else fields.raw
        betas, caps = fields.betas, capabilities.load(self.name)
        if losses or caps.renamed:
            betas = anthropic_body.take_betas(betas, caps, losses)
        return WireRequest(
            method="POST",
            target=places.target(endpoint, _PATHS[operation.kind]),
            headers=(
                *_own_headers(fields.version, betas),
                *residency.headers(fields.headers, endpoint),
            ),
            body=body,
            auth=endpoint.auth,
            dropped=tuple(loss.name for loss in losses),
        )

    def carry(self, errand: Errand, fields: Fields, endpoint: Endpoint) -> WireRequest:
        """Return a request to an endpoint that keeps state; its body is the caller's."""
        query = f"?{errand.query}" if errand.query else ""
        betas = (("anthropic-beta", ",".join(fields.betas)),) if fields.betas else ()
        kind = errand.content_type or ("application/json" if fields.raw else None)
        return WireRequest(
            method=errand.method,
            target=places.target(endpoint, errand.path) + query,
            headers=(
                *((("content-type", kind),) if kind is not None else ()),
                ("accept", errand.accept),
                ("anthropic-version", fields.version),
                *betas,
                *residency.headers(fields.headers, endpoint),
            ),
            body=fields.raw,
            auth=endpoint.auth,
        )

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:  # noqa: ARG002 - the contract's
        """Return (): `metadata` is the caller's own."""
        return ()

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:  # noqa: ARG002 - the contract's
        """Return a decoder that passes whole events unchanged."""
        return SseDecoder(trusted=self.trusted)

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
        """Return `body` itself when it is an answer."""
        found = answers.check(operation, headers, body)
        return found if isinstance(found, Failure) else body

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error; Anthropic's own words about the caller's request are kept."""
        return errors.http_error(status, headers, body, trusted=self.trusted)

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer."""
        return "text/event-stream"


def _names(fields: Fields, operation: Operation, model: str) -> bool:
    """Say whether a body names the model as it is asked for here: by its id, or a twin of it."""
    asked = answers.text(fields.body.get("model"))
    if asked == model:
        return True
    return model == operation.model and asked in catalog.model(model).aliases


def _own_headers(version: str, betas: tuple[str, ...]) -> Headers:
    own = (
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("anthropic-version", version),
    )
    return (*own, ("anthropic-beta", ",".join(betas))) if betas else own
