"""What `gateway reconcile` does: read, fold, compare, write, print."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from gateway.cli import reconcile_tables
from gateway.cli.setting import configured
from gateway.config import Config
from gateway.journal import JournalBroken
from gateway.ledger.failures import LedgerError
from gateway.ledger.store import Ledger
from gateway.prices import load
from gateway.prices.book import Prices
from gateway.reconcile.against import Held, Question, held
from gateway.reconcile.booking import Chosen
from gateway.reconcile.keeping import Selection
from gateway.reconcile.options import tolerances, window
from gateway.reconcile.reading import READERS, read
from gateway.reconcile.statement import BadStatement, Statement
from gateway.reconcile.telling import told
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


def run(asked: Asked, *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Compare and print; exits 0 when all matches, 1 when not, 2 when it cannot be compared."""
    settings = configured(config, env, serving=False)
    with _bad_input():
        found = _held(asked, settings)
        if asked.write:
            _write(found, settings)
    shown = [
        told(each.comparison, each.due, written=asked.write, conflict=each.conflict)
        for each in found
    ]
    matches = all(each.comparison.matches for each in found)
    if as_json:
        typer.echo(json.dumps({"ok": matches, "statements": shown}, indent=2))
    else:
        for each in shown:
            reconcile_tables.show(each)
    raise typer.Exit(0 if matches else 1)


def _held(asked: Asked, settings: Config) -> list[Held]:
    """Return what came of each statement; raises BadStatement, LedgerError, OSError."""
    now_us = time.time_ns() // 1000
    asked_for, tolerance = window(asked.since, asked.until, now_us), tolerances(asked.tolerance)
    unknown = set(asked.upstreams) - set(settings.upstreams)
    if unknown:
        raise BadStatement(f"--upstream {min(unknown)}: the configuration has no such upstream")
    selection = _selection(asked.only)
    statements = _statements(asked, selection)
    url = settings.ledger.url
    if url is None:
        raise LedgerError("the configuration names none: write its `url` in [ledger]")
    prices = load(settings)
    with closing(Ledger.open(url.reveal(), settings.path("."))) as ledger:
        question = Question(
            prices=prices,
            window=asked_for,
            chosen=Chosen(upstreams=asked.upstreams, lines=selection.wanted),
            tolerance=tolerance,
            until_us=_folded(ledger, settings, prices, write=asked.write),
        )
        return [held(statement, ledger, question) for statement in statements]


def _selection(only: tuple[str, ...]) -> Selection:
    try:
        return Selection(only)
    except ValueError as error:
        raise BadStatement(f"--only {error}") from None


def _statements(asked: Asked, selection: Selection) -> list[Statement]:
    if asked.form is not None and asked.form not in READERS:
        raise BadStatement(f"--format {asked.form!r} is none of {', '.join(READERS)}")
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


def _folded(ledger: Ledger, settings: Config, prices: Prices, *, write: bool) -> int:
    """Fold the journal; return up to when the ledger has all of it, in microseconds."""
    state = caught_up(ledger, _journal(settings), prices, time.time)
    if state.lacks and write:
        raise BadStatement(f"--write needs a ledger that has all of the journal: {state.lacks}")
    if state.lacks:
        typer.echo(f"attempts may be missing in the ledger: {state.lacks}", err=True)
    return int(state.until_s * _US_PER_S)


def _journal(settings: Config) -> Path:
    if settings.journal.dir is None:
        raise LedgerError("the configuration names no journal that it is folded from")
    return settings.path(settings.journal.dir)


def _write(found: Sequence[Held], settings: Config) -> None:
    for each in found:
        if each.conflict:
            raise BadStatement(each.conflict)
    due = [adjustment for each in found for adjustment in each.due]
    write(_journal(settings), due, time.time)


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
