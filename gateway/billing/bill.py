"""What a bill can be asked, whatever it was made of."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Literal

import gateway.prices
from gateway.billing.agents import AgentCost, trees
from gateway.billing.book import Book
from gateway.billing.charge import Charge
from gateway.billing.labels import Place
from gateway.billing.reported import Reported, held_against, together
from gateway.billing.total import Total, total_of
from gateway.prices.book import Prices

Dimension = Literal["user", "team", "session", "agent", "model", "platform", "state"]

_VALUE: dict[Dimension, Callable[[Charge], str]] = {
    "user": lambda charge: charge.labels.user,
    "team": lambda charge: charge.labels.team,
    "session": lambda charge: charge.labels.session,
    "agent": lambda charge: charge.labels.agent,
    "model": lambda charge: charge.model,
    "platform": lambda charge: charge.platform,
    "state": lambda charge: charge.state.value,
}


class Bill:
    """Charges and their sums, as they are when it is asked.

    Args:
        prices: The price book; the shipped one if None.
        place: Where messages come from, where it is not said of each.
        clock: The Unix time in seconds. The price of the moment holds at which a message was
            first told of.
    """

    def __init__(
        self,
        prices: Prices | None = None,
        *,
        place: Place | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._book = Book(gateway.prices.shipped if prices is None else lambda: prices, clock)
        self._place = place or Place()

    @property
    def charges(self) -> tuple[Charge, ...]:
        """One amount for each message, in the order of time."""
        return tuple(self._book.charges())

    @property
    def total(self) -> Total:
        """What all of it comes to."""
        return total_of(self._book.charges())

    def by(self, dimension: Dimension) -> dict[str, Total]:
        """Return the sum for each user, team, ...; an empty name: nobody said."""
        value = _VALUE[dimension]
        groups: dict[str, list[Charge]] = defaultdict(list)
        for charge in self._book.charges():
            groups[value(charge)].append(charge)
        return {name: total_of(groups[name]) for name in sorted(groups)}

    def agents(self) -> tuple[AgentCost, ...]:
        """Return the main agent of each session, with the agents under it."""
        return trees(self._book.charges())

    @property
    def reported(self) -> Reported:
        """What results say of all sessions, beside what was counted."""
        return together(self.reported_by_session().values())

    def reported_by_session(self) -> dict[str, Reported]:
        """Return what results say, beside what was counted, for each session that has one."""
        counted, results = self.by("session"), self._book.results()
        return {
            session: held_against(results[session], counted.get(session, Total()))
            for session in sorted(results)
        }
