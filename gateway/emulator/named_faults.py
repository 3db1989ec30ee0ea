"""The faults that have a name: rows of `data/faults.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.emulator.faults import KEYS, Fault, FaultError, fault
from gateway.emulator.models import table

PLATFORMS: Final = ("anthropic", "bedrock", "vertex")
"""The platforms that a fault fits unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class NamedFault:
    """A fault that is known by its name."""

    name: str
    says: str
    """What goes wrong, in one sentence."""
    group: str
    source: str
    """Where it was seen, or what defines it."""
    platforms: tuple[str, ...]
    """The platforms it fits."""
    streamed: bool | None
    """Whether it fits streamed answers only (True), whole ones only (False) or both (None)."""
    before_content: bool
    """Whether it strikes before the first event that carries content."""
    harmless: bool
    """Whether the answer is whole and in order for whoever reads it well."""
    fault: Fault


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, NamedFault]]:
    for group in data["groups"]:
        shared = {"source": group["source"], **group.get("defaults", {})}
        for name, own in group["faults"].items():
            yield name, _named(name, group["title"], {**shared, **own})


def _named(name: str, group: str, row: Mapping[str, Any]) -> NamedFault:
    platforms = tuple(row.get("platforms", PLATFORMS))
    made = {key: value for key, value in row.items() if key in KEYS}
    return NamedFault(
        name=name,
        says=row["says"],
        group=group,
        source=row["source"],
        platforms=platforms,
        streamed=row.get("streamed"),
        before_content=row.get("before_content", True),
        harmless=row.get("harmless", False),
        fault=fault({**made, "name": name, "platforms": platforms}),
    )


NAMED: Final[Mapping[str, NamedFault]] = MappingProxyType(dict(_rows(table("faults.toml"))))
"""Every fault that has a name, by it."""


def scripted(row: Mapping[str, Any]) -> Fault:
    """Return the fault that a script's row says, by name or action; raises FaultError.

    Whatever else the row says stands over what the name means.
    """
    name = row.get("name")
    if name is None:
        return fault(row)
    known = NAMED.get(name) if isinstance(name, str) else None
    if known is None:
        raise FaultError("name", _unknown(str(name)))
    platform = row.get("platform")
    if platform is not None and platform not in known.platforms:
        raise FaultError("platform", f"{name} fits {', '.join(known.platforms)} only")
    base = {key: getattr(known.fault, key) for key in KEYS}
    return fault({**base, **row})


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, NAMED, n=1)
    hint = f"did you mean {close[0]}?" if close else "`NAMED` has all, `docs/emulator.md` too"
    return f"no fault is called {name}; {hint}"
