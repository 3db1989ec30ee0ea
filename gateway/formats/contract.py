"""What a caller's format is: how its requests are read, and how its callers are answered.

A format is a pure codec between what a caller speaks and the Messages API. The server finds it by
method and path before anything of the request is read, so that every refusal is in its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Raw, Struct

from gateway.within import Within
from providers.contract import Endpoint, Headers, Kind


class Reply(Struct, frozen=True):
    """A whole answer: of the Messages API before a format has it, the caller's after."""

    status: int
    headers: Headers
    body: bytes


class Events(Protocol):
    """One open streamed answer: whole Anthropic events in, the caller's bytes out."""

    def feed(self, events: bytes) -> bytes:
        """Return whole events as the caller reads them; b"" where one means nothing to it."""
        ...

    def end(self) -> bytes:
        """Return what closes the stream, after its last event."""
        ...


class Replies(Protocol):
    """How the caller of one request is answered."""

    def whole(self, reply: Reply) -> Reply:
        """Return an answer that came whole, good or an error, in the caller's format."""
        ...

    def opened(self, headers: Headers) -> Headers:
        """Return the headers of a good streamed answer."""
        ...

    def events(self) -> Events:
        """Return what turns one streamed answer into the caller's format."""
        ...


class Asked(Struct, frozen=True):
    """A request in the words of the Messages API."""

    headers: Headers
    """With `anthropic-version`, and `anthropic-beta` where betas are asked for."""
    fields: Mapping[str, Raw]
    """Its fields, `model` and `stream` among them."""
    raw: bytes
    """The body that has these fields, byte for byte."""
    replies: Replies
    within: Within | None = None
    """Where the way it was written keeps it."""


class Way(Protocol):
    """One way in: what a method and a path of one format ask for."""

    @property
    def kind(self) -> Kind | None:
        """What it asks for; None: it is no call, and nothing of it is read."""
        ...

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Refused with the name of what is wrong, in its format's words."""
        ...

    def refused(self, reply: Reply) -> Reply:
        """Return an answer in this format that came before the request was read."""
        ...


class Offer(Struct, frozen=True):
    """One model at one upstream, for those who ask what there is."""

    model: str
    """The canonical id."""
    platform: str
    endpoint: Endpoint
    countries: frozenset[str] | None
    """Where it may be processed there; None: nobody says."""


class Listing(Protocol):
    """One way in that is no call: it asks what is served."""

    def told(self, headers: Headers, query: str, offers: Sequence[Offer], request_id: str) -> Reply:
        """Return the answer in its format; raises Refused."""
        ...

    def refused(self, reply: Reply) -> Reply:
        """Return an error in its format; any other answer as it is."""
        ...
