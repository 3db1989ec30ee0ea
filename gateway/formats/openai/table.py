"""What becomes of each field of the OpenAI format, from `data/openai.toml`."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib import resources

import msgspec


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of facts and where they come from."""

    source: str
    checked_on: dt.date
    verified: bool


class Fields(_Table, frozen=True, kw_only=True):
    """Names of fields."""

    fields: frozenset[str]


class Neutral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that changes nothing where it has one of these values."""

    values: frozenset[str]
    """In JSON."""
    otherwise: str
    """Why any other is refused."""


class NeutralFields(_Table, frozen=True, kw_only=True):
    """Fields that may say nothing."""

    fields: dict[str, Neutral]


class Reasons(_Table, frozen=True, kw_only=True):
    """Fields, and why they are treated as they are."""

    fields: dict[str, str]


class Refusals(_Table, frozen=True, kw_only=True):
    """What is refused, and why."""

    refused: dict[str, str]


class Models(_Table, frozen=True, kw_only=True):
    """How models are written."""

    prefixes: tuple[str, ...]


class Effort(_Table, frozen=True, kw_only=True):
    """What an effort is called."""

    off: frozenset[str]
    words: dict[str, str]


class Adaptive(_Table, frozen=True, kw_only=True):
    """Which models think where they are asked to."""

    when_asked: frozenset[str]


class Words(_Table, frozen=True, kw_only=True):
    """One word for another."""

    words: dict[str, str]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An error's type and code."""

    type: str
    code: str | None = None


class Errors(_Table, frozen=True, kw_only=True):
    """How errors are named."""

    too_long: tuple[str, ...]
    too_long_as: Named
    types: dict[str, Named]
    statuses: dict[int, str]
    params: dict[str, str]


class Paths(_Table, frozen=True, kw_only=True):
    """Paths that nobody serves."""

    unserved: dict[str, str]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    translated: Fields
    carried: Fields
    neutral: NeutralFields
    left_out: Reasons
    refused: Reasons
    inside: Refusals
    formats: Refusals
    models: Models
    effort: Effort
    adaptive: Adaptive
    tiers: Words
    reasons: Words
    errors: Errors
    paths: Paths


def _read() -> _File:
    text = (resources.files("gateway") / "data" / "openai.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File, strict=False)


TABLE = _read()
