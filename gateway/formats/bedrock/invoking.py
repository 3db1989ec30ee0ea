"""Reading the requests of Bedrock's runtime: InvokeModel, its stream, and CountTokens."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from gateway.call import read_body
from gateway.errors import Malformed, NotServed, quoted
from gateway.formats import carried
from gateway.formats.bedrock import answering, naming
from gateway.formats.bedrock.table import table
from gateway.formats.contract import Asked, Reply
from providers.contract import Headers, Kind

_METADATA = "x-amzn-bedrock-request-metadata"
_RETRIES = "x-stainless-retry-count"
_ATTEMPT = re.compile(r"attempt=(\d{1,4})(?:;|$)")
_TAG = re.compile(r"[a-z0-9_.-]{1,100}")
_CONVERSE = frozenset({"converse", "converse-stream"})
_decode_words = msgspec.json.Decoder(dict[str, str]).decode


class Invoke(Struct, frozen=True):
    """`POST /model/{id}/invoke`, or with `stream` its streamed twin."""

    model: str
    """The id as the path has it, percent-decoded."""
    stream: bool
    kind: Kind = Kind.MESSAGES

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Refused."""
        named = naming.read(self.model, naming.signed_region(headers))
        fields = read_body(body)
        carried.refuse(fields, "model", "stream")
        path = {"model": named.model, "stream": True} if self.stream else {"model": named.model}
        return carried.asked(
            _taken(headers),
            fields,
            answering.Answers(),
            versions=table().versions.rows,
            add=path,
            within=named.within,
        )

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply)


class _Wrapped(Struct):
    """The union of what tokens can be counted of."""

    invoke: _Invocation | None = msgspec.field(name="invokeModel", default=None)
    converse: msgspec.Raw | None = None


class _Invocation(Struct):
    body: bytes
    """msgspec reads base64 into it."""


class _Counting(Struct):
    input: _Wrapped


class CountTokens(Struct, frozen=True):
    """`POST /model/{id}/count-tokens`."""

    model: str
    kind: Kind = Kind.COUNT_TOKENS

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Refused."""
        named = naming.read(self.model, naming.signed_region(headers))
        fields = read_body(_counted(body))
        carried.refuse(fields, "model", "stream")
        return carried.asked(
            _taken(headers),
            fields,
            answering.Counts(),
            versions=table().versions.rows,
            add={"model": named.model},
            leave_out=table().count.left_out,
            within=named.within,
        )

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply)


class Unserved(Struct, frozen=True):
    """Another operation on a model."""

    path: str
    kind: Kind = Kind.MESSAGES

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Refuse it."""
        del headers, body
        action = self.path.rpartition("/")[2]
        if action in _CONVERSE:
            raise NotServed(
                "This gateway does not speak Converse, which cannot say all that Claude's own "
                "format says: call InvokeModel or InvokeModelWithResponseStream."
            )
        raise NotServed(f"This gateway does not serve {quoted(self.path, 200)}.")

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return answering.unread(reply)


def _counted(body: bytes) -> bytes:
    """Return the body of the invocation whose tokens are to be counted."""
    read_body(body)
    try:
        wrapped = msgspec.json.decode(body, type=_Counting).input
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(
            f"input: Input should be invokeModel with a base64 body ({error})."
        ) from None
    if wrapped.converse is not None:
        raise Malformed("input.converse: this gateway counts input.invokeModel only.")
    if wrapped.invoke is None:
        raise Malformed("input.invokeModel: Field required.")
    return wrapped.invoke.body


def _taken(headers: Headers) -> Headers:
    """Return the headers without AWS's own; raises Malformed for one that asks for something."""
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        if name == _METADATA:
            kept += _tags(value)
        elif name.startswith(table().headers.prefix):
            _check(name, value)
        elif name == "amz-sdk-request":
            kept += _retried(headers, value)
        else:
            kept.append((name, value))
    return tuple(kept)


def _check(name: str, value: str) -> None:
    rules = table().headers
    if name not in rules.ignored and value not in rules.harmless.get(name, ()):
        why = rules.refused.get(name, "this gateway does not know it")
        raise Malformed(f"{quoted(name)}: {why}; leave the header out.")


def _tags(metadata: str) -> list[tuple[str, str]]:
    """Return a request's metadata as tags, which the journal keeps as AWS's logs would."""
    try:
        pairs = _decode_words(metadata)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed(f"{_METADATA}: Input should be a JSON object of strings.") from None
    for name in pairs:
        if not _TAG.fullmatch(name.lower()):
            raise Malformed(f"{_METADATA}: {quoted(name)!r} cannot be the name of a tag here.")
    return [(f"x-gateway-tag-{name.lower()}", value) for name, value in pairs.items()]


def _retried(headers: Headers, value: str) -> list[tuple[str, str]]:
    """Return how often an AWS SDK has sent the request before, as Anthropic's SDK says it."""
    found = _ATTEMPT.match(value)
    if found is None or any(name == _RETRIES for name, _ in headers):
        return []
    return [(_RETRIES, str(int(found[1]) - 1))]
