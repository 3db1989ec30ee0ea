"""What each agent of a session cost, and all that it began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.billing.charge import Charge
from gateway.billing.total import Total, total_of

MAIN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCost:
    """One agent. The main one of a session has an empty name."""

    session: str
    agent: str
    own: Total
    """What it asked for itself."""
    whole: Total
    """That, and what the agents under it did."""
    children: tuple[AgentCost, ...] = ()


def trees(charges: Iterable[Charge]) -> tuple[AgentCost, ...]:
    """Return the main agent of each session, with the agents under it."""
    sessions: dict[str, list[Charge]] = defaultdict(list)
    for charge in charges:
        sessions[charge.labels.session].append(charge)
    return tuple(_tree(session, sessions[session]) for session in sorted(sessions))


def _tree(session: str, charges: list[Charge]) -> AgentCost:
    own: dict[str, list[Charge]] = defaultdict(list)
    for charge in charges:
        own[charge.labels.agent].append(charge)
    children: dict[str, list[str]] = defaultdict(list)
    for agent, parent in _parents(charges).items():
        children[parent].append(agent)
    made: dict[str, AgentCost] = {}
    for agent in _leaves_first(children):
        under = tuple(made[child] for child in sorted(children.get(agent, ())))
        total = total_of(own.get(agent, ()))
        whole = sum((child.whole for child in under), total)
        made[agent] = AgentCost(
            session=session, agent=agent, own=total, whole=whole, children=under
        )
    return made[MAIN]


def _parents(charges: list[Charge]) -> dict[str, str]:
    """Return the agent that began each agent, as it was named, or as it made the call."""
    callers = _first(dict.fromkeys(charge.calls, charge.labels.agent) for charge in charges)
    named = _first(
        {charge.labels.agent: charge.labels.parent_agent}
        for charge in charges
        if charge.labels.parent_agent
    )
    agents = {charge.labels.agent for charge in charges} | {*named.values()}
    parents = {agent: named.get(agent, callers.get(agent, MAIN)) for agent in agents - {MAIN}}
    return {agent: parent if _ends(agent, parents) else MAIN for agent, parent in parents.items()}


def _first(choices: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the first of the alphabet where several are named."""
    found: dict[str, str] = {}
    for choice in choices:
        for key, value in choice.items():
            found[key] = min(value, found.get(key, value))
    return found


def _ends(agent: str, parents: Mapping[str, str]) -> bool:
    """Say whether the way up from an agent reaches the main one, and goes in no circle."""
    seen = set()
    while agent != MAIN and agent not in seen:
        seen.add(agent)
        agent = parents.get(agent, MAIN)
    return agent == MAIN


def _leaves_first(children: Mapping[str, list[str]]) -> list[str]:
    """Return the agents under the main one, each after those under it."""
    order = [MAIN]
    for agent in order:
        order.extend(children.get(agent, ()))
    return order[::-1]
