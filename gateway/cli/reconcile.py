"""`gateway reconcile`: the ledger held against what a platform says it will bill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, explained

_MOMENT = "a UTC day or time (2026-11-22), or 7d, 24h, today"


def reconcile(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="As the platform exported them.")
    ],
    *,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="anthropic-usage, anthropic-cost, aws-cur; else by what is in a file.",
        ),
    ] = None,
    platform: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only statements of this platform.")
    ] = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this upstream's attempts; several: any of them."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Only lines like this: account, workspace, api_key, principal, tag.NAME.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help=f"From when on the ledger has all attempts: {_MOMENT}; else from its first one.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="The first moment left out.")
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="How far sums may lie apart, such as 0.5%."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Add adjustments to the journal: the ledger's total is the bill's then."
        ),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Hold the ledger against a platform's statement of usage or cost (docs/reconcile.md).

    Exits 0 when all of it matches, 1 when not, 2 when it cannot be compared.
    """
    with explained(as_json=as_json, status=2):
        from gateway.cli import reconcile_run  # noqa: PLC0415 - SQLAlchemy is slow to import

        asked = reconcile_run.Asked(
            files=tuple(files),
            form=form,
            platform=platform,
            upstreams=tuple(sorted(set(upstream or ()))),
            only=tuple(only or ()),
            since=since,
            until=until,
            tolerance=tolerance,
            write=write,
        )
        reconcile_run.run(asked, config=config, env=env, as_json=as_json)
