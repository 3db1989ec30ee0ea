"""`gateway prices`: what Claude costs, and whether others say the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, explained

app = typer.Typer(
    help="What Claude costs, and whether other price lists agree.", no_args_is_help=True
)


@app.command("explain")
def explain(
    *,
    target: Annotated[
        str, typer.Option(metavar="UPSTREAM", help="The upstream that it was asked of.")
    ],
    model: Annotated[str, typer.Option(help="The model that was asked for.")],
    usage: Annotated[
        str,
        typer.Option(metavar="FILE|-", help="What it used: a message, or the usage of one."),
    ],
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            metavar="DAY",
            help="When it was asked, in UTC; else now.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Show each line of what an answer cost: its rate, the row it is from, and the contract.

    Exits 1 when there is no price, and says why.
    """
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
    with explained(as_json=as_json, status=2):
        from gateway.cli import prices_explain  # noqa: PLC0415 - slow to import

        question = prices_explain.Question(target, model, usage, moment)
        prices_explain.run(question, config=config, env=env, as_json=as_json)


@app.command("check")
def check(
    *,
    litellm: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="litellm's price map, as its wheel has it; else not asked."
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="A UTC day; else today."),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Price files; else those shipped.")
    ] = None,
    disagreements: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What is explained; else the file that is shipped."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the price book with genai-prices and with litellm's map.

    Exits 1 on a disagreement that is not explained, and on an explanation that no longer holds.
    """
    with explained(as_json=as_json):
        from gateway.cli import prices_check  # noqa: PLC0415 - only a check needs it

        prices_check.run(
            (day or datetime.now(UTC)).date(),
            litellm=litellm,
            prices=prices,
            disagreements=disagreements,
            as_json=as_json,
        )
