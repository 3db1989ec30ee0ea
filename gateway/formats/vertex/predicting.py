"""Reading the requests of Vertex AI: rawPredict, streamRawPredict, and the counting of tokens.

The project in the path is the caller's own. It means nothing here, and goes nowhere.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gateway.call import read_body
from gateway.errors import Malformed, NotServed, quoted
from gateway.formats import carried
from gateway.formats.contract import Asked, Reply
from gateway.formats.vertex import answering, naming
from gateway.formats.vertex.table import table
from providers.contract import Headers, Kind


class Predict(Struct, frozen=True):
    """`POST .../publishers/anthropic/models/{model}:rawPredict`, or `:streamRawPredict`."""

    location: str
    model: str
    stream: bool
    kind: Kind = Kind.MESSAGES

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Refused."""
        within, model = naming.within(self.location), naming.model(self.model)
        fields = read_body(body)
        carried.refuse(fields, "model")
        _agree(fields.get("stream"), stream=self.stream)
        path: dict[str, object] = {"model": model}
        return carried.asked(
            headers,
            fields,
            answering.Answers(listed=self.stream),
            versions=table().versions.rows,
            add=path | {"stream": True} if self.stream else path,
            within=within,
        )

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply, listed=self.stream)


class CountTokens(Struct, frozen=True):
    """`POST .../publishers/anthropic/models/count-tokens:rawPredict`; the body names the model."""

    location: str
    kind: Kind = Kind.COUNT_TOKENS

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Refused."""
        within = naming.within(self.location)
        fields = read_body(body)
        return carried.asked(
            headers,
            fields,
            answering.Answers(listed=False),
            versions=table().versions.rows,
            add={"model": naming.model(_text(fields.get("model")))},
            within=within,
        )

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply, listed=False)


class Unserved(Struct, frozen=True):
    """Another path below a project."""

    path: str
    kind: Kind = Kind.MESSAGES

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Refuse it."""
        del headers, body
        raise NotServed(
            f"This gateway does not serve {quoted(self.path, 300)}. It serves rawPredict and "
            "streamRawPredict of publishers/anthropic/models."
        )

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply, listed=False)


def _agree(said: Raw | None, *, stream: bool) -> None:
    """Raise Malformed where the body says another thing of streaming than the path does."""
    verb, right = ("streamRawPredict", "true") if stream else ("rawPredict", "false")
    if said is not None and bytes(said) != right.encode():
        raise Malformed(f"stream: with {verb} it is {right}; the body says otherwise.")


def _text(raw: Raw | None) -> str:
    if raw is None:
        raise Malformed("model: Field required.")
    try:
        text: str = msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        raise Malformed("model: Input should be a valid string.") from None
    return text
