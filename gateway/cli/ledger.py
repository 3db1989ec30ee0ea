"""`gateway ledger`: fold the journal into it, build it anew, verify it, take away what is old."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, configured, explained

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.journal.chain import Finding
    from gateway.ledger.folding import Folded
    from gateway.ledger.store import Ledger
    from gateway.ledger.verifying import Report
    from gateway.prices.book import Prices

app = typer.Typer(
    help="Keep the ledger: one row for each attempt, folded from the journal.",
    no_args_is_help=True,
)

ENDS_S = 30.0
"""How long the last records may take to be folded; what is missing is in the journal."""
DirOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--dir", metavar="DIR", help="A journal; may be repeated; else the configuration's."
    ),
]


FollowOption = Annotated[
    bool, typer.Option("--follow", help="Go on every second, until SIGTERM or SIGINT.")
]


@dataclass(frozen=True)
class _Opened:
    """What a command works on."""

    ledger: Ledger
    journals: list[Path]
    prices: Prices
    settings: Config


@app.command()
def fold(
    *,
    directory: DirOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    follow: FollowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fold what is new in the journal, now; exit 1 where a part of it cannot be folded."""
    with _opened(config, env, directory) as opened:
        if follow:
            _follow(opened)
            return
        from gateway.ledger.folding import Folded, fold_once  # noqa: PLC0415 - needs an extra

        total = Folded()
        troubles: list[Finding] = []
        for journal in opened.journals:
            total = total.then(fold_once(opened.ledger, journal, opened.prices, wait=True))
            troubles += total.troubles
    found = {**_folded(total), "troubles": [str(trouble) for trouble in troubles]}
    _tell({"ok": not troubles, **found}, as_json=as_json)


@app.command()
def rebuild(
    *,
    directory: DirOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fold the whole journal anew, at today's prices; what cannot be folded again is kept.

    Kept are rows from files that are not there, and the sums of days whose rows were pruned.
    """
    with _opened(config, env, directory) as opened:
        from gateway.ledger import rebuilding  # noqa: PLC0415 - needs an extra

        rebuilt = rebuilding.rebuild(opened.ledger, opened.journals, opened.prices)
    troubles = [str(trouble) for trouble in rebuilt.folded.troubles]
    found = {"ok": not troubles, **_folded(rebuilt.folded), "troubles": troubles}
    _tell({**found, "kept": rebuilt.kept, "kept_from": rebuilt.kept_from or None}, as_json=as_json)


@app.command()
def verify(
    *,
    directory: DirOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute every row from the journal and every sum from the rows; exit 1 on a difference."""
    with _opened(config, env, directory, existing=True) as opened:
        from gateway.ledger import verifying  # noqa: PLC0415 - needs an extra

        report = verifying.verify(opened.ledger, opened.journals, opened.prices)
    _tell(_verified(report), as_json=as_json)


@app.command()
def prune(
    *, config: ConfigOption = None, env: EnvOption = None, as_json: JsonOption = False
) -> None:
    """Take away what is older than `keep_attempts_days` and `keep_rollups_days` say.

    A running gateway does so once a day.
    """
    with _opened(config, env, None, existing=True) as opened:
        from gateway.ledger import pruning  # noqa: PLC0415 - needs an extra

        keeps = opened.settings.ledger
        retention = pruning.Retention(keeps.keep_attempts_days, keeps.keep_rollups_days)
        pruned = pruning.prune(opened.ledger, retention, time.time())
    kept = {f"{name}_kept_from": day for name, day in pruned.kept_from._asdict().items()}
    gone = {f"{name}_gone": count for name, count in pruned.rows.items()}
    _tell({"ok": True, **kept, **gone}, as_json=as_json)


def _follow(opened: _Opened) -> None:
    """Fold on as a server does that has `fold = true`."""
    from gateway.ledger.background import Folding, stop_all  # noqa: PLC0415 - needs an extra
    from gateway.ledger.pruning import Retention  # noqa: PLC0415 - needs an extra

    settings, prices = opened.settings, opened.prices
    kept, url = settings.ledger, settings.ledger.url
    if url is None:
        raise RuntimeError("a ledger is open, so it has an address")
    retention = Retention(kept.keep_attempts_days, kept.keep_rollups_days)
    where = settings.path(".")
    folding = [
        Folding(url.reveal(), where, journal, lambda: prices, retention=retention)
        for journal in opened.journals
    ]
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    # Waited for and not handled: a handler may run where the main thread holds what it needs.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    for each in folding:
        each.start()
    typer.echo("folding; SIGTERM or SIGINT ends it")
    signal.sigwait(ends)
    # Whoever asks twice does not want to wait for what is left.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
    raise typer.Exit(0 if stop_all(folding, ENDS_S) else 1)


@contextmanager
def _opened(
    config: Path | None, env: str | None, given: list[Path] | None, *, existing: bool = False
) -> Iterator[_Opened]:
    """Open the configuration's ledger; what a user can put right becomes one line, and exit 1."""
    with explained():
        settings = configured(config, env, serving=False)
        if settings.ledger.url is None:
            _give_up("the configuration names no ledger: write its `url` in [ledger]")
        from gateway.ledger.database import shown  # noqa: PLC0415 - needs an extra
        from gateway.ledger.failures import LedgerError  # noqa: PLC0415 - needs an extra
        from gateway.ledger.store import Ledger  # noqa: PLC0415 - needs an extra
        from gateway.prices import load  # noqa: PLC0415 - pydantic is slow to import

        url, where = settings.ledger.url.reveal(), settings.path(".")
        journals, prices = _journals(settings, given), load(settings)
        try:
            ledger = (Ledger.existing if existing else Ledger.open)(url, where)
            try:
                yield _Opened(ledger, journals, prices, settings)
            finally:
                ledger.close()
        except LedgerError as error:
            _give_up(f"the ledger {shown(url, where)} cannot be used: {error}")
        except OSError as error:
            _give_up(f"{error.filename or 'the journal'}: {error.strerror}")


def _journals(settings: Config, given: list[Path] | None) -> list[Path]:
    named = settings.journal.dir
    journals = given or ([] if named is None else [settings.path(named)])
    for journal in journals:
        if not journal.is_dir():
            _give_up(f"{journal} is no directory: there is no journal yet, or it is elsewhere")
    return journals


def _folded(folded: Folded) -> dict[str, Any]:
    unusable = {"unusable": dict(folded.unusable)} if folded.unusable else {}
    return {"records": folded.records, "attempts": folded.attempts, **unusable}


def _verified(report: Report) -> dict[str, Any]:
    differences = [
        {**asdict(difference), "text": str(difference)} for difference in report.differences
    ]
    return {
        "ok": report.ok,
        "attempts": report.attempts,
        "different": dict(report.different),
        "differences": differences,
        "notes": report.notes,
    }


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    """Print what came of it, and exit 1 where that is not right."""
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))
    raise typer.Exit(0 if found["ok"] else 1)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for name, value in found.items():
        words = name.replace("_", " ")
        match value:
            case bool():
                continue
            case dict():
                yield from (f"{words}: {each} {count}" for each, count in value.items())
            case list():
                singular = words.removesuffix("s")
                yield from (
                    f"{singular}: {each['text'] if isinstance(each, dict) else each}"
                    for each in value
                )
            case None:
                continue
            case _:
                yield f"{words}: {value}"
    yield "ok" if found["ok"] else "NOT OK"


def _give_up(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
