"""The reports by name, for the command line and the server alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.ledger.reports import cache, tree, usage, waste
from gateway.ledger.reports.asked import FILTERS, SINCE, Asked, Setting, asked
from gateway.ledger.reports.reading import reading
from gateway.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Report:
    """One of them."""

    run: Callable[[Connection, Asked], dict[str, Any]]
    by: tuple[str, ...] = ()
    """What it is grouped by when nobody says."""
    since: str | None = SINCE
    """Where it begins when nobody says."""
    parameters: frozenset[str] = frozenset({"by", "top", "from", "to", "tag", *FILTERS})


REPORTS = {
    "usage": Report(usage.report, usage.BY),
    "cache": Report(cache.report, cache.BY),
    "waste": Report(waste.report, waste.BY),
    "tree": Report(tree.report, since=None, parameters=frozenset({"from", "to", "tag", *FILTERS})),
}


def told(
    ledger: Ledger,
    name: str,
    given: Mapping[str, Sequence[str]],
    now_us: int,
    setting: Setting,
) -> dict[str, Any]:
    """Return a report.

    Raises:
        BadParameter: A parameter is wrong.
        TooSlow: It took longer than it may.
        LedgerError: The ledger cannot be used.
    """
    report = REPORTS[name]
    allowed, by, since = report.parameters, report.by, report.since
    wanted = asked(given, now_us, setting, allowed=allowed, by=by, since=since)
    with reading(ledger, setting.limit_s) as connection:
        return report.run(connection, wanted)
