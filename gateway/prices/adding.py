"""Adding up what an answer cost, line by line."""

from __future__ import annotations

from gateway.prices.amounts import amount
from gateway.prices.cost import Category, Line
from gateway.prices.runs import Run
from gateway.prices.tariff import Rates, Tariff
from gateway.usage import Tokens

ASSUMED_TTL = "assumed_ttl"
"""Cache writes of unknown time to live are priced as those of 5 minutes; they may be of an hour."""
ESTIMATED_HIGH = "estimated_high"
"""A redeemed credit has some cache writes billed as reads; how many is not told."""
SPLIT_DIFFERS = "cache_writes_differ"
"""More was written by time to live than in all: what is told by time to live is priced."""


WAYS = ("cache_write_5m", "cache_write_1h", "cache_read")
"""Ways in which a token that is written to the cache may be billed."""


class Bill:
    """The lines of one answer, and their sums."""

    __slots__ = (
        "credited",
        "flags",
        "less_pico",
        "lines",
        "list_pico",
        "more_pico",
        "net_pico",
        "paid_by_other",
        "uncached_pico",
        "unpriced",
        "used",
    )

    def __init__(self, *, paid_by_other: bool, credited: bool = False) -> None:
        """Begin with nothing.

        Args:
            paid_by_other: Somebody else pays it.
            credited: A fallback credit was redeemed.
        """
        self.paid_by_other = paid_by_other
        self.credited = credited
        self.lines: list[Line] = []
        self.list_pico = self.net_pico = self.uncached_pico = 0
        self.unpriced: list[str] = []
        self.less_pico = 0
        self.more_pico: int | None = 0
        """How much lower and higher the net sum may be; None: nobody knows."""
        self.flags: set[str] = {ESTIMATED_HIGH} if credited else set()
        self.used: dict[str, Rates] = {}
        """By digest."""

    def run(self, run: Run, tariff: Tariff) -> None:
        """Add the lines of a run."""
        tokens = run.tokens
        fresh, output = tokens.input_tokens, tokens.output_tokens
        if fresh is None or output is None:
            name = "input_tokens" if fresh is None else "output_tokens"
            self.unpriced.append(f"a {run.kind} run tells no {name}")
            return
        five_minutes, hour, untold = self._writes(tokens)
        read = tokens.cache_read_input_tokens or 0
        prompt = fresh + five_minutes + untold + hour + read
        rates = tariff.at(prompt)
        self.used[rates.digest] = rates
        before, before_less = self.net_pico, self.less_pico
        self._line(run, "input", fresh, rates)
        self._line(run, "cache_write_5m", five_minutes + untold, rates)
        self._line(run, "cache_write_1h", hour, rates)
        self._line(run, "cache_read", read, rates)
        self._line(run, "output", output, rates)
        if run.billable and not self.paid_by_other:
            prices = rates.by_category
            self.uncached_pico += amount(prompt, prices["input"].net)
            self.uncached_pico += amount(output, prices["output"].net)
            if untold or self.credited:
                self._widen(five_minutes, hour, untold, rates)
            if not run.certain:
                # What it cost at the least is nothing, whichever way its writes are read.
                self.less_pico = before_less + self.net_pico - before

    def searches(self, model: str, count: int, rates: Rates) -> None:
        """Add the web searches of an answer."""
        self.used[rates.digest] = rates
        before = self.net_pico
        self._line(Run("message", model, Tokens()), "web_search", count, rates)
        self.uncached_pico += self.net_pico - before

    def _line(self, run: Run, category: Category, quantity: int, rates: Rates) -> None:
        if not quantity:
            return
        rate = rates.by_category.get(category)
        if rate is None:
            self.unpriced.append(f"{category} has no price in {rates.id}")
            return
        listed = amount(quantity, rate.list) if run.billable else 0
        net = amount(quantity, rate.net) if run.billable and not self.paid_by_other else 0
        self.list_pico += listed
        self.net_pico += net
        self.lines.append(
            Line(
                run=run.kind,
                model=run.model,
                category=category,
                quantity=quantity,
                rate=rate.usd,
                list_pico=listed,
                net_pico=net,
                row=rates.id,
                source=rates.source,
                contract=rates.contract,
                billable=run.billable,
            )
        )

    def _widen(self, five_minutes: int, hour: int, untold: int, rates: Rates) -> None:
        """Widen the sum to every way in which writes may be billed: by their time, or as reads."""

        def pico(*counts: int) -> int:
            found = zip(map(rates.by_category.get, WAYS), counts, strict=True)
            return sum(amount(count, rate.net) for rate, count in found if rate is not None)

        taken = pico(five_minutes + untold, hour, 0)
        ways = [taken]
        if untold and WAYS[1] in rates.by_category:
            ways.append(pico(five_minutes, hour + untold, 0))
        elif untold:
            self.more_pico = None
        if self.credited:
            ways.append(pico(0, 0, five_minutes + hour + untold))
        self.less_pico += taken - min(ways)
        if self.more_pico is not None:
            self.more_pico += max(ways) - taken

    def _writes(self, tokens: Tokens) -> tuple[int, int, int]:
        """Return the tokens written for 5 minutes, for an hour, and for a time nobody told."""
        five_minutes = tokens.cache_creation_5m_input_tokens or 0
        hour = tokens.cache_creation_1h_input_tokens or 0
        written = tokens.cache_creation_input_tokens
        if written is None or written == five_minutes + hour:
            return five_minutes, hour, 0
        if written < five_minutes + hour:
            self.flags.add(SPLIT_DIFFERS)
            return five_minutes, hour, 0
        self.flags.add(ASSUMED_TTL)
        return five_minutes, hour, written - five_minutes - hour
