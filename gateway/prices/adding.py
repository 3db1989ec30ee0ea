"""Adding up what an answer cost, line by line."""

from __future__ import annotations

from gateway.prices.amounts import amount
from gateway.prices.cost import Category, Line
from gateway.prices.runs import Run
from gateway.prices.tariff import Rates, Tariff
from gateway.usage import Tokens

ASSUMED_TTL = "assumed_ttl"
"""Cache writes of unknown time to live are priced as those of 5 minutes."""
SPLIT_DIFFERS = "cache_writes_differ"
"""More was written by time to live than in all: what is told by time to live is priced."""


class Bill:
    """The lines of one answer, and their sums."""

    __slots__ = (
        "flags",
        "lines",
        "list_pico",
        "net_pico",
        "paid_by_other",
        "uncached_pico",
        "unpriced",
        "used",
    )

    def __init__(self, *, paid_by_other: bool) -> None:
        """Begin with nothing.

        Args:
            paid_by_other: Somebody else pays it.
        """
        self.paid_by_other = paid_by_other
        self.lines: list[Line] = []
        self.list_pico = self.net_pico = self.uncached_pico = 0
        self.unpriced: list[str] = []
        self.flags: set[str] = set()
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
        five_minutes, hour = self._writes(tokens)
        read = tokens.cache_read_input_tokens or 0
        prompt = fresh + five_minutes + hour + read
        rates = tariff.at(prompt)
        self.used[rates.digest] = rates
        self._line(run, "input", fresh, rates)
        self._line(run, "cache_write_5m", five_minutes, rates)
        self._line(run, "cache_write_1h", hour, rates)
        self._line(run, "cache_read", read, rates)
        self._line(run, "output", output, rates)
        if run.billable and not self.paid_by_other:
            prices = rates.by_category
            self.uncached_pico += amount(prompt, prices["input"].net)
            self.uncached_pico += amount(output, prices["output"].net)

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

    def _writes(self, tokens: Tokens) -> tuple[int, int]:
        """Return the tokens written for 5 minutes and for an hour."""
        five_minutes = tokens.cache_creation_5m_input_tokens or 0
        hour = tokens.cache_creation_1h_input_tokens or 0
        written = tokens.cache_creation_input_tokens
        if written is None or written == five_minutes + hour:
            return five_minutes, hour
        if written < five_minutes + hour:
            self.flags.add(SPLIT_DIFFERS)
            return five_minutes, hour
        self.flags.add(ASSUMED_TTL)
        return written - hour, hour
