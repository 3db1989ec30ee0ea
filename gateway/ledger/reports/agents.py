"""The agents of a session as a tree, whatever their calls say of parents. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

ROOT = ""
"""The session itself: calls that name no agent."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agent stands."""

    agent: str
    parent: str | None
    """None: it is the session itself."""
    depth: int
    note: str | None = None
    """Why it stands right under the session, though it names a parent."""


def tree(named: Iterable[tuple[str, str]]) -> list[Place]:
    """Return every agent once, each after its parent; siblings in the order they began.

    Args:
        named: For each call, in order, its agent and the parent it names; "" where it names none.
    """
    parents = _parents(named)
    notes = {
        agent: f"its parent {parent} has no call in this session"
        for agent, parent in parents.items()
        if parent not in parents and parent != ROOT
    }
    notes |= dict.fromkeys(_cut(parents), "its parents form a circle")
    children: dict[str, list[str]] = defaultdict(list)
    for agent, parent in parents.items():
        if agent != ROOT:
            children[ROOT if agent in notes else parent].append(agent)
    return list(_placed(children, notes))


def _parents(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return each agent's parent, the first that it names; the session is its own."""
    found = {ROOT: ROOT}
    for agent, parent in named:
        if found.setdefault(agent, parent) == ROOT and agent != ROOT:
            found[agent] = parent
    return found


def _cut(parents: Mapping[str, str]) -> Iterator[str]:
    """Yield the agent of each circle that began first."""
    place = {agent: at for at, agent in enumerate(parents)}
    done = {ROOT}
    for start in parents:
        way: dict[str, None] = {}
        agent = start
        while agent not in done and agent not in way and agent in parents:
            way[agent] = None
            agent = parents[agent]
        if agent in way:
            walked = list(way)
            yield min(walked[walked.index(agent) :], key=place.__getitem__)
        done.update(way)


def _placed(children: Mapping[str, list[str]], notes: Mapping[str, str]) -> Iterator[Place]:
    waiting: list[tuple[str, str | None, int]] = [(ROOT, None, 0)]
    while waiting:
        agent, parent, depth = waiting.pop()
        yield Place(agent, parent, depth, notes.get(agent))
        below = children.get(agent, ())
        waiting += [(each, agent, depth + 1) for each in reversed(below)]
