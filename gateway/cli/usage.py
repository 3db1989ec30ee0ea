"""`gateway usage`: what the ledger knows of tokens and money."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, explained
from gateway.cli.usage_options import Given, asking

app = typer.Typer(help="Tell usage and cost, from the ledger.")

CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]


@app.callback(invoke_without_command=True)
@asking()
def usage(
    given: Given,
    *,
    context: typer.Context,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Tell usage and cost, from the ledger: by day, or by what --by names.

    `charged` is what callers are charged, `waste` what attempts cost whose answer nobody got.
    """
    if context.invoked_subcommand is None:
        _tell("usage", given, config, env, as_json=as_json, as_csv=as_csv)
    elif given or config or env or as_json or as_csv:
        name = context.invoked_subcommand
        raise typer.BadParameter(f"options of `usage {name}` stand behind `{name}`")


@app.command("tree")
@asking("by", "top")
def tree(
    given: Given,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what one session cost, agent by agent and call by call."""
    _tell("tree", given, config, env, as_json=as_json)


@app.command("cache")
@asking()
def cache(
    given: Given,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Tell what prompt caches brought: reads, misses, money saved, writes nobody read."""
    _tell("cache", given, config, env, as_json=as_json, as_csv=as_csv)


@app.command("waste")
@asking()
def waste(
    given: Given,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Tell what attempts cost, or may have cost, whose answer nobody got."""
    _tell("waste", given, config, env, as_json=as_json, as_csv=as_csv)


def _tell(
    name: str,
    given: Given,
    config: Path | None,
    env: str | None,
    *,
    as_json: bool,
    as_csv: bool = False,
) -> None:
    if as_json and as_csv:
        raise typer.BadParameter("give one of --json and --csv")
    with explained(as_json=as_json):
        from gateway.cli import usage_report  # noqa: PLC0415 - SQLAlchemy is slow to import

        usage_report.run(name, given, config=config, env=env, as_json=as_json, as_csv=as_csv)
