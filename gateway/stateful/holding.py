"""What holds a call to one upstream: the states it names, and those that its answer brings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from gateway.audit import Trail
from gateway.call import Call
from gateway.dispatch.drive import Won
from gateway.dispatch.stream import Facts
from gateway.routing import Plan, Upstream
from gateway.stateful.held import Held
from gateway.stateful.hold import NOT_HELD, Hold
from gateway.stateful.pins import Gone, Pin, asked_of, one, own, together
from gateway.stateful.references import Reference, may_make, references
from gateway.wire.contract import Wire
from providers.shapes import ready


@ready
class _Answer(Struct, frozen=True):
    id: Any = None
    container: Any = None
    stop_details: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


async def hold(
    held: Held, named: Sequence[Reference], call: Call, upstreams: Sequence[Upstream], wire: Wire
) -> Hold:
    """Return where what is named holds a request.

    Raises:
        UnknownState: Something is another caller's.
        Malformed: Two of them are held by different upstreams.
        Forbidden: The request is narrowed to another upstream.
        Gone: The upstream that holds one is not configured any more.
    """
    if not named:
        return NOT_HELD
    keys = [(each.state, stored(each.state, each.id)) for each in named]
    found = await held.find(keys, wire)
    pins: list[Pin] = []
    unknown: list[Reference] = []
    for each, (state, name) in zip(named, keys, strict=True):
        mine = own(found, state, name, call.caller.key or "")
        if mine is None:
            unknown.append(each)
        else:
            pins.append(one(mine, call.labels.only))
    pin = together(pins)
    if pin is not None and pin.upstream not in {each.name for each in upstreams}:
        raise Gone(pin)
    return Hold(None if pin is None else pin.upstream, tuple(unknown))


class Holding:
    """Pins what the answers of calls bring.

    Args:
        held: The pins.
        unix_s: The Unix time.
    """

    def __init__(self, held: Held, unix_s: Callable[[], float] = time.time) -> None:
        self._held = held
        self._unix_s = unix_s

    async def of(self, call: Call, upstreams: Sequence[Upstream], wire: Wire) -> Hold:
        """Return where what a call names holds it; raises Refused, as `hold`."""
        named = references(call.fields)
        return await hold(self._held, named, call, upstreams, wire) if named else NOT_HELD

    async def answered(self, won: Won, call: Call, chosen: Plan, trail: Trail, wire: Wire) -> None:
        """Pin what an answer brings, before its caller hears of it."""
        if not may_make(call.fields):
            return
        pinned: set[tuple[str, str]] = set()
        threaded = "thread" in call.fields.body

        async def told(facts: Facts) -> None:
            made = _made(facts.id if threaded else None, facts.container, facts.stop_details)
            for state, name in made:
                if (state, name) not in pinned:
                    pinned.add((state, name))
                    await self._pin(state, name, won, call, chosen=chosen, trail=trail, wire=wire)

        if won.stream is not None:
            won.stream.on_told = told
            return
        try:
            said = _decode(won.body or b"")
        except (msgspec.DecodeError, RecursionError):
            return
        container = said.container.get("id") if isinstance(said.container, dict) else None
        await told(
            Facts(
                id=said.id if isinstance(said.id, str) else None,
                container=container if isinstance(container, str) else None,
                stop_details=said.stop_details if isinstance(said.stop_details, dict) else None,
            )
        )

    async def _pin(
        self,
        state: str,
        name: str,
        won: Won,
        call: Call,
        *,
        chosen: Plan,
        trail: Trail,
        wire: Wire,
    ) -> None:
        judgement = chosen.judgement
        pin = Pin(
            state=state,
            id=name,
            upstream=won.attempt.leg.upstream.name,
            owner=call.caller.key or "",
            at_s=self._unix_s(),
            decision=trail.decision,
            asked=None if judgement is None else asked_of(judgement.request),
        )
        kept = await self._held.put(pin, wire)
        trail.pinned(state, name, pin.upstream, pin.owner, durable=kept)


def stored(state: str, name: str) -> str:
    """Return what an id is kept as: a credit's token is worth money, so only its digest is."""
    if state != "credit":
        return name
    return blake2b(name.encode(), digest_size=20).hexdigest()


def _made(
    message: str | None, container: str | None, details: dict[str, object] | None
) -> Iterator[tuple[str, str]]:
    token = (details or {}).get("fallback_credit_token")
    found = {"message": message, "container": container, "credit": token}
    for state, name in found.items():
        if isinstance(name, str) and name:
            yield state, stored(state, name)
