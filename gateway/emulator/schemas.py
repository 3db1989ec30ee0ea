"""A value that fits a JSON schema: the input of a made-up tool call, a structured answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_DEPTH: Final = 12


def example(
    schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0
) -> Any:
    """Return the same small value for the same schema.

    Known are the words of JSON Schema that tools use: type, enum, const, default, properties,
    required, items, minItems, anyOf, oneOf, allOf, $ref, minimum, maximum, minLength, format.
    """
    root = schema if root is None else root
    if depth > _DEPTH:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return example(_referred(str(schema["$ref"]), root), root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0], root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            count = max(1, int(schema.get("minItems", 1)))
            return [example(schema.get("items") or {}, root, depth + 1)] * count
        case "integer":
            return int(schema.get("minimum", schema.get("maximum", 7)))
        case "number":
            return schema.get("minimum", schema.get("maximum", 0.5))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    wanted = schema.get("required") or properties
    return {name: example(properties.get(name) or {}, root, depth + 1) for name in wanted}


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
    return value.ljust(int(schema.get("minLength", 0)), ".")


def _referred(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").split("/"):
        if part:
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
