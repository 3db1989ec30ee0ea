"""A provider as an errand sees it: what goes to its platform, and what an answer of it means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from msgspec import Raw, structs

from gateway.routing import Upstream
from gateway.stateful.batch import Batch, Item, body
from gateway.stateful.order import Order
from gateway.stateful.planning import losses_of
from gateway.stateful.table import Endpoint as Row
from providers.codecs import errors
from providers.codecs.answers import not_json
from providers.contract import (
    Decoder,
    Endpoint,
    Failure,
    Fields,
    Headers,
    Keeper,
    Loss,
    Operation,
    Place,
    Provider,
    WireRequest,
    media_type,
)

_object = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_CONFLICT = 409
_CALLERS = 400
"""What a conflict is read as: it is about the caller's own state."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as one platform takes it."""

    body: bytes
    dropped: tuple[str, ...]
    """What was left out of its requests."""


def prepared(batch: Batch, raw: bytes, upstream: Upstream) -> Prepared:
    """Return a batch each of whose requests is as the upstream's platform takes it alone."""
    dropped: dict[str, None] = {}

    def encoded(item: Item) -> bytes:
        lost = tuple(losses_of(upstream, item)) if upstream.lenient else ()
        request = upstream.provider.encode(item.operation, item.fields, upstream.endpoint, lost)
        dropped.update(dict.fromkeys(request.dropped))
        return request.body

    return Prepared(body(batch, raw, encoded), tuple(dropped))


@dataclass(slots=True)
class Carrier:
    """Implements `Provider` for one errand."""

    name: str
    """The platform's."""
    provider: Provider
    order: Order
    made: Prepared | None = None
    """Its body where that is a batch."""

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place from the platform's tables."""
        return self.provider.endpoint(place)

    def losses(
        self,
        operation: Operation,  # noqa: ARG002 - the contract's
        fields: Fields,  # noqa: ARG002 - the contract's
        endpoint: Endpoint,  # noqa: ARG002 - the contract's
    ) -> tuple[Loss, ...]:
        """Return (): what is lost has been looked at."""
        return ()

    def encode(
        self,
        operation: Operation,  # noqa: ARG002 - the contract's
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),  # noqa: ARG002 - the contract's
    ) -> WireRequest:
        """Return the request."""
        if not isinstance(self.provider, Keeper):
            raise TypeError(f"{self.name} keeps nothing")
        if self.made is None:
            return self.provider.carry(self.order.errand, fields, endpoint)
        carried = structs.replace(fields, raw=self.made.body)
        request = self.provider.carry(self.order.errand, carried, endpoint)
        return structs.replace(request, dropped=self.made.dropped)

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:  # noqa: ARG002 - the contract's
        """Return (): no platform has a place for it here."""
        return ()

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:
        """Return the platform's decoder; no errand is answered by events."""
        return self.provider.decoder(operation, head_headers)

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:  # noqa: ARG002 - the contract's
        """Return a whole answer, or why it is none: it is an object, and names what was made."""
        return checked(self.order.match.endpoint, headers, body)

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error; a conflict is the caller's, and its words are kept."""
        if status == _CONFLICT:
            found = self.provider.failure(_CALLERS, headers, body)
            return replace(
                found, status=_CONFLICT, type="conflict_error", upstream_status=_CONFLICT
            )
        return self.provider.failure(status, headers, body)

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer."""
        return self.provider.stream_type()


def checked(endpoint: Row, headers: Headers, body: bytes) -> bytes | Failure:
    """Return a body that is a JSON object, and that names what an endpoint makes."""
    if (fault := not_json(headers)) is not None:
        return errors.bad_answer(fault, headers=headers)
    try:
        # What is skipped in decoding is not looked at: it may be no text.
        body.decode()
        _object.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return errors.bad_answer("The body is not a JSON object.", headers=headers)
    if endpoint.does == "create" and not made_id(body):
        return errors.bad_answer("The answer names nothing that was made.", headers=headers)
    return body


def no_results(endpoint: Row, headers: Headers) -> Failure | None:
    """Return why the head of a download can't be that of results: a page is none.

    A file may be one. What else comes is read line by line, and what is no result is told then.
    """
    if endpoint.tap is None or media_type(headers) != "text/html":
        return None
    return errors.bad_answer("The answer is HTML, and no results of a batch.", headers=headers)


def made_id(body: bytes) -> str | None:
    """Return the id that an answer names; None: it names none."""
    try:
        raw = _object.decode(body).get("id")
        return None if raw is None else _text.decode(raw) or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
