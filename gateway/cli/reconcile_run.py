"""What `gateway reconcile` does: read, fold, compare, write, print."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import typer
from msgspec.structs import replace

from gateway.cli import reconcile_tables
from gateway.cli.setting import configured
from gateway.config import Config
from gateway.journal import JournalBroken
from gateway.ledger.failures import LedgerError
from gateway.ledger.reports.period import moment
from gateway.ledger.row import Adjustment
from gateway.ledger.store import Ledger
from gateway.prices import load
from gateway.prices.book import Prices
from gateway.reconcile import ours
from gateway.reconcile.adjusting import adjustments
from gateway.reconcile.booking import Chosen, Conflict
from gateway.reconcile.cells import HOUR_US
from gateway.reconcile.exact import number
from gateway.reconcile.keeping import Selection
from gateway.reconcile.matching import Comparison, compare
from gateway.reconcile.reading import READERS, read
from gateway.reconcile.spans import ALL, Span, Spans, common
from gateway.reconcile.statement import BadStatement, Measure, Statement
from gateway.reconcile.telling import told
from gateway.reconcile.terms import Tolerance, Tolerances, terms
from gateway.reconcile.writing import caught_up, write

_BAD = 2
_US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options, as given."""

    files: tuple[Path, ...]
    form: str | None
    platform: str | None
    upstreams: tuple[str, ...]
    only: tuple[str, ...]
    since: str | None
    until: str | None
    tolerance: str | None
    write: bool


@dataclass(frozen=True, slots=True)
class _Result:
    comparison: Comparison
    due: list[Adjustment]
    conflict: str | None


def run(asked: Asked, *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Compare and print; exits 0, 1 or 2."""
    settings = configured(config, env, serving=False)
    with _bad_input():
        results = _results(asked, settings)
        if asked.write:
            _write(results, settings)
    found = [
        told(each.comparison, each.due, written=asked.write)
        | ({"conflict": each.conflict} if each.conflict else {})
        for each in results
    ]
    matches = all(each.comparison.matches for each in results)
    if as_json:
        typer.echo(json.dumps({"ok": matches, "statements": found}, indent=2))
    else:
        for each in found:
            reconcile_tables.show(each)
    raise typer.Exit(0 if matches else 1)


def _results(asked: Asked, settings: Config) -> list[_Result]:
    if asked.form is not None and asked.form not in READERS:
        raise BadStatement(f"--format {asked.form!r} is none of {', '.join(READERS)}")
    selection = _selection(asked.only)
    unknown = set(asked.upstreams) - set(settings.upstreams)
    if unknown:
        raise BadStatement(f"--upstream {min(unknown)}: the configuration has no such upstream")
    rules = _tolerance(asked.tolerance)
    window, asserted = _window(asked)
    statements = _statements(asked, selection)
    chosen = Chosen(upstreams=asked.upstreams, lines=selection.wanted)
    url = settings.ledger.url
    if url is None:
        raise LedgerError("the configuration has none: name one as `url` in [ledger]")
    prices = load(settings)
    with closing(Ledger.open(url.reveal(), settings.path("."))) as ledger:
        until_us = _folded(ledger, settings, prices, write=asked.write)
        covering = _Covering(ledger, prices, window, asserted, until_us, chosen, rules)
        return [covering.result(statement) for statement in statements]


@dataclass(frozen=True, slots=True)
class _Covering:
    """The ledger, and what of it is compared."""

    ledger: Ledger
    prices: Prices
    window: Spans
    asserted: Spans
    """The hours that the user says are all there."""
    until_us: int | None
    chosen: Chosen
    rules: Mapping[Measure, Tolerances]

    def result(self, statement: Statement) -> _Result:
        with self.ledger.reading() as connection:
            reached = ours.reach(connection, self.until_us)
            covered = common(reached, self.window) if not self.asserted else self._asserted()
            hours = common(statement.spans, self.window)
            attempts = [
                sums
                for span in ([Span(hours[0].start, hours[-1].end)] if hours else [])
                for sums in ours.attempts_of(
                    connection,
                    statement.platform,
                    span,
                    self.chosen.upstreams,
                    self.prices.cost,
                )
            ]
            before = ours.booked(connection, statement.platform)
        comparison = compare(
            statement,
            attempts,
            covered,
            self.window,
            booked=before,
            chosen=self.chosen,
            tolerance=self.rules,
        )
        try:
            return _Result(comparison, adjustments(comparison, before, self.chosen), None)
        except Conflict as conflict:
            return _Result(comparison, [], str(conflict))

    def _asserted(self) -> Spans:
        """Return the hours that are said to be all there, but none that is still to come."""
        now_h = int(time.time()) // 3600
        end = now_h if self.until_us is None else self.until_us // HOUR_US
        return common(self.asserted, (Span(ALL[0].start, end),))


def _selection(only: tuple[str, ...]) -> Selection:
    try:
        return Selection(only)
    except ValueError as error:
        raise BadStatement(f"--only {error}") from None


def _statements(asked: Asked, selection: Selection) -> list[Statement]:
    found = [
        statement
        for statement in read(asked.files, selection, asked.form)
        if asked.platform in {None, statement.platform}
    ]
    if not found:
        raise BadStatement(f"none of the files is a statement of {asked.platform}")
    if asked.write and not any("usd" in statement.measures for statement in found):
        raise BadStatement("--write needs amounts, and a usage report has none: give the costs")
    return found


def _window(asked: Asked) -> tuple[Spans, Spans]:
    """Return the hours that were asked for, and those that are said to be all in the ledger."""
    start_h, end_h = ALL[0]
    now_us = time.time_ns() // 1000
    if asked.since is not None:
        start_h = -(-_moment(asked.since, "--from", now_us) // HOUR_US)
    if asked.until is not None:
        end_h = _moment(asked.until, "--to", now_us) // HOUR_US
    if start_h >= end_h:
        raise BadStatement("--from is not before --to")
    window = (Span(start_h, end_h),)
    return window, window if asked.since is not None else ()


def _moment(text: str, option: str, now_us: int) -> int:
    try:
        return moment(text, now_us)
    except ValueError as error:
        raise BadStatement(f"{option} {text[:40]!r} {error}") from None


def _tolerance(text: str | None) -> Mapping[Measure, Tolerances]:
    if text is None:
        return terms().tolerance
    try:
        percent = number(text.removesuffix("%")) if text.endswith("%") else None
    except ValueError:
        percent = None
    if percent is None or not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        raise BadStatement(f"--tolerance {text[:40]!r} is no share; write one such as 0.5%")
    share = percent.scaleb(-2)
    return {name: _with_share(rules, share) for name, rules in terms().tolerance.items()}


def _with_share(rules: Tolerances, share: Decimal) -> Tolerances:
    def widened(rule: Tolerance) -> Tolerance:
        return Tolerance(relative=share, absolute=rule.absolute)

    return replace(
        rules,
        we_high=widened(rules.we_high),
        we_low=widened(rules.we_low),
        missing_here=widened(rules.missing_here),
        missing_there=widened(rules.missing_there),
    )


def _folded(ledger: Ledger, settings: Config, prices: Prices, *, write: bool) -> int | None:
    """Fold the journal; return up to when the ledger has all of it, in microseconds."""
    if settings.journal.dir is None:
        if write:
            raise BadStatement(
                "--write needs a journal, and the configuration has no [journal] dir"
            )
        return None
    directory = settings.path(settings.journal.dir)
    if not directory.is_dir():
        raise BadStatement(f"{directory} is no directory: there is no journal yet")
    state = caught_up(ledger, directory, prices, time.time)
    if write and not state.whole:
        raise BadStatement(f"--write needs a ledger that has all of the journal, and {state.why}")
    return int(state.until_s * _US_PER_S)


def _write(results: list[_Result], settings: Config) -> None:
    for each in results:
        if each.conflict:
            raise BadStatement(each.conflict)
    if settings.journal.dir is not None:
        due = [adjustment for each in results for adjustment in each.due]
        write(settings.path(settings.journal.dir), due, time.time)


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except (BadStatement, JournalBroken) as error:
        _give_up(str(error))
    except LedgerError as error:
        _give_up(f"the ledger cannot be used: {error}")
    except OSError as error:
        _give_up(f"{error.filename or 'the journal'}: {error.strerror}")


def _give_up(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(_BAD)
