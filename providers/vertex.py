"""Claude on Google Cloud's Vertex AI (the Google-managed endpoint)."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from providers import capabilities, fidelity
from providers.codecs import answers, anthropic_body, errors, places
from providers.codecs.sse import SseDecoder
from providers.contract import (
    Bearer,
    Decoder,
    Endpoint,
    Failure,
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

_HOSTS = Path(__file__).parent / "data" / "google.toml"
_USER_PROFILE = "anthropic-user-profile-id"


class Vertex:
    """Provider for Vertex AI."""

    name = "vertex"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a region (Vertex's location) and a project.

        A base URL of the operator's own replaces the platform's with its `/v1`, as it does in
        the SDK's client. Raises PlaceError.
        """
        places.refuse(place, "Vertex AI", "profile", "fips", "dualstack", "geo", "workspace")
        location = places.segment("region", place.region, "europe-west1")
        return Endpoint(
            base_url=places.base_url(place, f"https://{_host(location)}/v1"),
            auth=place.auth or Bearer(),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            region=location,
            project=places.segment("project", place.project, "my-project"),
        )

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what Vertex AI would not take of a request."""
        model = places.served(endpoint, operation)
        found = fidelity.losses(operation, fields, capabilities.load(self.name), model)
        if any(name == _USER_PROFILE for name, _ in fields.headers):
            reason = "Vertex AI has no user profiles, and they decide who is billed"
            found = (*found, Loss(_USER_PROFILE, reason, droppable=False))
        return found

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request: model in the path, version in the body, betas in their header."""
        model = places.served(endpoint, operation)
        betas = anthropic_body.take_betas(fields.betas, capabilities.load(self.name), losses)
        headers: Headers = (("content-type", "application/json"), ("accept", "application/json"))
        if betas:
            headers = (*headers, ("anthropic-beta", ",".join(betas)))
        return WireRequest(
            method="POST",
            target=places.target(endpoint, _path(operation, endpoint, model)),
            headers=headers,
            body=_body(operation, fields, model, losses),
            auth=endpoint.auth,
            dropped=tuple(loss.name for loss in losses),
        )

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:  # noqa: ARG002 - the contract's
        """Return (): requests have no field for it."""
        return ()

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:  # noqa: ARG002 - the contract's
        """Return a decoder that passes whole events unchanged."""
        return SseDecoder(trusted=False)

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
        """Return `body` itself when it is an answer."""
        found = answers.check(operation, headers, body)
        return found if isinstance(found, Failure) else body

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error: Google's object, a list of one, or Anthropic's envelope."""
        return errors.http_error(status, headers, body, trusted=False, platform=self.name)

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer."""
        return "text/event-stream"


@cache
def _hosts() -> tuple[dict[str, str], str, re.Pattern[str]]:
    table = tomllib.loads(_HOSTS.read_text(encoding="utf-8"))["hosts"]
    return table["rows"], table["region"], re.compile(table["region_pattern"])


def _host(location: str) -> str:
    rows, region, pattern = _hosts()
    if location in rows:
        return rows[location]
    if not pattern.match(location):
        known = ", ".join(rows)
        raise PlaceError("region", f"{location!r} is no location: {known}, or like europe-west1")
    return region.format(location=location)


def _path(operation: Operation, endpoint: Endpoint, model: PlatformModel) -> str:
    root = f"/projects/{endpoint.project}/locations/{endpoint.region}/publishers/anthropic/models"
    if operation.kind is Kind.COUNT_TOKENS:
        return f"{root}/count-tokens:rawPredict"
    verb = "streamRawPredict" if operation.stream else "rawPredict"
    return f"{root}/{places.model_path(model.id, safe='@')}:{verb}"


def _body(
    operation: Operation, fields: Fields, model: PlatformModel, losses: tuple[Loss, ...]
) -> bytes:
    """Return the body; only a count names its model there, and without the `@` of a version."""
    version = {"anthropic_version": model.version}
    if operation.kind is Kind.COUNT_TOKENS:
        bare = {"model": model.id.partition("@")[0]}
        return anthropic_body.edit(fields.body, losses, version | bare, ("stream",))
    return anthropic_body.edit(fields.body, losses, version, ("model",))
