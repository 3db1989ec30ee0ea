"""What the clouds refuse of an Anthropic body that the direct API would take, from their tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.emulator.models import table
from gateway.emulator.problems import Problem

_EXTRA = "Extra inputs are not permitted"


@dataclass(frozen=True, slots=True)
class Rules:
    """One platform's table of things taken and refused; keys as in its TOML file."""

    versions: tuple[str, ...]
    fields: frozenset[str]
    betas: frozenset[str]
    gated: Mapping[str, frozenset[str]]
    """Field -> the betas of which one must be there."""
    tool_types: tuple[str, ...]
    """Starts of the types of tools that are refused."""
    tool_fields: frozenset[str]
    cache_control_fields: frozenset[str]
    context_edits: tuple[str, ...]
    """Starts of the types of context edits that are refused."""


@cache
def rules(name: str) -> Rules:
    """Return the rules of `data/<name>.toml`."""
    data = table(f"{name}.toml")
    refused = data["refused"]
    return Rules(
        versions=tuple(data["versions"]),
        fields=frozenset(data["fields"]),
        betas=frozenset(data["betas"]),
        gated={key: frozenset(betas) for key, betas in data["gated"].items()},
        tool_types=tuple(refused["tool_types"]),
        tool_fields=frozenset(refused["tool_fields"]),
        cache_control_fields=frozenset(refused["cache_control_fields"]),
        context_edits=tuple(refused["context_edits"]),
    )


def check_body(body: Mapping[str, Any], its: Rules, betas: Collection[str]) -> None:
    """Refuse what the platform does not take, by name; raises Problem (400).

    Args:
        body: The body, decoded; its inner types need not have been checked.
        its: The platform's rules.
        betas: The betas in force.
    """
    check_fields(body, its.fields)
    for name, unlocking in its.gated.items():
        if name in body and not unlocking.intersection(betas):
            raise Problem(400, f"{name}: {_EXTRA}")
    for where in refused_places(body, its):
        raise Problem(400, f"{where}: {_EXTRA}")
    _check_tools(body, its)


def check_fields(body: Mapping[str, Any], fields: Collection[str]) -> None:
    """Refuse the first top-level field that is not among `fields`; raises Problem (400)."""
    for name in body:
        if name not in fields:
            raise Problem(400, f"{name}: {_EXTRA}")


def check_version(version: Any, versions: Collection[str]) -> None:
    """Refuse a missing or unknown `anthropic_version`; raises Problem (400)."""
    if version is None:
        raise Problem(400, "anthropic_version: Field required")
    if version not in versions:
        raise Problem(400, f"anthropic_version: Input should be {_either(versions)}")


def refused_places(body: Mapping[str, Any], its: Rules) -> Iterator[str]:
    """Yield the path of each refused field further down (`tools.0.custom`)."""
    for index, tool in _dicts(body.get("tools")):
        yield from (f"tools.{index}.{key}" for key in tool if key in its.tool_fields)
        yield from _marks(f"tools.{index}", tool, its)
    for index, block in _dicts(body.get("system")):
        yield from _marks(f"system.{index}", block, its)
    for at, message in _dicts(body.get("messages")):
        for index, block in _dicts(message.get("content")):
            yield from _marks(f"messages.{at}.content.{index}", block, its)


def _marks(where: str, block: Mapping[str, Any], its: Rules) -> Iterator[str]:
    mark = block.get("cache_control")
    if isinstance(mark, dict):
        kind = mark.get("type", "ephemeral")
        for key in mark:
            if key in its.cache_control_fields:
                yield f"{where}.cache_control.{kind}.{key}"


def _check_tools(body: Mapping[str, Any], its: Rules) -> None:
    for index, tool in _dicts(body.get("tools")):
        kind = str(tool.get("type", "custom"))
        if its.tool_types and kind.startswith(its.tool_types):
            raise Problem(
                400,
                f"tools.{index}: Input tag '{kind}' found using 'type' does not match any of the "
                "expected tags",
            )
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    for index, edit in _dicts(edits):
        kind = str(edit.get("type"))
        if its.context_edits and kind.startswith(its.context_edits):
            raise Problem(
                400,
                f"context_management.edits.{index}: Input tag '{kind}' found using 'type' does "
                "not match any of the expected tags",
            )


def _dicts(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the dicts of a list with their places; nothing where it is no list."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item


def _either(names: Collection[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
