"""What a session cost, agent by agent and call by call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select

from gateway.ledger.parts import part
from gateway.ledger.reports import agents, columns, retention, sources
from gateway.ledger.reports.asked import Asked, BadParameter
from gateway.ledger.reports.figures import (
    ADJUSTED,
    AMOUNTS,
    COUNTS,
    PARTS,
    PARTS_UNBOUNDED,
    PRICED,
    Figures,
    joined,
    plain,
    total,
)
from gateway.ledger.reports.period import written
from gateway.ledger.reports.usage import notes
from gateway.ledger.row import State
from gateway.ledger.schema import attempts

_AMOUNTS = tuple(name for name in AMOUNTS if name != ADJUSTED)
_NAMES = (*COUNTS, *PARTS_UNBOUNDED, *_AMOUNTS)
_META = (
    "decision",
    "number",
    "request_id",
    "agent",
    "parent_agent",
    "started_us",
    "upstream",
    "model",
    "state",
    "won",
    "open",
    "outcome",
)


class Attempt(NamedTuple):
    """One attempt of the session."""

    row: RowMapping
    figures: Figures


def report(connection: Connection, asked: Asked) -> dict[str, Any]:
    """Return the report; raises BadParameter for a session that is not there, or is too long."""
    found = _attempts(connection, asked)
    by_agent: dict[str, list[Attempt]] = defaultdict(list)
    for each in found:
        by_agent[each.row["agent"]].append(each)
    places = agents.tree((each.row["agent"], each.row["parent_agent"]) for each in found)
    own = {each.agent: _total(by_agent[each.agent]) for each in places}
    below = _with_those_below(places, own)
    whole = _total(found)
    return {
        "session": _session(asked),
        "from": written(asked.period.from_us),
        "to": written(asked.period.to_us),
        "agents": [
            {
                "agent": place.agent,
                "parent": place.parent,
                "depth": place.depth,
                "note": place.note,
                "own": plain(own[place.agent], _AMOUNTS),
                "with_agents": plain(below[place.agent], _AMOUNTS),
                "calls": _calls(by_agent[place.agent]),
            }
            for place in places
        ],
        "total": plain(whole, _AMOUNTS),
        "notes": [*notes(whole), *retention.notes(connection, asked)],
    }


def _session(asked: Asked) -> str:
    sessions = asked.values("session")
    if len(sessions) != 1 or not sessions[0]:
        raise BadParameter("session", "is needed: the id of one session")
    return sessions[0]


def _attempts(connection: Connection, asked: Asked) -> list[Attempt]:
    session = _session(asked)
    here = (sources.between(asked.period.whole), *sources.filtered(asked, connection.dialect.name))
    count = select(func.count()).select_from(attempts).where(*here)
    many = connection.execute(count).scalar_one()
    if not many:
        raise BadParameter("session", f"{session!r} has no attempt on record")
    if many > asked.setting.attempts_most:
        raise BadParameter("session", f"has {many} attempts: choose some of them by from and to")
    chosen = (
        select(*(attempts.c[name] for name in _META), *columns.of_attempts())
        .where(*here)
        .order_by(attempts.c.started_us, attempts.c.decision, attempts.c.number)
    )
    rows = connection.execute(chosen).mappings()
    return [
        Attempt(row, _figures(row, charge_partial=asked.setting.charge_partial)) for row in rows
    ]


def _figures(row: RowMapping, *, charge_partial: bool) -> dict[str, int]:
    counts = {name: int(row[name]) for name in COUNTS}
    amounts = {name: joined(row[f"{name}_{at}"] for at in range(3)) for name in PRICED}
    borne = part(
        State(row["state"]), won=row["won"], is_open=row["open"], charge_partial=charge_partial
    )
    shares = {name: amounts[amount] if of == borne else 0 for name, (of, amount) in PARTS.items()}
    unbounded = {
        name: counts["unbounded"] if of == borne else 0 for name, of in PARTS_UNBOUNDED.items()
    }
    return counts | unbounded | amounts | shares


def _total(each: Sequence[Attempt]) -> dict[str, int]:
    return total((attempt.figures for attempt in each), _NAMES)


def _with_those_below(
    places: Sequence[agents.Place], own: Mapping[str, Figures]
) -> Mapping[str, dict[str, int]]:
    """Return what each agent cost with all that it set to work."""
    sums = {place.agent: dict(own[place.agent]) for place in places}
    for place in reversed(places):
        if place.parent is not None:
            above = sums[place.parent]
            sums[place.parent] = total((above, sums[place.agent]), _NAMES)
    return sums


def _calls(of_agent: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Return an agent's calls; the attempts of one stand together."""
    calls: dict[str, list[Attempt]] = defaultdict(list)
    for each in of_agent:
        calls[each.row["decision"]].append(each)
    return [_call(each) for each in calls.values()]


def _call(of_call: Sequence[Attempt]) -> dict[str, Any]:
    """Return a call as the attempt that won shows it, else the last; its figures are of all."""
    shown = next((each for each in of_call if each.row["won"]), of_call[-1]).row
    return {
        "decision": shown["decision"],
        "request_id": shown["request_id"],
        "at": written(of_call[0].row["started_us"]),
        "model": shown["model"],
        "upstream": shown["upstream"],
        "state": shown["state"],
        "outcome": shown["outcome"],
        "won": bool(shown["won"]),
        **plain(_total(of_call), _AMOUNTS),
    }
