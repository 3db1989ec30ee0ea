"""The requests of a batch: what each asks for, read once, and the batch as one platform takes it.

Pure, and long for a large batch: whoever runs it does so in a thread. A body is decoded level by
level, so that what is carried stays the bytes that the caller sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, structs

from gateway.call import Call, read_body, refuse_account_fields
from gateway.errors import Malformed, TooLarge
from gateway.policy import features, hatches, models_inside, request_checks
from gateway.routing import Demand
from gateway.stateful.references import MAX_REFERENCES, Reference, references
from providers.contract import Area, Fields, Kind, Loss, Operation

MAX_REQUESTS = 100_000
"""platform.claude.com/docs/en/build-with-claude/batch-processing."""
MAX_MODELS = 64
"""More than there are models: what is decided on is kept and recorded, so it has a bound."""
MAX_BYTES = 256 << 20
"""The largest batch that any platform takes."""
NO_MODEL = "no-model"
"""Stands for the model of a request that asks none; no rule can name it."""

_texts = msgspec.json.Decoder(str)
_lists = msgspec.json.Decoder(list[Raw])
_ENVELOPE = frozenset({"custom_id", "params"})


NOTHING_ASKED = features.Asked(frozenset())


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch."""

    envelope: Mapping[str, Raw]
    operation: Operation
    fields: Fields


@dataclass(frozen=True, slots=True)
class Needs:
    """What an errand asks for, of all that it holds."""

    model: str = NO_MODEL
    """The first model; the others are among those inside."""
    named: tuple[str, ...] = ()
    """Its models, as canonical ids."""
    narrow: tuple[tuple[str, Demand], ...] = ()
    """Ids that name a place too, and what they demand."""
    inside: tuple[str, ...] = ()
    """The other models that may see any of it."""
    asked: features.Asked = NOTHING_ASKED
    hatches: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    payer: str | None = None
    references: tuple[Reference, ...] = ()
    """The states that it names."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that has been read."""

    fields: Mapping[str, Raw]
    items: tuple[Item, ...]
    needs: Needs


Resolve = Callable[[str], tuple[str, Demand | None]]
"""A model's name -> its canonical id, and what the way it was written demands."""


def bare_needs(call: Call) -> Needs:
    """Return what an errand without a readable body asks for: what its kind and headers say."""
    asked = features.features(call.fields, call.kind)
    return Needs(
        asked=asked,
        hatches=hatches.used(asked.hatches),
        checks=request_checks.passed(asked.features),
    )


def read(call: Call, resolve: Resolve) -> Batch:
    """Return the requests of a batch; raises the Refused that says what is wrong, and where."""
    if len(call.fields.raw) > MAX_BYTES:
        raise TooLarge(f"No platform takes a batch of more than {MAX_BYTES} bytes.")
    fields = read_body(call.fields.raw)
    listed = _listed(fields)
    reading = _Reading(call, resolve)
    items = tuple(reading.item(raw, f"requests.{at}") for at, raw in enumerate(listed))
    return Batch(fields, items, reading.needs(unknown=fields.keys() - {"requests"}))


def losses(
    batch: Batch, of: Callable[[Item], Sequence[Loss]], *, lenient: bool
) -> tuple[Loss, ...]:
    """Return what a platform does not take of a batch: that of its first request that loses.

    `of` says what one request loses there.
    """
    for at, item in enumerate(batch.items):
        lost = [loss for loss in of(item) if not (lenient and loss.droppable)]
        if lost:
            return tuple(_renamed(loss, f"requests.{at}.params.{loss.name}") for loss in lost)
    return ()


def body(batch: Batch, raw: bytes, of: Callable[[Item], bytes]) -> bytes:
    """Return the body of a batch for one platform, the caller's own where nothing is changed.

    `of` returns the body that one request has there.
    """
    changed = False
    parts: list[Raw] = []
    for item in batch.items:
        params = of(item)
        if params == item.fields.raw:
            parts.append(Raw(msgspec.json.encode(item.envelope)))
        else:
            changed = True
            parts.append(Raw(msgspec.json.encode({**item.envelope, "params": Raw(params)})))
    if not changed:
        return raw
    return msgspec.json.encode({**batch.fields, "requests": parts})


def _renamed(loss: Loss, name: str) -> Loss:
    return Loss(name, loss.reason, loss.droppable)


class _Reading:
    """The requests of one batch, and what they ask for together."""

    def __init__(self, call: Call, resolve: Resolve) -> None:
        self._call = call
        self._resolve = resolve
        self._named: dict[str, tuple[str, Demand | None]] = {}
        self._inside: dict[str, None] = {}
        self._features: set[str] = set()
        self._hatches: set[str] = set()
        self._first: features.Hatches | None = None
        self._payer: str | None = None
        self._references: dict[Reference, None] = {}

    def item(self, raw: Raw, where: str) -> Item:
        """Read one request."""
        with _at(where):
            envelope = read_body(bytes(raw))
        unknown = envelope.keys() - _ENVELOPE
        self._features.update(f"unknown:requests[].{name[:64]}" for name in unknown)
        if "params" not in envelope:
            raise Malformed(f"{where}.params: Field required.")
        params = bytes(envelope["params"])
        with _at(f"{where}.params"):
            body = read_body(params)
            if not self._call.own_account:
                refuse_account_fields(body)
            model = self._model(body)
            fields = structs.replace(self._call.fields, raw=params, body=body)
            self._ask(fields)
        return Item(envelope, Operation(Kind.MESSAGES, model), fields)

    def needs(self, unknown: frozenset[str] | set[str]) -> Needs:
        """Return what all of them ask for."""
        self._features.update(f"unknown:{name[:64]}" for name in unknown)
        names = tuple(dict.fromkeys(model for model, _ in self._named.values()))
        if len(names) + len(self._inside) > MAX_MODELS:
            raise Malformed(f"requests: more than {MAX_MODELS} models are named; split the batch.")
        inside = models_inside.judged((*names[1:], *self._inside), self._features)
        asked = features.Asked(
            frozenset(self._features), inside, self._first or features.NO_HATCHES
        )
        return Needs(
            model=names[0],
            named=names,
            narrow=tuple(
                (name, narrow) for name, (_, narrow) in self._named.items() if narrow is not None
            ),
            inside=inside,
            asked=asked,
            hatches=frozenset(self._hatches),
            checks=request_checks.passed(asked.features),
            payer=self._payer,
            references=tuple(self._references),
        )

    def _model(self, body: Mapping[str, Raw]) -> str:
        if "model" not in body:
            raise Malformed("model: Field required.")
        try:
            named = _texts.decode(body["model"])
        except msgspec.DecodeError:
            raise Malformed("model: Input should be a valid string.") from None
        if named not in self._named:
            if len(self._named) >= MAX_MODELS:
                raise Malformed(f"model: more than {MAX_MODELS} models are named in one batch.")
            self._named[named] = self._resolve(named)
        return self._named[named][0]

    def _ask(self, fields: Fields) -> None:
        asked = features.features(fields, Area.BATCHES)
        self._features |= asked.features
        self._inside.update(dict.fromkeys(asked.models_inside))
        self._references.update(dict.fromkeys(references(fields)))
        if len(self._references) > MAX_REFERENCES:
            raise Malformed(f"More than {MAX_REFERENCES} files and other states are named.")
        if asked.hatches is not features.NO_HATCHES:
            self._first = self._first or asked.hatches
            self._hatches |= hatches.used(asked.hatches)
            bill_to = asked.hatches.bill_to
            self._payer = self._payer or (None if bill_to in {None, "self"} else bill_to)


class _at:  # noqa: N801 - reads as a word
    """Say in which request of the batch something is wrong."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        if isinstance(error, Malformed):
            error.message = f"{self._where}: {error.message}"


def _listed(fields: Mapping[str, Raw]) -> Sequence[Raw]:
    if "requests" not in fields:
        raise Malformed("requests: Field required.")
    try:
        listed = _lists.decode(fields["requests"])
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("requests: Input should be a valid list.") from None
    if not listed:
        raise Malformed("requests: List should have at least 1 item.")
    if len(listed) > MAX_REQUESTS:
        raise Malformed(f"requests: List should have at most {MAX_REQUESTS} items.")
    return listed
