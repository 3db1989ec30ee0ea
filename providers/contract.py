"""The words that the gateway and every provider share.

A provider is a pure codec: values in, values out. It opens no socket, reads no clock and no
environment, and knows nothing of policy. `Provider` is the whole surface of one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn, Protocol, runtime_checkable

from msgspec import Raw, Struct

Headers = tuple[tuple[str, str], ...]
"""Header pairs in wire order, names in lower case."""


def header(headers: Headers, name: str) -> str | None:
    """Return the first value of `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def media_type(headers: Headers) -> str:
    """Return the content type in lower case, without its parameters; empty when there is none."""
    return (header(headers, "content-type") or "").partition(";")[0].strip().lower()


class Kind(StrEnum):
    """What a call asks a platform to do."""

    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"


class Area(StrEnum):
    """What a platform keeps for its callers: the endpoints beside the calls to a model."""

    BATCHES = "batches"
    FILES = "files"
    SKILLS = "skills"


class Operation(Struct, frozen=True):
    """One thing asked of one model."""

    kind: Kind
    model: str
    """The canonical model id, as the catalog spells it (`claude-opus-5-5`)."""
    stream: bool = False


class Fields(Struct, frozen=True):
    """A request as the caller sent it, decoded one level deep."""

    raw: bytes
    """The body, byte for byte."""
    body: Mapping[str, Raw]
    """Its top-level fields in the caller's order; each value byte for byte."""
    version: str
    """The caller's `anthropic-version`."""
    betas: tuple[str, ...] = ()
    """The caller's `anthropic-beta` values in order."""
    headers: Headers = ()
    """Other headers that an Anthropic-format upstream gets unchanged."""

    def __repr__(self) -> str:
        return f"Fields({', '.join(self.body)}: {len(self.raw)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a prompt is not pickled")


@dataclass(frozen=True, slots=True)
class Bearer:
    """The credential travels as `authorization: Bearer`."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The credential travels in a header of its own."""

    header: str = "x-api-key"
    also: tuple[str, ...] = ()
    """Further headers that carry it."""


@dataclass(frozen=True, slots=True)
class SigV4:
    """The request is signed with AWS Signature Version 4."""

    service: str
    region: str


Auth = Bearer | ApiKey | SigV4


@dataclass(frozen=True, slots=True)
class PlatformModel:
    """One canonical model as one endpoint serves it."""

    id: str
    """The id on the wire there: a profile id, an ARN, a deployment name."""
    version: str
    """The API version to send for it."""
    sampling: bool
    """Whether it takes `temperature`, `top_p`, `top_k` (wire version 2023-06-01 only)."""
    betas: frozenset[str] = frozenset()
    """Betas this model takes there beyond what the platform takes for every model."""
    max_output_tokens: int | None = None
    """The most `max_tokens` it takes there; None: not known."""
    body_bytes: int | None = None
    """The largest body it takes there; None: not known."""
    retires_on: dt.date | None = None
    """The last day it is served there; None: not known, or the operator chose the id."""
    counted: bool = True
    """False: its tokens are known not to be counted there."""


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """How one relay's chat completions differ from those of another."""

    max_tokens_field: str = "max_completion_tokens"
    """What `max_tokens` is called there."""
    cache_markers: bool = False
    """Whether it reads `cache_control` inside content parts."""


@dataclass(frozen=True, slots=True)
class Relay:
    """What one relay of the Messages API can do, as far as anybody said or found out."""

    version: str = "2023-06-01"
    """The API version that it is told."""
    count_tokens: bool = False
    stream: bool = False
    cache_control: bool = False
    fields: frozenset[str] = frozenset()
    """Top-level fields that it takes beyond those of the oldest version."""
    betas: frozenset[str] = frozenset()
    passthrough_unknown: bool = False
    """Whether models that nobody here knows are asked for by the caller's word."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operator says an upstream is; what a provider turns into an `Endpoint`."""

    auth: Auth | None = None
    """None: the platform's usual way, for the kind of credential configured."""
    base_url: str | None = None
    region: str | None = None
    """AWS region or Vertex location."""
    project: str | None = None
    profile: str | None = None
    """Inference-profile prefix on Bedrock: `eu`, `us`, `global`, ...; None: in-region."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Canonical id -> platform id, over what the provider's table says."""
    geo: str | None = None
    """The `inference_geo` that every request is to carry."""
    workspace: str | None = None
    """The id of the workspace that every request is to be in."""
    resource: str | None = None
    """The resource in Azure that holds the deployments."""
    zone: str | None = None
    """The data zone that the deployments keep to, or `global`; None: nobody says."""
    hosting: str | None = None
    """Whose machines the deployments run on; None: nobody says."""
    relay: Relay | None = None
    """What a relay of the Messages API can do; None: nobody says."""
    chat: ChatDialect | None = None
    """How a relay's chat completions are; None: as OpenAI's own."""
    fips: bool = False
    dualstack: bool = False


class PlaceError(ValueError):
    """A `Place` that the platform cannot have; `key` names the setting."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One reachable place of one platform, complete and checked."""

    base_url: str
    """Scheme, host, optional port and path prefix, without a trailing slash."""
    auth: Auth
    models: Mapping[str, PlatformModel]
    """Canonical id -> how it is asked for here; what is absent is not served here."""
    region: str | None = None
    project: str | None = None
    profile: str | None = None
    geo: str | None = None
    """The `inference_geo` that every request there carries."""
    workspace: str | None = None
    """The workspace that every request there is in."""
    zone: str | None = None
    """The data zone that its deployments keep to, or `global`."""
    relay: Relay = Relay()
    """What it can do, where it is a relay of the Messages API."""
    chat: ChatDialect = ChatDialect()
    """How its chat completions are, where it speaks these."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A part of a request that a platform does not take."""

    name: str
    """The path of the field (`thinking.display`) or `anthropic-beta: <value>`."""
    reason: str
    """Why, in words for the caller."""
    droppable: bool = True
    """False: the request means something else without it, so it must not go there."""


class WireRequest(Struct, frozen=True):
    """An unsigned HTTP request."""

    method: str
    target: str
    """Path and query as they stand on the request line, percent-encoded."""
    headers: Headers
    """Without host, content-length and credential."""
    body: bytes
    auth: Auth
    dropped: tuple[str, ...] = ()
    """Names of the losses left out."""

    def __repr__(self) -> str:
        return f"WireRequest({self.method}: {len(self.body)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a prompt is not pickled")


class Errand(Struct, frozen=True):
    """A request to an endpoint that keeps state, for whichever upstream it goes to."""

    area: Area
    method: str
    path: str
    """Under the endpoint's base URL, checked: `/v1/messages/batches/msgbatch_1`."""
    query: str = ""
    """Percent-encoded, without its question mark."""
    content_type: str | None = None
    """What its body is; None: it has none, or it is JSON."""
    accept: str = "application/json"


class FailureKind(StrEnum):
    """What a failed attempt means for what is tried next."""

    NOT_SENT = "not_sent"
    """The platform saw nothing: refused, DNS, TLS. Free to try again."""
    AMBIGUOUS = "ambiguous"
    """The request left, no answer came: it may have been billed."""
    CALLER = "caller"
    """The request itself is wrong (400, 413, 422): one attempt, no failover."""
    CREDENTIAL = "credential"
    """The gateway's own credential was refused (401, 402, 403)."""
    ABSENT = "absent"
    """The model or path does not exist there (404)."""
    THROTTLED = "throttled"
    QUOTA = "quota"
    """A spend limit or service quota: waiting seconds does not help."""
    ILL = "ill"
    """408, 409, 424, 5xx, 529."""
    BAD200 = "bad200"
    """A success that is no answer: HTML, an error object, a redirect, odd framing."""
    CUT = "cut"
    """An answer that broke off after it had begun."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt in the words of the Anthropic API."""

    kind: FailureKind
    status: int
    """The HTTP status the caller gets if this failure is surfaced."""
    type: str
    """The Anthropic error type that goes with it (`overloaded_error`)."""
    message: str
    """Safe for the caller: no account, ARN, project, host or key."""
    retry_after_s: float | None = None
    upstream_status: int | None = None
    """The status on the wire; None when no answer came."""
    request_id: str | None = None
    """The platform's own request id."""
    envelope: bytes | None = field(default=None, repr=False)
    """An error body in Anthropic's own words, to be handed on word for word."""
    error_code: str | None = None
    """`error.details.error_code`, which names the cause; clients branch on it."""
    detail: str = field(default="", repr=False)
    """For the operator's log only: the platform's own words, cut to 500 characters."""


class Decoder(Protocol):
    """One open stream: the platform's bytes in, whole Anthropic SSE events out."""

    stopped: bool
    """`message_stop` has passed through."""
    failure: Failure | None
    """The platform ended the answer with an error, or its framing broke."""

    def feed(self, data: bytes) -> bytes:
        """Return the whole events that `data` completes; b"" while none is complete.

        Events before an error in the same chunk are returned; the error itself is not: it is
        in `failure`, and nothing after it is decoded.
        """
        ...

    def end(self) -> bytes:
        """Say that the transport ended; return the whole events that were held back.

        Bytes of an unfinished event become a failure.
        """
        ...


class Provider(Protocol):
    """Everything the gateway needs to know about one platform."""

    name: str
    """The platform's name in a configuration: `anthropic`, `bedrock`, `vertex`."""

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place from the platform's tables; raises PlaceError."""
        ...

    def losses(self, operation: Operation, fields: Fields, endpoint: Endpoint) -> tuple[Loss, ...]:
        """Return what this platform would not take of a request; empty when it takes all."""
        ...

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request in the platform's format, without what `losses` names."""
        ...

    def attempt_headers(self, operation: Operation, attempt: str) -> Headers:
        """Return what tells the platform our id of an attempt; () where it has no place for it."""
        ...

    def decoder(self, operation: Operation, head_headers: Headers) -> Decoder:
        """Return a decoder for a 200 answer to a streamed operation."""
        ...

    def answer(self, operation: Operation, headers: Headers, body: bytes) -> bytes | Failure:
        """Return a whole 200 answer in the Anthropic format, or why it is none."""
        ...

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an answer that is not a 200."""
        ...

    def stream_type(self) -> str:
        """Return the content type of a good streamed answer (`text/event-stream`)."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """A provider of a platform that has endpoints which keep state.

    Which areas it has stands in its data file.
    """

    def carry(self, errand: Errand, fields: Fields, endpoint: Endpoint) -> WireRequest:
        """Return a request to such an endpoint; the body is `fields.raw`, byte for byte."""
        ...
