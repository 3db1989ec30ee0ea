"""Which upstream holds a state, and for whom. Pure: values, and what follows from them.

A pin is never moved: what an upstream has made is there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from gateway.errors import Forbidden, Malformed, Refused, quoted
from gateway.policy.decision import Request


class Asked(Struct, frozen=True, omit_defaults=True):
    """What policy looked at when a state was made, so that it can be asked again."""

    model: str
    data_class: str | None = None
    features: tuple[str, ...] = ()
    betas: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    hatches: tuple[str, ...] = ()
    models_inside: tuple[str, ...] = ()

    def request(self, now: Request) -> Request:
        """Return what is to be judged: what was asked then, by whoever asks now."""
        return now._replace(
            data_class=self.data_class,
            model=self.model,
            features=frozenset(self.features) | now.features,
            betas=frozenset(self.betas) | now.betas,
            checks=frozenset(self.checks),
            hatches=frozenset(self.hatches) | now.hatches,
            models_inside=frozenset(self.models_inside),
        )


def asked_of(request: Request) -> Asked:
    """Return what is kept of what was judged."""
    return Asked(
        model=request.model,
        data_class=request.data_class,
        features=tuple(sorted(request.features)),
        betas=tuple(sorted(request.betas)),
        checks=tuple(sorted(request.checks)),
        hatches=tuple(sorted(request.hatches)),
        models_inside=tuple(sorted(request.models_inside)),
    )


class Pin(Struct, frozen=True, kw_only=True):
    """One state of one upstream."""

    state: str
    """`batch`, `file`, `skill`, `container`, `message`."""
    id: str
    upstream: str
    owner: str = ""
    """The name of the key of whoever made it; empty: callers have no keys."""
    at_s: float = 0.0
    """When it was made, in Unix seconds."""
    decision: str | None = None
    asked: Asked | None = None
    """None: there was no policy."""
    payer: str | None = None
    tags: dict[str, str] = {}
    charged: bool = False
    """All that it used is on record."""


to_json = msgspec.json.Encoder().encode
from_json = msgspec.json.Decoder(Pin).decode


class Pins(Protocol):
    """Where pins are kept. Its methods block, and may be called from any thread."""

    durable: bool
    """Whether a pin outlives the process."""

    def put(self, pin: Pin) -> None:
        """Keep a pin; raises PinsLost where it cannot be kept."""
        ...

    def find(self, wanted: Iterable[tuple[str, str]]) -> tuple[Pin, ...]:
        """Return the pins of states, each named by kind and id; raises PinsLost."""
        ...

    def replace(self, pin: Pin) -> None:
        """Keep what is known now of what is pinned already; raises PinsLost."""
        ...

    def deleted(self, state: str, name: str, upstream: str) -> None:
        """Take note that a state was deleted: its id stays pinned for a while; raises PinsLost."""
        ...


class PinsLost(Exception):
    """The store of pins cannot be read or written."""


class UnknownState(Refused):
    """Nobody knows the id; or it is another caller's, which is the same to this one."""

    status = 404
    type = "not_found_error"
    reason = "unknown_state"

    def __init__(self, state: str, name: str) -> None:
        super().__init__(
            f"{state}: this gateway does not know {quoted(name)}. If it was made elsewhere, name "
            "the upstream that has it in x-gateway-only."
        )
        self.error_code: str | None = "thread_not_found" if state == "message" else None


class Gone(Refused):
    """The upstream that holds a state is not configured any more."""

    status = 404
    type = "not_found_error"
    reason = "gone_upstream"

    def __init__(self, pin: Pin) -> None:
        super().__init__(
            f"{pin.state}: {quoted(pin.id)} is held by the upstream {pin.upstream}, which is not "
            "configured any more; no other upstream has it."
        )


def own(found: Iterable[Pin], state: str, name: str, owner: str) -> tuple[Pin, ...] | None:
    """Return the pins of a state that a caller may use; None: nobody has pinned it.

    Raises UnknownState where it is pinned, and not by this caller.
    """
    pins = tuple(pin for pin in found if (pin.state, pin.id) == (state, name))
    if not pins:
        return None
    mine = tuple(pin for pin in pins if pin.owner == owner)
    if not mine:
        raise UnknownState(state, name)
    return mine


def one(pins: Iterable[Pin], only: tuple[str, ...]) -> Pin:
    """Return the one pin that is meant, of pins that a caller may use.

    Raises:
        Malformed: Two upstreams have a state of this id.
        Forbidden: The request is narrowed to other upstreams.
    """
    pins = tuple(pins)
    left = [pin for pin in pins if not only or pin.upstream in only]
    if not left:
        first = pins[0]
        raise Forbidden(
            f"{first.state}: {quoted(first.id)} is held by the upstream {first.upstream}, which "
            "x-gateway-only does not name."
        )
    if len(left) > 1:
        names = ", ".join(sorted(pin.upstream for pin in left))
        raise Malformed(
            f"{left[0].state}: several upstreams have {quoted(left[0].id)}: {names}. Name one in "
            "x-gateway-only."
        )
    return left[0]


def together(pins: Iterable[Pin]) -> Pin | None:
    """Return the pin that a request is held to by all its states; None: by none.

    Raises Malformed where they are held by different upstreams, and names two.
    """
    first: Pin | None = None
    for pin in pins:
        if first is not None and pin.upstream != first.upstream:
            raise Malformed(
                f"{first.state} {quoted(first.id)} is held by the upstream {first.upstream}, and "
                f"{pin.state} {quoted(pin.id)} by {pin.upstream}: no upstream has both."
            )
        first = first or pin
    return first
