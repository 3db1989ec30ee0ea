"""`gateway init`: write a configuration to start from."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to; nothing there is overwritten.")
    ] = Path("config"),
) -> None:
    """Write an annotated configuration with the environments dev, staging and prod."""
    texts = templates()
    there = [name for name in texts if (directory / name).exists()]
    if there:
        typer.echo(f"{directory} already has {', '.join(there)}: nothing was written", err=True)
        raise typer.Exit(1)
    try:
        _write(directory, texts)
    except OSError as error:
        typer.echo(f"cannot write {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    for name in texts:
        typer.echo(f"wrote {directory / name}")
    named = "" if directory == Path("config") else f" --config {directory}"
    typer.echo(f"\nNext: set ANTHROPIC_API_KEY, then: gateway check{named} --env dev")


def templates() -> dict[str, str]:
    """Return the files of a new configuration: path -> text."""
    return dict(_texts(files("gateway") / "data" / "config", ""))


def _texts(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item in sorted(folder.iterdir(), key=lambda item: (item.is_dir(), item.name)):
        if item.is_dir():
            found += _texts(item, f"{prefix}{item.name}/")
        elif item.name.endswith(".toml"):
            found.append((f"{prefix}{item.name}", item.read_text(encoding="utf-8")))
    return found


def _write(directory: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
