"""`gateway import`: configurations of other gateways, written anew."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.setting import JsonOption, explained

if TYPE_CHECKING:
    from gateway.importing.litellm import Imported

USAGE = 2
"""The exit code for a file that is no such configuration."""

app = typer.Typer(help="Write the configuration of another gateway anew.", no_args_is_help=True)


@app.callback()
def _commands() -> None:
    """Write the configuration of another gateway anew."""


@app.command("litellm")
def litellm(
    file: Annotated[Path, typer.Argument(metavar="CONFIG.YAML", help="A litellm proxy's.")],
    *,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to; nothing there is overwritten.")
    ] = Path("config"),
    env: Annotated[str, typer.Option(metavar="NAME", help="The environment to write.")] = "prod",
    as_json: JsonOption = False,
) -> None:
    """Write gateway.toml from a litellm proxy's configuration, and list what has no counterpart.

    No secret is written: a key that stands there in clear becomes a variable to be set. What the
    configuration refers to and is no secret, such as a region, is read from the environment.
    Exits 2 when the file is no such configuration.
    """
    with explained(as_json=as_json, status=USAGE):
        found = _read(file)
        written = _written(found, file, to, env)
    if as_json:
        typer.echo(json.dumps(_told(found, written), indent=2))
    else:
        _show(found, written, to, env)


def _read(file: Path) -> Imported:
    from gateway.config import process_environ  # noqa: PLC0415 - pydantic is slow to import
    from gateway.config.text import text_of  # noqa: PLC0415 - the same
    from gateway.importing.litellm import imported  # noqa: PLC0415 - the same
    from gateway.importing.yaml_source import parsed  # noqa: PLC0415 - an extra brings YAML

    return imported(parsed(str(file), text_of(file)), process_environ(), file.parent)


def _written(found: Imported, file: Path, to: Path, env: str) -> list[str]:
    from gateway.config import ConfigError, Mistake  # noqa: PLC0415 - pydantic is slow to import
    from gateway.importing.writing import text_of  # noqa: PLC0415 - the same

    texts = {
        to / "gateway.toml": text_of(found, file.name),
        to / "environments" / f"{env}.toml": f"# What is different in {env}: nothing yet.\n",
    }
    for path in texts:
        if path.exists():
            raise ConfigError([Mistake(str(path), None, "", "is there: nothing was written")])
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ConfigError([Mistake(str(to), None, "", what)]) from None
    return [str(path) for path in texts]


def _told(found: Imported, written: list[str]) -> dict[str, Any]:
    return {
        "ok": True,
        "written": written,
        "upstreams": list(found.order),
        "to_set": dict(found.to_set),
        "renamed": dict(found.renamed),
        "left_out": [asdict(each) for each in found.left_out],
        "doubts": [asdict(each) for each in found.doubts],
    }


def _show(found: Imported, written: list[str], to: Path, env: str) -> None:
    for path in written:
        typer.echo(f"wrote {path}")
    for name, path in found.to_set.items():
        typer.echo(f"set {name} to what {path} holds in clear, and take it out there")
    for name, model in found.renamed.items():
        typer.echo(f"callers ask for {model}, not {ascii(name)[1:-1]}")
    for doubt in found.doubts:
        typer.echo(f"look at {doubt}")
    for each in found.left_out:
        typer.echo(f"no counterpart: {each}")
    named = "" if to == Path("config") else f" --config {to}"
    typer.echo(f"\nNext: gateway check{named} --env {env}")
