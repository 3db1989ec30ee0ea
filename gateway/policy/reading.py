"""Strict reading of policy, attestation and test files: every mistake has its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from gateway.config.document import Document
from gateway.config.mistakes import ConfigError, Key, Mistake, nearest
from gateway.config.toml_source import parsed

SCHEMA = 1
"""The version of the formats: the value of `schema` at the top of a policy or attestation file."""

M = TypeVar("M", bound=BaseModel)

Names = Annotated[tuple[str, ...], Strict(strict=False)]
"""An array of names."""


class Shape(BaseModel):
    """A table of a file: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def document(file: str, text: str) -> Document:
    """Parse one file.

    Raises:
        ConfigError: It is no TOML, or a key stands in it twice.
    """
    return Document.of(parsed(file, text))


def checked(source: Document, model: type[M]) -> M:
    """Return a file as its model has it.

    Raises:
        ConfigError: With every key that is unknown, missing or of the wrong type.
    """
    try:
        return model.model_validate(dict(source.data))
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise ConfigError(
        in_order(_mistake(source, model, each) for each in details if _own(each, details))
    )


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return mistakes as a reader of the files meets them."""
    return sorted(mistakes, key=lambda each: (each.file or "", each.line or 0, each.key))


def _mistake(source: Document, model: type[BaseModel], detail: Mapping[str, Any]) -> Mistake:
    key: Key = detail["loc"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _fields_at(model, key[:-1])
        return source.mistake(key, "unknown key", nearest(str(key[-1]), known))
    if kind == "missing":
        return source.mistake(key, "is missing", f"add {key[-1]}")
    if kind in {"model_type", "model_attributes_type"}:
        return source.mistake(key, "should be a table")
    if kind == "literal_error":
        # What Python writes True is `true` in the file.
        values = detail["ctx"]["expected"].replace("True", "true").replace("False", "false")
        return source.mistake(key, "is none of its values", f"write {values}")
    words = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return source.mistake(key, words)


def _own(detail: Mapping[str, Any], details: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether something is wrong by itself: an array is not too short for a wrong member."""
    key: Key = detail["loc"]
    inside = any(len(each["loc"]) > len(key) and each["loc"][: len(key)] == key for each in details)
    return detail["type"] != "too_short" or not inside


def _fields_at(model: type[BaseModel], key: Key) -> list[str]:
    """Return the keys that the table at `key` may have."""
    at: Any = model
    for part in key:
        at = _inner(at.model_fields[part].annotation) if isinstance(part, str) else at
        if not (isinstance(at, type) and issubclass(at, BaseModel)):
            return []
    return [field.alias or name for name, field in at.model_fields.items()]


def _inner(annotation: Any) -> Any:
    """Return the table inside an optional one or an array of them."""
    while get_origin(annotation) in {tuple, dict, Union, UnionType, Annotated}:
        parts = [part for part in get_args(annotation) if part not in {type(None), Ellipsis, str}]
        if not parts:
            return None
        annotation = parts[0]
    return annotation
