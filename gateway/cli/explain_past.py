"""`gateway explain ID`: a call as it was decided and tried, from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from gateway.cli.journal_entries import entries, journal_of
from gateway.cli.policy_sources import Setting, mistake
from gateway.policy.recorded import Entry, Past, recall

_FIRST = ("class", "classes", "asserted_by", "environment", "key", "layers", "model")
"""What a decision was made on, in the order in which it is told; the rest follows."""
_OWN_LINES = ("plan", "rejected", "verdicts", "decision", "policy_digest", "facts_digest")
_NAMES = frozenset({"decision", "attempt", "upstream"})
NOTHING_ALLOWED = 1


def run(
    wanted: str, *, journal: Path | None, config: Path | None, env: str | None, as_json: bool
) -> None:
    """Print the call with an id; exits 1 when nothing was allowed for it."""
    where = journal_of(journal, Setting(config, env))
    past = recall(lambda: entries(where), wanted)
    if past is None:
        raise mistake(where, f"has no call {wanted}", "give its request-id or x-gateway-decision")
    if as_json:
        typer.echo(json.dumps(plain(past), indent=2))
    else:
        for text in lines(past):
            typer.echo(text)
    raise typer.Exit(0 if past.decision.data.get("plan") else NOTHING_ALLOWED)


def plain(past: Past) -> dict[str, Any]:
    """Return a call as plain data."""
    return {
        "ok": True,
        "at": past.decision.at,
        "decision": dict(past.decision.data),
        "candidates": None if past.candidates is None else [dict(each) for each in past.candidates],
        "attempts": [{"record": each.kind, "at": each.at, **each.data} for each in past.attempts],
    }


def lines(past: Past) -> Iterator[str]:
    """Return a call in words."""
    data = past.decision.data
    yield f"decision {data.get('decision')}, made {past.decision.at}"
    named = dict.fromkeys((*_FIRST, *data))
    yield _pairs({name: data.get(name) for name in named if name not in _OWN_LINES})
    if data.get("policy_digest") is not None:
        yield f"policy {data['policy_digest']}, facts {data.get('facts_digest')}"
    for each in past.candidates or ():
        yield _candidate(each)
    for each in data.get("rejected") or ():
        if each.get("reason"):
            yield f"left out: {each.get('upstream')}: {each['reason']}"
    yield f"plan: {', '.join(data.get('plan') or ()) or 'NONE'}"
    for entry in past.attempts:
        yield _attempt(entry)


def _candidate(found: Mapping[str, Any]) -> str:
    word = "ALLOW " if found.get("allowed") else "REJECT"
    reasons = "; ".join(f"{each['rule']}: {each['text']}" for each in found.get("reasons") or ())
    lifted = "; ".join(found.get("exceptions") or ()) if found.get("allowed") else ""
    return f"{word} {found.get('upstream')}  {reasons or lifted}".rstrip()


def _attempt(entry: Entry) -> str:
    data = entry.data
    who = " ".join(
        str(data[name]) for name in ("attempt", "upstream") if data.get(name) is not None
    )
    rest = _pairs({name: value for name, value in data.items() if name not in _NAMES})
    return f"{entry.at} {entry.kind} {who}: {rest}".replace(" :", ":")


def _pairs(data: Mapping[str, Any]) -> str:
    """Return what is there as `name value`, without what is empty."""
    some = {name: value for name, value in data.items() if value not in (None, [], {}, ())}
    return ", ".join(f"{name} {_shown(value)}" for name, value in some.items())


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return json.dumps(value) if isinstance(value, (dict, bool)) else str(value)
