"""What `bedrock_format.toml` says."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec

from providers.data_files import Table
from providers.shapes import ready


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an error is in Bedrock's words."""

    name: str
    status: int
    in_stream: str = "modelStreamErrorException"


class _Words(Table, kw_only=True):
    rows: dict[str, str]


class _Headers(Table, kw_only=True):
    prefix: str
    ignored: frozenset[str]
    refused: dict[str, str]
    harmless: dict[str, frozenset[str]]


class _Count(Table, kw_only=True):
    left_out: frozenset[str]


class _Errors(Table, kw_only=True):
    rows: dict[str, Problem]
    by_status: dict[int, Problem]


@ready
class BedrockFormat(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    versions: _Words
    zones: _Words
    headers: _Headers
    count: _Count
    errors: _Errors


@cache
def table() -> BedrockFormat:
    """Return the file's content."""
    text = (resources.files("gateway") / "data" / "bedrock_format.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), BedrockFormat, strict=False)
