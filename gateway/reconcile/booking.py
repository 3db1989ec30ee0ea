"""Adjustments: what makes the ledger's total that of the bill, and how they are told apart. Pure.

The id of an adjustment names what was chosen, the group, and the sums that it was made from. So the
same statement gives the same ids, and what is in the ledger already is found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from gateway.ledger.row import Adjustment

PREFIX = "rec_"


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What of both sides was compared; adjustments of another choice are another's."""

    upstreams: tuple[str, ...] = ()
    """Those whose attempts count; none: all."""
    lines: tuple[str, ...] = ()
    """How the statement's lines were chosen."""

    @property
    def upstream(self) -> str:
        """Return the upstream that an adjustment is for; empty: for more than one."""
        return self.upstreams[0] if len(self.upstreams) == 1 else ""

    def tag(self) -> str:
        """Return what stands for this choice in ids."""
        return _digest(self, 8)


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """An adjustment that was made before."""

    id: str
    day: str
    platform: str
    upstream: str
    model: str
    amount_pico: int

    @property
    def ours(self) -> bool:
        """Say whether a comparison made it; others may add adjustments too."""
        return self.id.startswith(PREFIX) and self.id.count("_") == _PARTS

    def of(self, chosen: Chosen) -> bool:
        """Say whether it was made for the same choice."""
        return self.ours and self.id.split("_")[1] == chosen.tag()

    @property
    def group(self) -> str:
        """Return the tag of its group."""
        return self.id.split("_")[2]


_PARTS = 3


class Due(NamedTuple):
    """One group of money: what it is, and what each side has."""

    group: str
    """Its tag."""
    day: str
    platform: str
    model: str
    attempts_pico: int
    """What the ledger's attempts cost."""
    theirs_pico: int
    what: str
    """In words."""


class Conflict(ValueError):
    """Adjustments were made for another choice that may have had the same attempts in it."""


def tag(*parts: object) -> str:
    """Return what stands for a group in ids."""
    return _digest(parts, 16)


def due(
    groups: Iterable[Due],
    booked: Sequence[Booked],
    chosen: Chosen,
    *,
    days: frozenset[str],
    platform: str,
    source: str,
) -> list[Adjustment]:
    """Return the adjustments to be written: the ledger's total is that of the statement then.

    What was adjusted before in these days, and is in no group any more, is taken back.

    Args:
        groups: All groups of money that were compared.
        booked: The adjustments there are.
        chosen: What was compared.
        days: The days whose groups these are.
        platform: Whose statement it is.
        source: The files that say so.

    Raises:
        Conflict: Adjustments of the same time were made for another choice.
    """
    earlier = [
        each for each in booked if each.ours and each.platform == platform and each.day in days
    ]
    for each in earlier:
        _no_conflict(each, chosen)
    known: dict[str, list[Booked]] = {}
    for each in earlier:
        if each.of(chosen):
            known.setdefault(each.group, []).append(each)
    wanted = {group.group: group for group in groups}
    stale = {
        name: Due(name, each[0].day, platform, each[0].model, 0, 0, "it is no group any more")
        for name, each in known.items()
        if name not in wanted
    }
    made = (
        _adjustment(group, known.get(name, []), chosen, source)
        for name, group in sorted({**wanted, **stale}.items())
    )
    return [each for each in made if each.amount_pico]


def _adjustment(group: Due, before: Sequence[Booked], chosen: Chosen, source: str) -> Adjustment:
    earlier_pico = sum(each.amount_pico for each in before)
    ids = tuple(sorted(each.id for each in before))
    amount_pico = group.theirs_pico - group.attempts_pico - earlier_pico
    unique = _digest((group.group, group.theirs_pico, group.attempts_pico, ids), 16)
    return Adjustment(
        id=f"{PREFIX}{chosen.tag()}_{group.group}_{unique}",
        at_us=0,
        day=group.day,
        platform=group.platform,
        upstream=chosen.upstream,
        model=group.model,
        amount_pico=amount_pico,
        reason=group.what,
        source=source,
    )


def _no_conflict(earlier: Booked, chosen: Chosen) -> None:
    apart = earlier.upstream and chosen.upstream and earlier.upstream != chosen.upstream
    if earlier.of(chosen) or apart:
        return
    raise Conflict(
        f"{earlier.day} was adjusted before for another choice of upstreams or lines "
        f"({earlier.id}); write with the choice of then, or with one --upstream each"
    )


def _digest(value: object, letters: int) -> str:
    content = msgspec.json.encode(value, order="deterministic")
    return hashlib.sha256(content).hexdigest()[:letters]
