"""What `vertex_format.toml` says."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec

from providers.data_files import Table
from providers.shapes import ready


class _Words(Table, kw_only=True):
    rows: dict[str, str]


@ready
class VertexFormat(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    versions: _Words
    errors: _Words


@cache
def table() -> VertexFormat:
    """Return the file's content."""
    text = (resources.files("gateway") / "data" / "vertex_format.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), VertexFormat)
