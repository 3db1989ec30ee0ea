"""Writes the tables of failover.md from the data that the gateway acts on: `make docs`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.tables import filled, table
from gateway.dispatch.kinds import RULES, TRANSPORT, Rule
from providers.contract import FailureKind

PAGE = Path(__file__).parent / "failover.md"
FAILURES = Path(__file__).parents[1] / "providers" / "data" / "failures.toml"
ORDER = [
    FailureKind.CALLER,
    FailureKind.NOT_SENT,
    FailureKind.AMBIGUOUS,
    FailureKind.CREDENTIAL,
    FailureKind.ABSENT,
    FailureKind.THROTTLED,
    FailureKind.QUOTA,
    FailureKind.ILL,
    FailureKind.BAD200,
    FailureKind.CUT,
]


def page() -> str:
    """Return the page with its tables as the data says now."""
    return filled(PAGE, tables())


def tables() -> str:
    """Return every table."""
    raw = tomllib.loads(FAILURES.read_text("utf-8"))
    parts = (
        "### Each kind, and what is done",
        table(("kind", "what it is", "what is done", "booked as"), _kinds()),
        "### What a platform answers",
        table(("status or name", "platform", "kind", "the caller gets at last"), _answers(raw)),
        "### Below HTTP, and in a 200",
        table(("what happens", "kind"), ((row.what, row.kind.value) for row in TRANSPORT)),
    )
    return "\n\n".join(parts) + "\n"


def _kinds() -> Iterator[tuple[str, ...]]:
    for kind in ORDER:
        rule = RULES[kind]
        yield f"`{kind.value}`", rule.says, _done(rule), rule.bill.value


def _done(rule: Rule) -> str:
    if rule.surface:
        return "The caller gets it. Nobody else sees the request."
    said = ["Once more here, then the next upstream." if rule.here_first else "The next upstream."]
    if rule.retry_here and not rule.here_first:
        said.append("Here again where there is no other.")
    if rule.eject:
        said.append("Counts towards ejection.")
    if rule.cool_s:
        said.append(f"Cools down for `retry-after`, else {rule.cool_s:g} s.")
    if rule.hopeless:
        said.append("`x-should-retry: false`.")
    return " ".join(said)


def _answers(raw: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    types, surfaced = raw["types"]["rows"], raw["surfaced"]["rows"]

    def told(kind: str, name: str, status: int) -> str:
        if kind == FailureKind.CREDENTIAL.value:
            return "502 `api_error`"
        row = surfaced.get(name, {"type": name, "status": status})
        return f"{row['status']} `{row['type']}`"

    for status, row in raw["statuses"]["rows"].items():
        kind = types[row["type"]]["kind"]
        yield status, "any", f"`{kind}`", told(kind, row["type"], int(status))
    for section, platform in (("error_codes", "any"), ("phrases", "any")):
        for name, row in raw[section]["rows"].items():
            yield _quoted(name), platform, f"`{row['kind']}`", _row(told, row)
    for platform in ("bedrock", "foundry", "vertex"):
        for name, row in raw[platform]["rows"].items():
            yield f"`{name}`", platform, f"`{row['kind']}`", _row(told, row)


def _row(told: Any, row: Mapping[str, Any]) -> str:
    said: str = told(row["kind"], row["type"], row["status"])
    return said


def _quoted(name: str) -> str:
    return f"“{name}”" if " " in name else f"`{name}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
