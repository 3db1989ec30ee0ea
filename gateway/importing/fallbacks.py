"""In which order upstreams are tried, by the fallbacks of a litellm router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.config.mistakes import Key
from gateway.importing.deployments import Deployment
from gateway.importing.settings import Table

Edge = tuple[str, str, Key]
"""From one group of deployments to the one that stands in for it, and where that is said."""


def ordered(
    found: Sequence[Deployment], places: Mapping[str, str], tables: Sequence[Table]
) -> tuple[str, ...]:
    """Return the names of the upstreams, first choice first.

    One order holds here for all models. A fallback that it cannot follow is told, and so is one to
    another model: no model answers for another here.

    Args:
        found: The deployments.
        places: Where a deployment stands -> the name of its upstream.
        tables: The settings that may name fallbacks.
    """
    groups: dict[str, list[Deployment]] = {}
    for each in sorted(found, key=lambda each: each.rank):
        if each.place in places:
            groups.setdefault(each.group, []).append(each)
    edges = [edge for table in tables for edge in _edges(table, groups)]
    order: list[str] = []
    for group in _sorted([each.group for each in found if each.group in groups], edges):
        order += [places[each.place] for each in groups[group]]
    final = tuple(dict.fromkeys(order))
    _told(final, edges, groups, places, tables[0])
    return final


def _edges(table: Table, groups: Mapping[str, list[Deployment]]) -> Iterator[Edge]:
    for name in ("fallbacks", "default_fallbacks"):
        listed = table.raw(name)
        if listed is None:
            continue
        key = table.at(name)
        if not isinstance(listed, list):
            table.findings.wrong(key, "should be a list")
            continue
        for number, entry in enumerate(listed):
            yield from _of_entry(table, entry, (*key, number), groups)


def _of_entry(
    table: Table, entry: Any, key: Key, groups: Mapping[str, list[Deployment]]
) -> Iterator[Edge]:
    """Return the edges of one fallback: `{group: [groups]}`, or a group for all."""
    if isinstance(entry, str):
        yield from ((group, entry, key) for group in groups if group != entry)
        return
    if not isinstance(entry, dict):
        table.findings.wrong(key, "should be a mapping of a model to a list of models")
        return
    for start, ends in entry.items():
        for end in ends if isinstance(ends, list) else [ends]:
            known = [start] if start != "*" else [each for each in groups if each != end]
            yield from ((each, str(end), (*key, start)) for each in known)


def _sorted(groups: Sequence[str], edges: Sequence[Edge]) -> Iterator[str]:
    """Return groups in their order, but each before what stands in for it, where that goes."""
    waiting = list(dict.fromkeys(groups))
    while waiting:
        held = {end for start, end, _ in edges if start in waiting and start != end}
        group = next((each for each in waiting if each not in held), waiting[0])
        waiting.remove(group)
        yield group


def _told(
    order: Sequence[str],
    edges: Sequence[Edge],
    groups: Mapping[str, list[Deployment]],
    places: Mapping[str, str],
    table: Table,
) -> None:
    """Tell of the fallbacks that the order does not follow, each once."""
    said: set[Key] = set()
    for start, end, key in edges:
        why = _against(order, groups.get(start, []), groups.get(end, []), places)
        if why and key not in said:
            said.add(key)
            table.findings.leave(key, why)


def _against(
    order: Sequence[str],
    first: Sequence[Deployment],
    then: Sequence[Deployment],
    places: Mapping[str, str],
) -> str:
    if not first or not then:
        return "names a group of models that has no upstream here"
    if {each.canonical for each in first} != {each.canonical for each in then}:
        return "another model than the one asked for never answers"
    last = max(order.index(places[each.place]) for each in first)
    if any(order.index(places[each.place]) < last for each in then):
        return "one order holds for all models here, and this fallback goes against it"
    return ""
