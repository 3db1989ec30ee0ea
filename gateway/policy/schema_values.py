"""Whether a JSON schema holds values of its author's: names, enumerations, constants, patterns.

A platform that compiles a schema may keep it longer than a prompt. Whether what it says is
personal is not judged here: only that it says something.
"""

from __future__ import annotations

from typing import Any

_HOLDERS = (
    "$defs",
    "const",
    "definitions",
    "dependentRequired",
    "dependentSchemas",
    "enum",
    "pattern",
    "patternProperties",
    "properties",
    "required",
)
"""Keywords under which a schema's author writes a name or a value (JSON Schema 2020-12)."""


def has_values(schema: Any) -> bool:
    """Say whether a schema has a property name, an enum, a const or a pattern at any depth."""
    left = [schema]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if any(_says(value, keyword) for keyword in _HOLDERS):
                return True
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return False


def _says(schema: dict[str, Any], keyword: str) -> bool:
    """Say whether a keyword is there with something in it; a const may be anything."""
    return keyword in schema and (keyword == "const" or schema[keyword] not in ({}, [], None))
