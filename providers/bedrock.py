"""Claude on Amazon Bedrock, in the InvokeModel dialect."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from providers import capabilities, fidelity
from providers.codecs import answers, anthropic_body, aws_regions, errors, places, usage
from providers.codecs.eventstream import EventStreamDecoder
from providers.contract import (
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
    SigV4,
    WireRequest,
    header,
)

_LONG_DIGITS = 19
"""Where a number is none that a platform takes, and Python may refuse to read it."""
_USER_PROFILE = "anthropic-user-profile-id"
_HEADERS: Headers = (("content-type", "application/json"), ("accept", "application/json"))
_METADATA = "x-amzn-bedrock-request-metadata"
_ATTEMPT = "tidegate-attempt"
"""What our id of an attempt is called there."""
_COUNT_HEADERS = {
    "input_tokens": "x-amzn-bedrock-input-token-count",
    "output_tokens": "x-amzn-bedrock-output-token-count",
}


class Bedrock:
    """Provider for Bedrock's runtime."""

    name = "bedrock"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a region, and mostly an inference profile.

        The default is to sign as service `bedrock`. Raises PlaceError.
        """
        places.refuse(place, "Amazon Bedrock", "project", "geo", "workspace")
        region = places.segment("region", place.region, "eu-central-1")
        models = capabilities.platform_models(capabilities.load(self.name), place)
        for model in models.values():
            _checked(model.id)
        return Endpoint(
            base_url=places.base_url(place, f"https://{_host(region, place)}"),
            auth=place.auth or SigV4("bedrock", region),
            models=models,
            region=region,
            profile=place.profile,
        )

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what Bedrock would not take of a request."""
        model = places.served(endpoint, operation)
        return fidelity.losses(operation, fields, capabilities.load(self.name), model)

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request: model and stream flag in the path, version and betas in the body."""
        model = places.served(endpoint, operation)
        count = operation.kind is Kind.COUNT_TOKENS
        own = self._own_fields(fields, model, losses)
        if count and "max_tokens" not in fields.body:
            own["max_tokens"] = _least_max_tokens(fields)
        body = anthropic_body.edit(fields.body, losses, own, ("model", "stream"))
        return WireRequest(
            method="POST",
            target=places.target(endpoint, self._path(operation, model)),
            headers=_HEADERS,
            body=_count_body(body) if count else body,
            auth=endpoint.auth,
            dropped=tuple(loss.name for loss in losses),
        )

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:
        """Return the metadata that AWS writes into the account's invocation logs.

        A count has none (botocore bedrock-runtime service-2.json: `requestMetadata`).
        """
        if operation.kind is Kind.COUNT_TOKENS:
            return ()
        return ((_METADATA, msgspec.json.encode({_ATTEMPT: attempt}).decode()),)

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:
        """Return a decoder of event stream frames."""
        return EventStreamDecoder(partial(_edit_start, operation, head_headers))

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
        """Return the answer in the Anthropic format; `body` itself when it is that already."""
        found = answers.check(operation, headers, body, count_key="inputTokens")
        if isinstance(found, Failure):
            return found
        if operation.kind is Kind.COUNT_TOKENS:
            return msgspec.json.encode({"input_tokens": found["inputTokens"]})
        edited = _edit(operation, _counts(headers) | _tier(headers), found)
        return body if edited is found else usage.encode(edited)

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error by AWS's exception name, or by its status where there is none."""
        # The header reads like `ThrottlingException:http://...` or the bare name.
        name = (header(headers, "x-amzn-errortype") or "").partition(":")[0]
        return errors.http_error(
            status, headers, body, trusted=False, platform=self.name, name=name
        )

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer."""
        return "application/vnd.amazon.eventstream"

    def _own_fields(
        self, fields: Fields, model: PlatformModel, losses: tuple[Loss, ...]
    ) -> dict[str, Any]:
        own: dict[str, Any] = {"anthropic_version": model.version}
        betas = anthropic_body.take_betas(fields.betas, capabilities.load(self.name), losses)
        if betas:
            own["anthropic_beta"] = betas
        profile = header(fields.headers, _USER_PROFILE)
        if profile is not None:
            own["user_profile_id"] = profile
        return own

    def _path(self, operation: Operation, model: PlatformModel) -> str:
        if operation.kind is Kind.COUNT_TOKENS:
            # CountTokens takes foundation models only, not profiles.
            row = capabilities.load(self.name).models.get(operation.model)
            return f"/model/{_checked(model.id if row is None else row.id)}/count-tokens"
        verb = "invoke-with-response-stream" if operation.stream else "invoke"
        return f"/model/{_checked(model.id)}/{verb}"


def _host(region: str, place: Place) -> str:
    found = aws_regions.partition(region)
    for key in ("fips", "dualstack"):
        if place.base_url is not None and getattr(place, key):
            reason = "stands beside base_url, which names the endpoint whatever else is said"
            raise PlaceError(key, f"{key!r} {reason}: name such a one there, and leave it out")
    fips = aws_regions.table().fips
    if place.fips and region not in fips:
        known = ", ".join(sorted(fips))
        raise PlaceError("fips", f"Bedrock has no FIPS endpoint in {region}; it has in {known}")
    service = "bedrock-runtime-fips" if place.fips else "bedrock-runtime"
    return f"{service}.{region}.{found.dualstack_suffix if place.dualstack else found.suffix}"


def _checked(model: str) -> str:
    """Return a model id as a path segment; an ARN's `/` becomes `%2F`."""
    try:
        return places.model_path(model, safe=":;")
    except ValueError as error:
        raise PlaceError("models", str(error)) from error


def _count_body(body: bytes) -> bytes:
    """Return the body of CountTokens (botocore bedrock-runtime service-2.json)."""
    return b'{"input":{"invokeModel":{"body":"%s"}}}' % b64encode(body)


def _least_max_tokens(fields: Fields) -> int:
    """Return a `max_tokens` that a request without one is valid with: above its thinking budget."""
    budget = usage.fields(fields.body.get("thinking")).get("budget_tokens")
    digits = b"" if budget is None else bytes(budget)
    return int(digits) + 1 if digits.isdigit() and len(digits) < _LONG_DIGITS else 1


def _edit(
    operation: Operation, beside: Mapping[str, Raw], message: dict[str, Raw]
) -> dict[str, Raw]:
    """Return a message in the Anthropic format; the same object when nothing is to be edited.

    The canonical id stands where AWS names its own resource; `beside` fills what the usage lacks.
    """
    edited = dict(message)
    if _is_resource(answers.text(message.get("model"))):
        edited["model"] = Raw(msgspec.json.encode(operation.model))
    if bytes(message.get("usage", b"")).startswith(b"{"):
        own = usage.fields(message["usage"])
        whole = usage.fill(own, beside, beside)
        if whole != own:
            edited["usage"] = Raw(usage.encode(whole))
    return message if edited == message else edited


def _is_resource(model: str) -> bool:
    """Say whether an answer's model is an ARN or an operator's name for a resource."""
    return bool(model) and (model.startswith("arn:") or "claude" not in model)


def _counts(headers: Headers) -> dict[str, Raw]:
    """Return the token counts in an answer's headers."""
    found = {name: header(headers, source) or "" for name, source in _COUNT_HEADERS.items()}
    return {
        name: Raw(str(int(value)).encode())
        for name, value in found.items()
        if value.isascii() and value.isdigit()
    }


def _tier(headers: Headers) -> dict[str, Raw]:
    """Return the service tier in an answer's headers, in Anthropic's word for it."""
    tier = aws_regions.table().tiers.get(
        (header(headers, "x-amzn-bedrock-service-tier") or "").lower()
    )
    return {} if tier is None else {"service_tier": Raw(msgspec.json.encode(tier))}


def _edit_start(operation: Operation, headers: Headers, data: bytes) -> bytes:
    """Return the JSON of `message_start` with its message in the Anthropic format."""
    event = usage.fields(data)
    message = usage.fields(event.get("message"))
    edited = _edit(operation, _tier(headers), message)
    if edited is message:
        return data
    return usage.encode({**event, "message": Raw(usage.encode(edited))})
