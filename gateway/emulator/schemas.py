"""A value that fits a JSON schema: the input of a made-up tool call, a structured answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_DEPTH: Final = 12
_MOST: Final = 1000
_LARGEST: Final = 2**53


def example(
    schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0
) -> Any:
    """Return the same small value for the same schema.

    Known are the words of JSON Schema that tools use: type, enum, const, default, properties,
    required, items, minItems, anyOf, oneOf, allOf, $ref, minimum, maximum, minLength, format.
    """
    root = schema if root is None else root
    if depth > _DEPTH or not isinstance(schema, Mapping):
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum") and isinstance(schema["enum"], list):
        return schema["enum"][0]
    if "$ref" in schema:
        return example(_referred(str(schema["$ref"]), root), root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key) and isinstance(schema[key], list):
            return example(schema[key][0], root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            count = min(_MOST, max(1, _number(schema, "minItems", default=1)))
            return [example(schema.get("items") or {}, root, depth + 1)] * count
        case "integer":
            return _number(schema, "minimum", "maximum", default=7)
        case "number":
            return _number(schema, "minimum", "maximum", default=1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required")
    wanted = required if isinstance(required, list) and required else properties
    return {str(n): example(properties.get(str(n)) or {}, root, depth + 1) for n in wanted}


def _number(schema: Mapping[str, Any], *keys: str, default: int) -> int:
    for key in keys:
        value = schema.get(key)
        if isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST:
            return int(value)
    return default


_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}


def _text(schema: Mapping[str, Any]) -> str:
    value = _FORMATS.get(str(schema.get("format")), "example")
    return value.ljust(min(_MOST, _number(schema, "minLength", default=0)), ".")


def _referred(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").split("/"):
        if part:
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
