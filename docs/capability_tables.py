"""Writes the tables of capabilities.md from the data that the gateway plans with: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.tables import filled, table
from gateway.support import cells
from providers import capabilities, catalog, data_files
from providers.capabilities import Capabilities, ModelRow
from providers.catalog import Model
from providers.registry import PROVIDERS

PAGE = Path(__file__).parent / "capabilities.md"
_NONE = "no"


def page() -> str:
    """Return the page with its tables as the data says now."""
    return filled(PAGE, tables())


def tables() -> str:
    """Return every table."""
    loaded = [capabilities.load(name) for name in PROVIDERS]
    names = [f"`{caps.platform}`" for caps in loaded]
    does = [f"`{column.name}`" for column in cells.columns()]
    parts = (
        "## What each platform does",
        table(("platform", *does), _does()),
        "\n".join(_reasons()),
        "## Models",
        "How a model is asked for on each platform, and what is known of its end there.",
        table(("model", "context", "output", *names), (_model(each, loaded) for each in _models())),
        "On Amazon Bedrock an id goes behind the prefix of an inference profile:",
        table(("model", "profiles", "without a profile in"), _profiles(loaded)),
        "## Bodies",
        table(("platform", "largest body", "fields that are not taken"), map(_body, loaded)),
        "## Betas",
        table(("beta", *names), (_beta(beta, loaded) for beta in _betas(loaded))),
        "## What a beta unlocks",
        table(("part of the body", "betas", "may be left out"), _pairs()),
    )
    return "\n\n".join(parts) + "\n"


def _does() -> Iterator[tuple[str, ...]]:
    for platform, row in cells.table().items():
        yield f"`{platform}`", *(cell.partition(":")[0] for cell in row.values())


def _reasons() -> Iterator[str]:
    for platform, row in cells.table().items():
        for name, cell in row.items():
            if cell.startswith("no: "):
                yield f"- `{name}` on `{platform}`: {cell.removeprefix('no: ')}."


def _models() -> Iterator[Model]:
    return (each for each in catalog.models() if each.lifecycle != "retired")


def _model(model: Model, loaded: list[Capabilities]) -> tuple[str, ...]:
    sizes = (_count(model.max_input_tokens), _count(model.max_output_tokens))
    return f"`{model.id}`", *sizes, *(_served(caps.models.get(model.id)) for caps in loaded)


def _served(row: ModelRow | None) -> str:
    if row is None:
        return _NONE
    told = [f"`{row.id}`"]
    if row.max_output_tokens is not None:
        told.append(f"output {row.max_output_tokens:,}")
    if row.regions:
        told.append(f"in {', '.join(row.regions)}")
    if row.retires_on is not None:
        told.append(f"until {row.retires_on}")
    if row.no_sooner_than is not None:
        told.append(f"at least until {row.no_sooner_than}")
    return ", ".join(told)


def _count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _profiles(loaded: list[Capabilities]) -> Iterator[tuple[str, ...]]:
    for caps in loaded:
        for name, row in caps.models.items():
            if row.profiles:
                yield f"`{name}`", ", ".join(row.profiles), ", ".join(row.in_region) or "nowhere"


def _body(caps: Capabilities) -> tuple[str, ...]:
    named = [f"`{name}` ({why})" for name, why in sorted(caps.why.items())]
    rest = [] if caps.takes_all else ["any that is not of the Messages API as it is there"]
    size = "not known" if caps.body_bytes is None else f"{caps.body_bytes:,} bytes"
    return f"`{caps.platform}`", size, "; ".join([*named, *rest]) or "none"


def _betas(loaded: list[Capabilities]) -> list[str]:
    return sorted({beta for caps in loaded for beta in (*caps.betas, *caps.refused_betas)})


def _beta(beta: str, loaded: list[Capabilities]) -> tuple[str, ...]:
    return f"`{beta}`", *(_taken(beta, caps) for caps in loaded)


def _taken(beta: str, caps: Capabilities) -> str:
    if beta in caps.renamed:
        return f"as `{caps.renamed[beta]}`"
    if beta in caps.refused_betas or not (caps.takes_all or beta in caps.betas):
        return _NONE
    return "yes"


def _pairs() -> Iterator[tuple[str, ...]]:
    for row in data_files.read("betas", data_files.BetaFile).unlocks.rows:
        value = f" = `{row.value}`" if row.value is not None else ""
        betas = ", ".join(f"`{beta}`" for beta in sorted(row.betas))
        yield f"`{row.path}`{value}", betas, "yes" if row.droppable else "no"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
