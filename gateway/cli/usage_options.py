"""The options that say what a report of usage tells, alike for each of its commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

Given = dict[str, list[str]]
"""Parameter of a report -> its values."""

_MOMENT = "A UTC day or time (2026-11-22), or 7d, 24h, today"
_SEVERAL = "; several: any of them."
_BY = (
    "day, model, upstream, platform, team, caller, session, agent, class, environment, outcome, "
    "state, tag:NAME"
)
_OPTIONS = {
    "by": (
        "--by",
        "WHAT",
        f"Group by it: {_BY}; several with commas.",
    ),
    "from": ("--from", "TIME", f"{_MOMENT}; else 30d, of a session all."),
    "to": ("--to", "TIME", f"{_MOMENT}: the first moment left out."),
    "top": ("--top", "N", "Only the N groups with the most, and the others in one row."),
    "team": ("--team", "NAME", f"Only this team's{_SEVERAL}"),
    "caller": ("--caller", "NAME", f"Only this caller's{_SEVERAL}"),
    "model": ("--model", "NAME", f"Only this model{_SEVERAL}"),
    "upstream": ("--upstream", "NAME", f"Only this upstream{_SEVERAL}"),
    "platform": ("--platform", "NAME", f"Only this platform{_SEVERAL}"),
    "session": ("--session", "ID", f"Only this session{_SEVERAL}"),
    "agent": ("--agent", "ID", f"Only this agent{_SEVERAL}"),
    "class": ("--class", "NAME", f"Only this class{_SEVERAL}"),
    "environment": ("--env-name", "NAME", f"Only this environment's{_SEVERAL}"),
    "outcome": ("--outcome", "NAME", f"Only what ended so{_SEVERAL}"),
    "state": ("--state", "NAME", f"Only not_sent, rejected, unknown, partial or final{_SEVERAL}"),
    "tag": ("--tag", "NAME=VALUE", f"Only with this tag{_SEVERAL}"),
}
"""Parameter of a report -> the option, what stands for its value, and what it is."""


def option(parameter: str) -> str:
    """Return the option that gives a parameter."""
    return _OPTIONS[parameter][0]


def asking(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a report, but for some; it takes their values as `given`."""
    names = [name for name in _OPTIONS if name not in without]

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**options: Any) -> None:
            given = {name: options.pop(f"given_{name}") for name in names}
            command({name: values for name, values in given.items() if values}, **options)

        own = list(signature(command, eval_str=True).parameters.values())[1:]
        vars(run)["__signature__"] = signature(command).replace(
            parameters=[*map(_parameter, names), *own], return_annotation=None
        )
        return run

    return with_options


def _parameter(name: str) -> Parameter:
    shown, metavar, meaning = _OPTIONS[name]
    kind = Annotated[list[str] | None, typer.Option(shown, metavar=metavar, help=meaning)]
    return Parameter(f"given_{name}", Parameter.KEYWORD_ONLY, default=None, annotation=kind)
