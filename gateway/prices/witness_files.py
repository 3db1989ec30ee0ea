"""The files that a check of the price book reads: the book's own, and where witnesses have it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec
from msgspec import Struct

from gateway.config import ConfigError, Mistake
from gateway.prices.files import read_files
from gateway.prices.rows import PriceFile
from gateway.prices.witness import Sku
from gateway.prices.witness_explained import Explained, ExplainedFile, fault
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
    """Return the price files of a folder; raises ConfigError."""
    texts = [(each.name, _text(each)) for each in _listed(folder) if each.name.endswith(".toml")]
    if not texts:
        raise mistaken(folder, "has no price file", "*.toml, as in gateway/data/prices")
    return [each.prices for each in read_files(sorted(texts))]


def explained_rows(path: Traversable) -> tuple[Explained, ...]:
    """Return the disagreements that are explained in a file; raises ConfigError."""
    rows = read(path, ExplainedFile).rows
    wrong = [(f"rows[{at}]", why) for at, row in enumerate(rows) if (why := fault(row)) is not None]
    if wrong:
        raise ConfigError([Mistake(str(path), None, key, why) for key, why in wrong])
    return rows


def read(path: Traversable, shape: type[T]) -> T:
    """Return a TOML file in a shape; raises ConfigError."""
    try:
        return msgspec.convert(tomllib.loads(_text(path)), shape)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise mistaken(path, str(error)) from None


def mistaken(path: Traversable, what: str, right: str = "") -> ConfigError:
    """Return the error that a file is not what it should be."""
    return ConfigError([Mistake(str(path), None, "", what, right)])


def _listed(folder: Traversable) -> list[Traversable]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise mistaken(folder, f"cannot be listed: {error.strerror}") from None


def _text(path: Traversable) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise mistaken(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise mistaken(path, "is not UTF-8") from None


@cache
def _platform(name: str) -> data_files.PlatformFile:
    return data_files.read(name, data_files.PlatformFile)
