"""What the commands of `gateway usage` do: open the ledger, ask it, and print."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import typer

from gateway.cli import usage_tables
from gateway.cli.setting import configured
from gateway.cli.usage_options import Given, option
from gateway.config import Config
from gateway.ledger.database import shown
from gateway.ledger.failures import LedgerError
from gateway.ledger.reports.asked import BadParameter, Setting
from gateway.ledger.reports.catalog import told
from gateway.ledger.store import Ledger


def run(
    name: str, given: Given, *, config: Path | None, env: str | None, as_json: bool, as_csv: bool
) -> None:
    """Print a report; exits 1 where the ledger cannot be read, 2 for a wrong option."""
    report = _report(name, given, configured(config, env, serving=False))
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    elif as_csv:
        usage_tables.print_csv(report)
    else:
        usage_tables.PRINTED[name](report)


def _report(name: str, given: Given, config: Config) -> dict[str, Any]:
    if config.ledger.url is None:
        _give_up("the configuration names no ledger: write its `url` in [ledger]")
    url, where = config.ledger.url.reveal(), config.path(".")
    setting = Setting(charge_partial=config.ledger.charge_partial)
    try:
        with closing(Ledger.existing(url, where)) as ledger:
            return told(ledger, name, given, time.time_ns() // 1000, setting)
    except BadParameter as error:
        raise typer.BadParameter(f"{option(error.parameter)} {error}") from None
    except LedgerError as error:
        _give_up(f"the ledger {shown(url, where)} cannot be used: {error}")


def _give_up(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
