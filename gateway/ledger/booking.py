"""What is known of an attempt -> its row, but for what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from gateway.ledger.calls import Attempt, End, OpenCall
from gateway.ledger.costs import (
    COUNT_TOKENS,
    CUT,
    ERRANDS,
    FREE,
    NO_DECISION,
    UNSIZED,
    is_counted,
    is_told,
    runs_of,
    with_flags,
)
from gateway.ledger.records import Decided, Failed, Finished, Started, Told, Withdrawn
from gateway.ledger.row import Row, State
from gateway.recordable import attempt_id
from gateway.unsized import SERVER_TOOLS
from gateway.usage import Usage
from providers import catalog

UNCOUNTED = "uncounted"
"""Its answer is whole, and says not what it used."""
NO_START = "no_start"
"""Where the attempt went is not on record."""
_NOBODY = Decided(decision="?")
NOWHERE = Started(decision="?", attempt=1)
_NOTHING = Usage()


class Taken(NamedTuple):
    """A row without its price, and what it is priced by."""

    row: Row
    usage: Usage
    speed: str | None
    """What the call asks for; None: that is not known."""


def taken(decision: str, call: OpenCall, number: int, attempt: Attempt) -> Taken:
    """Return the row of an attempt that has started."""
    usage = _usage(attempt)
    told = is_told(usage)
    row = _asked(decision, call.decided or _NOBODY, number, attempt)
    row.flags = _missing(call, attempt)
    _answered(row, attempt)
    if attempt.end is not None:
        _ended(row, attempt.end, usage)
        row.ended_us = attempt.ended.at_us if attempt.ended is not None else None
    elif told:
        row.state = State.PARTIAL
    if call.over is not None:
        row.request_id = call.over.request_id
        if row.open:
            _left_open(row, call.over, call.over_us)
    if row.state in {State.UNKNOWN, State.PARTIAL} and call.decided is not None:
        row.flags = with_flags(row.flags, _unsized(call.decided))
    if usage is not _NOTHING:
        count(row, usage)
    return Taken(row, usage, None if call.decided is None else call.decided.speed)


def count(row: Row, usage: Usage) -> None:
    """Put the counts of a usage into a row: of all its runs, where it lists them."""
    runs = runs_of(usage)
    row.input_tokens = _sum(run.input_tokens for run in runs)
    row.output_tokens = _sum(run.output_tokens for run in runs)
    row.cache_write_tokens = _sum(run.cache_creation_input_tokens for run in runs)
    row.cache_write_5m_tokens = _sum(run.cache_creation_5m_input_tokens for run in runs)
    row.cache_write_1h_tokens = _sum(run.cache_creation_1h_input_tokens for run in runs)
    row.cache_read_tokens = _sum(run.cache_read_input_tokens for run in runs)
    row.thinking_tokens = usage.thinking_tokens
    row.web_searches = usage.web_search_requests
    row.usage = usage.to_json()
    row.flags = with_flags(row.flags, usage.flags)


def _asked(decision: str, asked: Decided, number: int, attempt: Attempt) -> Row:
    """Return the row of an attempt as it is when it starts."""
    goes = attempt.started or NOWHERE
    tags = asked.tags or {}
    wire_model = goes.model or ""
    return Row(
        attempt=attempt_id(decision, number),
        decision=decision,
        number=number,
        kind=asked.call or "",
        streamed=asked.stream or False,
        started_us=attempt.began.at_us,
        environment=asked.environment or "",
        door=asked.door or "",
        caller=asked.key or "",
        data_class=asked.data_class or "",
        team=tags.get("team", ""),
        tags=tags,
        session=asked.session or "",
        agent=asked.agent or "",
        parent_agent=asked.parent_agent or "",
        payer=asked.payer or "",
        upstream=attempt.upstream or "",
        platform=goes.platform or "",
        account=goes.account or "",
        region=goes.region or "",
        scope=goes.scope or "",
        model=asked.model or catalog.canonical(wire_model) or wire_model[:256],
        wire_model=wire_model,
        state=State.UNKNOWN,
        file=attempt.began.file,
        seq=attempt.began.seq,
        max_tokens=asked.max_tokens,
        body_bytes=asked.bytes,
    )


def _unsized(asked: Decided) -> tuple[str, ...]:
    """Return what of a request has no bound; what another version names may be the worst."""
    return tuple(each if each in UNSIZED else SERVER_TOOLS for each in asked.unsized or ())


def _missing(call: OpenCall, attempt: Attempt) -> tuple[str, ...]:
    if call.decided is None:
        return (NO_DECISION,)
    return () if attempt.started is not None else (NO_START,)


def _answered(row: Row, attempt: Attempt) -> None:
    """Put into a row what the answer says of itself; what came last holds."""
    row.message_id = attempt.message_id
    for said in (attempt.told, attempt.end):
        if isinstance(said, Told | Failed | Finished) and said.model is not None:
            row.served_model = _served(said.model, row)


def _served(named: str, row: Row) -> str:
    """Return which model answered; one that nobody knows keeps its name, and so has no price."""
    return row.model if named == row.wire_model else catalog.canonical(named) or named


def _ended(row: Row, end: End, usage: Usage) -> None:
    row.open = False
    if isinstance(end, Withdrawn):
        row.state, row.outcome = State.NOT_SENT, "withdrawn"
        return
    row.platform_request_id = end.platform_request_id
    if isinstance(end, Failed):
        row.outcome = end.kind or ""
        row.state = _failed_as(end, usage)
        return
    row.outcome = end.state or ""
    row.request_id = end.request_id
    row.stop_reason, row.refusal_category = end.stop_reason, end.refusal_category
    row.won = True
    row.state = _finished_as(row, end, usage)


def _failed_as(end: Failed, usage: Usage) -> State:
    """An error that comes when an answer has begun does not undo what that used."""
    if is_told(usage):
        return State.PARTIAL
    return State(end.state) if end.state in FREE else State.UNKNOWN


def _finished_as(row: Row, end: Finished, usage: Usage) -> State:
    if row.kind == COUNT_TOKENS or row.kind in ERRANDS:
        return State.FINAL if end.whole else State.UNKNOWN
    if end.whole if end.counted is None else end.counted:
        if is_counted(usage):
            return State.FINAL
        row.flags = (*row.flags, UNCOUNTED)
    return State.PARTIAL if is_told(usage) else State.UNKNOWN


def _left_open(row: Row, over: Finished, over_us: int) -> None:
    """Close an attempt whose own end is not on record, when its call is over."""
    row.open = False
    row.ended_us = over_us
    row.outcome = (over.state or "") if over.attempt is None else ""


def _usage(attempt: Attempt) -> Usage:
    """Return what was told of the usage, in the order of telling."""
    told = attempt.told
    end = None if isinstance(attempt.end, Withdrawn) else attempt.end
    found = _read(end) if end is not None and end.usage else _NOTHING
    return Usage.merge(_read(told), found) if told is not None and told.usage else found


def _read(said: Told | Failed | Finished) -> Usage:
    usage = Usage.of({"usage": said.usage})
    return replace(usage, flags=with_flags(usage.flags, (CUT,))) if said.usage_cut else usage


def _sum(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
