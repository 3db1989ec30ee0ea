"""The data of the records that the ledger is folded from.

What stands here is what is read: other members, and other kinds, are passed over. A member that
may be absent is None then. Texts are as long as the ledger's columns hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

T = TypeVar("T", bound=Struct)

Word = Annotated[str, Meta(max_length=16)]
Short = Annotated[str, Meta(max_length=32)]
Name = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=256)]
DecisionId = Annotated[str, Meta(min_length=1, max_length=48)]
Number = Annotated[int, Meta(ge=1, le=999_999)]
Size = Annotated[int, Meta(ge=0, le=2**53)]

_WHOSE = ("decision", "attempt")
"""Without these nobody knows what a record speaks of."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


BATCH_RESULT = "batch_result"
"""What a request of a batch is called as a call."""


class Decided(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call asks for: `decision`."""

    decision: DecisionId
    call: Short | None = None
    data_class: Text | None = msgspec.field(default=None, name="class")
    key: Name | None = None
    door: Word | None = None
    model: Text | None = None
    asked_model: str | None = None
    environment: Name | None = None
    tags: dict[Text, Text] | None = None
    bytes: Size | None = None
    stream: bool | None = None
    max_tokens: Size | None = None
    speed: Short | None = None
    session: Text | None = None
    agent: Text | None = None
    parent_agent: Text | None = None
    payer: Short | None = None
    unsized: list[Short] | None = None
    plan: list[str] | None = None


class Started(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an attempt goes: `started`."""

    decision: DecisionId
    attempt: Number
    upstream: Name | None = None
    platform: Short | None = None
    region: Name | None = None
    model: str | None = None
    account: Text | None = None
    scope: Word | None = None


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer says of itself when it begins: `usage`."""

    decision: DecisionId
    attempt: Number
    upstream: Name | None = None
    message_id: Text | None = None
    model: Text | None = None
    usage: dict[str, Any] | None = None
    usage_cut: bool | None = None


class Failed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt without an answer: `failed`."""

    decision: DecisionId
    attempt: Number
    upstream: Name | None = None
    kind: Short | None = None
    state: str | None = None
    platform_request_id: Text | None = None
    message_id: Text | None = None
    model: Text | None = None
    usage: dict[str, Any] | None = None
    usage_cut: bool | None = None


class Withdrawn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt of which no byte has left: `withdrawn`."""

    decision: DecisionId
    attempt: Number
    upstream: Name | None = None


class Finished(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a call; without an attempt nothing answered it: `finished`."""

    decision: DecisionId
    attempt: Number | None = None
    upstream: Name | None = None
    state: Short | None = None
    request_id: Text | None = None
    model: Text | None = None
    usage: dict[str, Any] | None = None
    usage_cut: bool | None = None
    whole: bool | None = None
    counted: bool | None = None
    stop_reason: Name | None = None
    refusal_category: Name | None = None
    message_id: Text | None = None
    platform_request_id: Text | None = None


class BatchResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one request of a batch used, known when its results are read: `batch_result`."""

    decision: DecisionId
    upstream: Name | None = None
    platform: Short | None = None
    account: Text | None = None
    region: Name | None = None
    scope: Word | None = None
    model: Text | None = None
    served_model: Text | None = None
    custom_id: Text | None = None
    message_id: Text | None = None
    stop_reason: Name | None = None
    refusal_category: Name | None = None
    usage: dict[str, Any] | None = None
    usage_cut: bool | None = None
    environment: Name | None = None
    door: Word | None = None
    key: Name | None = None
    data_class: Text | None = msgspec.field(default=None, name="class")
    tags: dict[Text, Text] | None = None
    session: Text | None = None
    agent: Text | None = None
    parent_agent: Text | None = None
    payer: Short | None = None

    def parts(self) -> tuple[Decided, Started, Finished]:
        """Return the records that a call of its own would have left."""
        decided = Decided(
            decision=self.decision,
            call=BATCH_RESULT,
            data_class=self.data_class,
            key=self.key,
            door=self.door,
            model=self.model,
            environment=self.environment,
            tags=self.tags,
            session=self.session,
            agent=self.agent,
            parent_agent=self.parent_agent,
            payer=self.payer,
        )
        started = Started(
            decision=self.decision,
            attempt=1,
            upstream=self.upstream,
            platform=self.platform,
            region=self.region,
            model=self.served_model,
            account=self.account,
            scope=self.scope,
        )
        finished = Finished(
            decision=self.decision,
            attempt=1,
            upstream=self.upstream,
            state="complete",
            request_id=self.custom_id,
            model=self.served_model,
            usage=self.usage,
            usage_cut=self.usage_cut,
            whole=True,
            counted=True,
            stop_reason=self.stop_reason,
            refusal_category=self.refusal_category,
            message_id=self.message_id,
        )
        return decided, started, finished


class Adjusted(Struct, frozen=True, kw_only=True):
    """A correction: `adjustment`."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    day: date
    platform: Short
    upstream: Name = ""
    model: Text = ""
    attempt: Name | None = None
    amount_pico: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    reason: str
    source: str


class Reader(Generic[T]):
    """Reads the data of one kind of record."""

    def __init__(self, kind: str, shape: type[T]) -> None:
        self._kind = kind
        self._shape = shape
        self._whole = msgspec.json.Decoder(shape)
        self._members = {
            each.encode_name: (each.name, msgspec.json.Decoder(each.type))
            for each in msgspec.structs.fields(shape)
        }

    def read(self, data: Raw, wrong: Callable[[str], None]) -> T | None:
        """Return the data; a member that is wrong is named and left out, if it can be missing."""
        try:
            return self._whole.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._piecewise(data, wrong)

    def _piecewise(self, data: Raw, wrong: Callable[[str], None]) -> T | None:
        try:
            found = _members(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            wrong(self._kind)
            return None
        known: dict[str, Any] = {}
        for name, raw in found.items():
            ours, decoder = self._members.get(name, (None, None))
            if ours is None or decoder is None:
                continue
            try:
                known[ours] = decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                wrong(f"{self._kind}.{name}")
                if name in _WHOSE:
                    return None
        try:
            return self._shape(**known)
        except TypeError:
            wrong(self._kind)
            return None


_members = msgspec.json.Decoder(dict[str, Raw]).decode

READERS: Mapping[str, Reader[Any]] = {
    kind: Reader(kind, shape)
    for kind, shape in {
        "decision": Decided,
        "started": Started,
        "usage": Told,
        "failed": Failed,
        "withdrawn": Withdrawn,
        "finished": Finished,
        "batch_result": BatchResult,
        "adjustment": Adjusted,
    }.items()
}
"""Kind of a record -> what reads it; other kinds are not the ledger's."""


def at_us(at: str) -> int | None:
    """Return the time of a record in microseconds since 1970; None: it is none."""
    try:
        since = datetime.fromisoformat(at) - _EPOCH
    except (ValueError, TypeError):
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
