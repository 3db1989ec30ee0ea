"""Claude behind an OpenAI-compatible relay: the Messages API as chat completions, and back.

Nothing that a relay says of itself is trusted: where it runs a model, who sees the prompt and what
it costs is known only once the operator says so.
"""

from __future__ import annotations

import msgspec

from providers import capabilities, fidelity
from providers.codecs import chat_answer, chat_errors, places, residency
from providers.codecs.chat_request import MARKED, Translation
from providers.codecs.chat_stream import ChatDecoder
from providers.contract import (
    Bearer,
    ChatDialect,
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
    WireRequest,
)

_PATH = "/chat/completions"
_HEADERS: Headers = (("content-type", "application/json"), ("accept", "application/json"))
_NO_COUNT = Loss("count_tokens", "chat completions have no count of tokens", droppable=False)


class OpenaiRelay:
    """Provider for whatever serves Claude as chat completions."""

    name = "openai_relay"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a base URL and the models there; raises PlaceError.

        The base URL is what an OpenAI client is given: requests go to `/chat/completions` below it.
        """
        title = "An OpenAI-compatible relay"
        unused = ("region", "project", "profile", "geo", "workspace", "fips", "dualstack")
        places.refuse(place, title, *unused)
        base_url = places.base_url(place, "")
        if not base_url:
            raise PlaceError("base_url", "'base_url' is needed, like 'https://relay.example/v1'")
        if not place.models:
            raise PlaceError(
                "models", "'models' is needed: which models it has, and their ids there"
            )
        return Endpoint(
            base_url=base_url,
            auth=place.auth or Bearer(),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            chat=place.chat or ChatDialect(),
        )

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what of a request has no place in chat completions."""
        if operation.kind is Kind.COUNT_TOKENS:
            return (_NO_COUNT,)
        model = places.served(endpoint, operation)
        found = fidelity.losses(operation, fields, capabilities.load(self.name), model)
        if endpoint.chat.cache_markers:
            found = tuple(loss for loss in found if loss.name not in MARKED)
        found = (*found, *residency.accounts(fields))
        return tuple(Translation(fields, endpoint.chat, found).losses.values())

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request; raises ValueError where it would lose what `losses` does not name."""
        model = places.served(endpoint, operation)
        put = Translation(fields, endpoint.chat, losses)
        for name, loss in put.losses.items():
            if not loss.droppable or loss not in losses:
                raise ValueError(f"{name} may not be left out: {loss.reason}")
        body = {"model": model.id, **put.body}
        if operation.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return WireRequest(
            method="POST",
            target=places.target(endpoint, _PATH),
            headers=_HEADERS,
            body=msgspec.json.encode(body),
            auth=endpoint.auth,
            dropped=tuple(put.losses),
        )

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:  # noqa: ARG002 - the contract's
        """Return (): there is no field for it that every relay takes."""
        return ()

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:
        """Return a decoder of chunks."""
        return ChatDecoder(operation.model, head_headers)

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
        """Return a chat completion as a message."""
        return chat_answer.message(operation, headers, body)

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error by its code; a relay's words never pass for Anthropic's."""
        return chat_errors.http_failure(status, headers, body)

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer."""
        return "text/event-stream"
