"""The files that a check of the price book reads: the book's own, and where witnesses have it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec
from msgspec import Struct

from gateway.prices.rows import PriceFile
from gateway.prices.witness import Sku, WitnessError
from providers import data_files
from providers.shapes import ready

T = TypeVar("T")


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a witness has one platform's price for some scopes."""

    platform: str
    scopes: tuple[str, ...]
    ids: tuple[str, ...]
    """What to ask for, with `{model}` or `{id}` for the model."""
    provider: str | None = None
    times: str | None = None
    fast_times: str | None = None
    fast_ids: tuple[str, ...] = ()


@ready
class WhereFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`price_witnesses.toml`."""

    ids: dict[str, str]
    genai: tuple[Line, ...]
    litellm: tuple[Line, ...]

    def line(self, lines: tuple[Line, ...], sku: Sku) -> Line | None:
        """Return the line for a SKU; None: the witness does not model that place."""
        return next(
            (each for each in lines if sku.platform == each.platform and sku.scope in each.scopes),
            None,
        )

    def named(self, templates: tuple[str, ...], sku: Sku) -> tuple[str, ...]:
        """Return the ids to ask for."""
        own = self._own_id(sku)
        ids = (each.format(model=sku.model, id=own) for each in templates)
        return tuple(dict.fromkeys(ids))

    def _own_id(self, sku: Sku) -> str:
        default = self.ids.get(sku.platform)
        if default is None:
            return sku.model
        row = _platform(sku.platform).models.rows.get(sku.model)
        return default.format(model=sku.model) if row is None else row.id


@cache
def where() -> WhereFile:
    """Return where the witnesses have their prices."""
    return read(data("price_witnesses.toml"), WhereFile)


def data(name: str) -> Traversable:
    """Return a file or folder of the package's data."""
    return resources.files("gateway") / "data" / name


def price_files(folder: Traversable) -> list[PriceFile]:
    """Return the price files of a folder; raises WitnessError."""
    paths = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    if not paths:
        raise WitnessError(f"{folder}: has no price file (*.toml)")
    return [read(path, PriceFile) for path in paths]


def read(path: Traversable, shape: type[T]) -> T:
    """Return a TOML file in a shape; raises WitnessError with the file's name."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), shape)
    except OSError as error:
        raise WitnessError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise WitnessError(f"{path}: {error}") from None


@cache
def _platform(name: str) -> data_files.PlatformFile:
    return data_files.read(name, data_files.PlatformFile)
