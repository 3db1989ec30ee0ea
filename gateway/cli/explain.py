"""`gateway explain`: where a request may go, and which rule rejects each other place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, explained

USAGE = 2
"""The exit code for what cannot be asked; 1 says that nothing is allowed."""

ClassOption = Annotated[str | None, typer.Option("--class", help="The class of its label.")]
ModelOption = Annotated[str | None, typer.Option(help="The model; else the body names it.")]
FeatureOption = Annotated[
    list[str] | None, typer.Option(help="A feature it would ask for; repeatable.")
]
BetaOption = Annotated[
    list[str] | None, typer.Option(help="A value of its anthropic-beta; repeatable.")
]
RequireOption = Annotated[
    list[str] | None,
    typer.Option(help="What it requires beside, as x-gateway-require has it; repeatable."),
]
HeaderOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME:VALUE", help="A header of it; repeatable.")
]
BodyOption = Annotated[
    str | None, typer.Option(metavar="FILE|-", help="Its body, as it would be sent.")
]
KindOption = Annotated[str, typer.Option(help="messages or count_tokens.")]
KeyOption = Annotated[str | None, typer.Option(help="Ask as this caller of the configuration.")]
WhyNotOption = Annotated[
    str | None, typer.Option(metavar="UPSTREAM", help="Say what would have to change for it.")
]
JournalOption = Annotated[
    Path | None, typer.Option(metavar="DIR|FILE", help="For ID; else the configured one.")
]
RecordedArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="A request's or decision's id, from the journal."),
]


def explain(
    recorded: RecordedArgument = None,
    *,
    data_class: ClassOption = None,
    model: ModelOption = None,
    feature: FeatureOption = None,
    beta: BetaOption = None,
    require: RequireOption = None,
    header: HeaderOption = None,
    body: BodyOption = None,
    kind: KindOption = "messages",
    key: KeyOption = None,
    why_not: WhyNotOption = None,
    journal: JournalOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say where a request may go, and why nowhere else; or how one was decided, by its ID.

    A request is decided as the server and the client decide it; nothing is sent. Exits 0 when
    some upstream may serve it, 1 when none may, 2 when it cannot be asked.
    """
    with explained(as_json=as_json, status=USAGE):
        from gateway.cli import explain_past, explain_request  # noqa: PLC0415 - slow to import

        if recorded is not None:
            given = (data_class, model, feature, beta, require, header, body, key, why_not)
            if any(each is not None for each in given):
                raise typer.BadParameter("an ID is explained as it was: leave the others out")
            explain_past.run(recorded, journal=journal, config=config, env=env, as_json=as_json)
            return
        asked = explain_request.Question(
            data_class=data_class,
            model=model,
            features=tuple(feature or ()),
            betas=tuple(beta or ()),
            require=tuple(require or ()),
            headers=tuple(header or ()),
            body=body,
            kind=kind,
            key=key,
        )
        explain_request.run(asked, why_not=why_not, config=config, env=env, as_json=as_json)
