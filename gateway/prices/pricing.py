"""The price book: each run's tokens at the rates of the row for its model and place.

All arithmetic is exact: a line is rounded once, to whole picodollars.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from gateway.money import PICO_MAX
from gateway.policy.digest import digest
from gateway.prices.adding import Bill
from gateway.prices.bounds import Book, bounds
from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.prices.files import Listed
from gateway.prices.finding import Finder, Own
from gateway.prices.flaws import unusable
from gateway.prices.refusals import is_billed
from gateway.prices.runs import (
    EMPTY_REFUSAL,
    Iterations,
    Runs,
    billed_by_iterations,
    by_iteration,
    top_level,
)
from gateway.prices.shelves import Contract, Place
from gateway.prices.tariff import Rates, together
from gateway.usage import Usage

NO_OWN = Own()
TOO_MUCH = "the sum is more than a row of a ledger holds"
_REDEEMED = "redeemed"
_MEANINGS_MAX = 65_536
"""Digests whose meaning is kept: far more than are in use together."""


class PriceBook:
    """Prices answers. Implements `gateway.prices.book.Prices`."""

    def __init__(
        self, files: Sequence[Listed], own: Own = NO_OWN, iterations: Iterations = "always"
    ) -> None:
        """Build one from checked files.

        Args:
            files: The price files.
            own: The rows and contracts of a user.
            iterations: When `usage.iterations` is the bill.
        """
        self._finder = Finder(files, own)
        self._iterations: Iterations = iterations
        self._bounded_by = Book(self._finder, self.cost, self._digest_of)
        self._whole: str | None = None
        self._meanings: dict[str, str] = {}
        self._digests: dict[tuple[str, ...], str] = {}

    @property
    def digest(self) -> str:
        """Of every row and contract in force."""
        if self._whole is None:
            self._whole = digest({**self._finder.told(), "iterations": self._iterations})
        return self._whole

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The contracts of a user, in force or not."""
        return self._finder.own.contracts

    @property
    def own_file(self) -> str | None:
        """The file with a user's own prices; None: there is none."""
        return self._finder.own.file

    def told(self, digest: str) -> str | None:
        """Return the rows and contracts behind a cost's digest, as JSON; None: unknown digest."""
        return self._meanings.get(digest)

    def cost(self, usage: Usage, context: Context) -> Cost:
        """Return what an answer cost."""
        place = self._finder.place(usage, context)
        if isinstance(place, str):
            return Cost(list_pico=None, net_pico=None, unpriced=(place,))
        listed = billed_by_iterations(usage, self._iterations)
        runs = self._runs(usage, context, place, listed=listed)
        bill = self._added(runs, usage, context, place)
        if usage.flags:
            bill.unpriced.extend(unusable(usage, by_iterations=listed))
        beside = self._beside(usage, context, place) if listed else None
        return self._closed(bill, beside)

    def bounds(self, sizes: Sizes, usage: Usage | None, context: Context) -> Bounds | None:
        """Return between what and what an attempt cost whose last count never came."""
        return bounds(self._bounded_by, sizes, usage, context)

    def _runs(self, usage: Usage, context: Context, place: Place, *, listed: bool) -> Runs:
        def waived() -> tuple[bool, str | None]:
            return self._waived(context)

        if listed:
            return by_iteration(usage, context, waived, self._finder.canonical)
        return top_level(usage, place.model, context, waived)

    def _added(self, runs: Runs, usage: Usage, context: Context, place: Place) -> Bill:
        credited = usage.fallback_credit == _REDEEMED
        bill = Bill(paid_by_other=context.paid_by_other, credited=credited)
        bill.flags.update(runs.flags)
        for run in runs.runs:
            where = place if run.model == place.model else place._replace(model=run.model)
            tariff = self._finder.tariff(where)
            if isinstance(tariff, str):
                bill.unpriced.append(tariff)
            else:
                bill.run(run, tariff)
        if usage.web_search_requests:
            rates = self._finder.searches(place)
            if isinstance(rates, str):
                bill.unpriced.append(rates)
            else:
                bill.searches(place.model, usage.web_search_requests, rates)
        if place.tier != "standard":
            bill.flags.add(f"tier_{place.tier}")
        return bill

    def _waived(self, context: Context) -> tuple[bool, str | None]:
        """Say whether a refusal without output is free, and the flag that tells so."""
        on = dt.datetime.fromtimestamp(context.at_s, dt.UTC).date()
        if is_billed(context.refusal_category, on):
            return False, None
        if self._finder.waives_empty_refusals(context.platform):
            return True, "waived_refusal"
        return False, EMPTY_REFUSAL

    def _beside(self, usage: Usage, context: Context, place: Place) -> int | None:
        """Return what the totals beside the iterations would cost."""
        runs = self._runs(usage, context, place, listed=False)
        bill = self._added(runs, usage, context, place)
        return None if bill.unpriced else bill.net_pico

    def _closed(self, bill: Bill, beside: int | None) -> Cost:
        if max(bill.list_pico, bill.net_pico + (bill.more_pico or 0)) > PICO_MAX:
            bill.unpriced.append(TOO_MUCH)
        unpriced = tuple(dict.fromkeys(bill.unpriced))
        return Cost(
            list_pico=None if unpriced else bill.list_pico,
            net_pico=None if unpriced else bill.net_pico,
            lines=tuple(bill.lines),
            unpriced=unpriced,
            flags=tuple(sorted(bill.flags)),
            top_level_pico=None if beside == bill.net_pico else beside,
            uncached_pico=None if unpriced else bill.uncached_pico,
            digest=self._digest(bill.used),
            less_pico=bill.less_pico,
            more_pico=bill.more_pico,
        )

    def _digest_of(self, used: Iterable[Rates]) -> str:
        return self._digest({rates.digest: rates for rates in used})

    def _digest(self, used: dict[str, Rates]) -> str:
        """Return the digest of what was used, and keep what it stands for."""
        key = tuple(used)
        found = self._digests.get(key)
        if found is None:
            if len(self._digests) >= _MEANINGS_MAX:
                self._digests.clear()
                self._meanings.clear()
            found, meaning = together(list(used.values())) if used else ("", "")
            if found:
                self._meanings[found] = meaning
            self._digests[key] = found
        return found
