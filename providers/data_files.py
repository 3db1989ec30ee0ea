"""The shapes of the data files, and their one reader.

A key that a shape does not know, or a missing `source`, fails when a file is read.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib import resources
from typing import Literal, TypeVar

import msgspec

from providers.shapes import ready

T = TypeVar("T")
Support = Literal[True] | str
"""True, or the reason why a platform does not do something."""


class Table(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A table of facts and where they come from."""

    source: str
    checked_on: dt.date
    verified: bool


class LimitTable(Table, kw_only=True):
    """Sizes."""

    body_bytes: int | None = None


class FieldTable(Table, kw_only=True):
    """Top-level fields."""

    taken: frozenset[str]
    sampling: frozenset[str]
    droppable: frozenset[str]
    why: dict[str, str] = {}


class BetaTable(Table, kw_only=True):
    """Values of `anthropic-beta`."""

    taken: frozenset[str]
    refused: frozenset[str]
    renamed: dict[str, str] = {}
    header_only: frozenset[str] = frozenset()


class ToolTable(Table, kw_only=True):
    """Types of tools."""

    taken: tuple[str, ...]


class PartRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One part deep in a body."""

    path: str
    droppable: bool
    value: str | None = None
    why: str = ""
    version: str | None = None
    betas: frozenset[str] = frozenset()


class PartTable(Table, kw_only=True):
    """Parts deep in a body."""

    rows: tuple[PartRow, ...]


class ExceptTable(Table, kw_only=True):
    """What a platform does not take that takes all else."""

    fields: dict[str, str]
    """Top-level field -> why it is not taken."""
    droppable: frozenset[str]
    betas: frozenset[str]


class PlatformModelRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One canonical model on one platform."""

    id: str
    version: str | None = None
    profiles: tuple[str, ...] = ()
    in_region: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    not_taken: tuple[str, ...] = ()
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    retires_on: dt.date | None = None
    no_sooner_than: dt.date | None = None
    counted: bool = True


class PlatformModelTable(Table, kw_only=True):
    """The models of one platform."""

    version: str
    rows: dict[str, PlatformModelRow]


class GeoTable(Table, kw_only=True):
    """The geographies that a request can ask to be processed in."""

    values: frozenset[str]
    anywhere: frozenset[str]
    """Those that hold a request to no place."""
    models: frozenset[str]
    """The canonical models that take the field."""


class SkillTable(Table, kw_only=True):
    """Skills of one's own."""

    kept: bool


class FinishTable(Table, kw_only=True):
    """Why a chat completion ended, in the words of the Messages API."""

    rows: dict[str, str]


@ready
class ChatFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`chat_completions.toml`: the words of that format."""

    finish_reasons: FinishTable


class RaiseTable(Table, kw_only=True):
    """Betas with which a model takes more tokens than its row says."""

    input: frozenset[str]
    output: frozenset[str]


class SupportTable(Table, kw_only=True):
    """What a platform does: true, or why not; a key that is not there is not known."""

    messages: Support | None = None
    stream: Support | None = None
    count_tokens: Support | None = None
    batches: Support | None = None
    files: Support | None = None
    tools: Support | None = None
    thinking: Support | None = None
    cache_5m: Support | None = None
    cache_1h: Support | None = None
    usage: Support | None = None
    errors: Support | None = None


@ready
class BetaFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`betas.toml`: what a beta unlocks, and what it raises."""

    unlocks: PartTable
    raises: RaiseTable


@ready
class PlatformFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`<platform>.toml`: what one platform takes."""

    platform: str
    title: str
    limits: LimitTable
    models: PlatformModelTable
    takes_all: bool = False
    except_for: ExceptTable | None = None
    """Only where it takes all else."""
    fields: FieldTable | None = None
    betas: BetaTable | None = None
    tools: ToolTable | None = None
    nested: PartTable | None = None
    geos: GeoTable | None = None
    supports: SupportTable | None = None
    skills: SkillTable | None = None
    """None: nothing says that it keeps any."""


class ModelRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One canonical model."""

    display_name: str
    line: str
    sampling: bool
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    lifecycle: Literal["active", "deprecated", "retired"] = "active"
    created_on: dt.date | None = None
    retires_on: dt.date | None = None
    aliases: tuple[str, ...] = ()


class ModelTable(Table, kw_only=True):
    """The canonical models, newest first."""

    rows: dict[str, ModelRow]


class WrapperTable(Table, kw_only=True):
    """Prefixes of ids, and the platform each stands for; "" for none."""

    at_sign: str
    """The platform that writes a date after an `@`."""
    rows: dict[str, str]


class ProfileRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One inference-profile prefix."""

    regions: tuple[str, ...]
    anywhere: bool = False


class ProfileTable(Table, kw_only=True):
    """The inference-profile prefixes of one platform."""

    platform: str
    rows: dict[str, ProfileRow]


class CloudRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One of Azure's clouds."""

    authority: str
    """The host of its Entra."""
    domain: str
    """What the hosts of Foundry resources end in."""
    hosts: tuple[str, ...]
    """The domains that are its own."""
    lacks: str = ""
    """Why Claude cannot be had there; empty: it can."""


class CloudTable(Table, kw_only=True):
    """Azure's clouds by name."""

    rows: dict[str, CloudRow]


@ready
class CloudFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`azure_clouds.toml`."""

    clouds: CloudTable


class VersionTable(Table, kw_only=True):
    """The versions of the API that a caller may name."""

    known: tuple[str, ...]


@ready
class ModelFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`models.toml`: the models, how their ids are spelled, and the API's versions."""

    models: ModelTable
    wrappers: WrapperTable
    profiles: ProfileTable
    versions: VersionTable


def read(name: str, shape: type[T]) -> T:
    """Return the data file `name`.toml; raises FileNotFoundError or msgspec.ValidationError."""
    text = (resources.files("providers") / "data" / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), shape)
