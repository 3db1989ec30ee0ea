"""The server's numbers in Prometheus' formats.

They are made when they are asked for, from what calls have counted and from what holds just then;
a registry of our own has them, so that other programs' metrics in the process stay apart.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, make_asgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from gateway.answers import Answer
from gateway.dispatch.health import Standing
from gateway.errors import new_request_id
from gateway.money import PICO_PER_USD
from gateway.server.asgi import Message, Scope
from gateway.server.counting import BOUNDS_S, Labels, Spread
from gateway.server.status import Status, tasks
from gateway.version import installed

Maker = type[CounterMetricFamily] | type[GaugeMetricFamily] | type[HistogramMetricFamily]


class Family(NamedTuple):
    """One metric: its name (a counter's without `_total`), what it means and its labels."""

    name: str
    maker: Maker
    meaning: str
    labels: Labels = ()

    def empty(self) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
        """Return it without a value."""
        return self.maker(self.name, self.meaning, labels=self.labels)


REQUESTS = Family(
    "tidegate_requests",
    CounterMetricFamily,
    "Calls that ended.",
    ("door", "kind", "stream", "state", "status_class", "upstream", "model"),
)
ATTEMPTS = Family(
    "tidegate_attempts",
    CounterMetricFamily,
    "Attempts that ended: ok, the kind of failure, or why nobody waited.",
    ("upstream", "model", "outcome"),
)
FAILOVERS = Family(
    "tidegate_failovers",
    CounterMetricFamily,
    "Calls that went on at another upstream.",
    ("from", "to", "reason"),
)
REFUSED = Family("tidegate_refused", CounterMetricFamily, "Calls that were refused.", ("reason",))
SHED = Family(
    "tidegate_shed", CounterMetricFamily, "Calls that were turned away under load.", ("reason",)
)
VIOLATIONS = Family(
    "tidegate_policy_violations",
    CounterMetricFamily,
    "What answers showed that was not as planned.",
    ("upstream",),
)
TOKENS = Family(
    "tidegate_tokens",
    CounterMetricFamily,
    "Tokens as platforms reported them: input, output, cache_read, cache_write.",
    ("upstream", "model", "type"),
)
COST = Family(
    "tidegate_cost_usd",
    CounterMetricFamily,
    "What whole answers cost by the price book, contracts applied; the ledger has it exactly.",
    ("upstream", "model"),
)
UNPRICED = Family(
    "tidegate_unpriced_answers",
    CounterMetricFamily,
    "Answers for which the price book has no price.",
    ("upstream", "model"),
)
FIRST_CONTENT = Family(
    "tidegate_time_to_first_content_seconds",
    HistogramMetricFamily,
    "From a streamed call's begin to its first content, all attempts included.",
    ("upstream", "model"),
)
IN_FLIGHT = Family("tidegate_in_flight", GaugeMetricFamily, "Calls that are being served.")
DRAINING = Family(
    "tidegate_draining",
    GaugeMetricFamily,
    "Answers that are read on for their usage though their callers left.",
)
BREAKER = Family(
    "tidegate_breaker_state",
    GaugeMetricFamily,
    "1 for the state that an upstream is in: closed, ejected, half_open or cooling.",
    ("upstream", "model", "state"),
)
BUDGET = Family(
    "tidegate_retry_budget_left",
    GaugeMetricFamily,
    "Further attempts that upstreams which are ill may be burdened with now.",
)
JOURNAL = Family("tidegate_journal_broken", GaugeMetricFamily, "1: the journal cannot be written.")
LEDGER_LAG = Family(
    "tidegate_ledger_lag_seconds",
    GaugeMetricFamily,
    "How old what is missing in the ledger may be; absent where it is not folded here.",
)
LEDGER_ERROR = Family(
    "tidegate_ledger_broken", GaugeMetricFamily, "1: the journal cannot be folded into the ledger."
)
TASKS = Family("tidegate_asyncio_tasks", GaugeMetricFamily, "Tasks of the event loop.")
BUILD = Family(
    "tidegate_build_info",
    GaugeMetricFamily,
    "1, with the version that runs.",
    ("version", "python"),
)

FAMILIES = (
    REQUESTS,
    ATTEMPTS,
    FAILOVERS,
    REFUSED,
    SHED,
    VIOLATIONS,
    TOKENS,
    COST,
    UNPRICED,
    FIRST_CONTENT,
    IN_FLIGHT,
    DRAINING,
    BREAKER,
    BUDGET,
    JOURNAL,
    LEDGER_LAG,
    LEDGER_ERROR,
    TASKS,
    BUILD,
)
Values = Mapping[Labels, Any]


class Metrics(Collector):
    """The metrics of one server."""

    def __init__(self, status: Status) -> None:
        self._status = status
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        self._exposition = make_asgi_app(registry)

    async def answer(self, scope: Scope) -> Answer:
        """Return the metrics in the format that a request asks for."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._exposition(scope, receive, send)
        except (TypeError, ValueError):
            # What nobody can read asks for nothing: the answer is the plain text.
            sent.clear()
            await self._exposition({**scope, "headers": [], "query_string": b""}, receive, send)
        start, body = sent
        headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
        return Answer(200, (*headers, ("request-id", new_request_id())), body["body"])

    def describe(self) -> Iterator[Metric]:
        """Return which metrics there are."""
        return map(Family.empty, FAMILIES)

    def collect(self) -> Iterator[Metric]:
        """Return all metrics as they are now."""
        for family, values in (*self._counted(), *self._present()):
            made = family.empty()
            for labels, value in values.items():
                if isinstance(made, HistogramMetricFamily):
                    made.add_metric(labels, _bars(value), value.sum_s)
                else:
                    made.add_metric(labels, value)
            yield made

    def _counted(self) -> Iterator[tuple[Family, Values]]:
        counts = self._status.counts
        yield REQUESTS, counts.requests
        yield ATTEMPTS, counts.attempts
        yield FAILOVERS, counts.failovers
        yield REFUSED, counts.refused_for
        yield SHED, {(str(reason),): count for reason, count in self._status.load.shed.items()}
        yield VIOLATIONS, counts.violations
        yield TOKENS, counts.tokens
        yield COST, {key: pico / PICO_PER_USD for key, pico in counts.costs_pico.items()}
        yield UNPRICED, counts.unpriced
        yield FIRST_CONTENT, counts.first_contents

    def _present(self) -> Iterator[tuple[Family, Values]]:
        status = self._status
        journal, left = status.engine.journal, status.budget_left()
        yield IN_FLIGHT, {(): status.load.in_flight}
        yield DRAINING, {(): status.load.draining}
        yield BREAKER, _breakers(status)
        yield BUDGET, {} if left is None else {(): left}
        yield JOURNAL, {} if journal == "none" else {(): int(journal == "broken")}
        yield from _folding(status)
        yield TASKS, {(): tasks()}
        yield BUILD, {(installed(), platform.python_version()): 1}


def _folding(status: Status) -> Iterator[tuple[Family, Values]]:
    folding = status.engine.folding
    lag_s = None if folding is None else folding.lag_s
    yield LEDGER_LAG, {} if lag_s is None else {(): lag_s}
    yield (
        LEDGER_ERROR,
        {} if folding is None else {(): int(folding.progress.error is not None)},
    )


def _breakers(status: Status) -> Values:
    return {
        (state.upstream, state.model, standing.value): int(standing is state.standing)
        for state in status.health()
        for standing in Standing
    }


def _bars(spread: Spread) -> list[tuple[str, float]]:
    names = (*map(str, BOUNDS_S), "+Inf")
    return list(zip(names, accumulate(spread.bars), strict=True))
