"""Runs the commands of usage.md over made-up attempts and writes what they print: `make docs`."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.cli import app
from gateway.ledger.booking import count
from gateway.ledger.costs import priced
from gateway.ledger.fold import Booked, Changes
from gateway.ledger.row import Row, State
from gateway.ledger.store import Ledger
from gateway.prices import shipped
from gateway.usage import Usage

PAGE = Path(__file__).parent / "usage.md"
BLOCK = re.compile(r"^```console\n\$ gateway (.*)\n(?:.*\n)*?```$", re.MULTILINE)
CONFIG = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${API_KEY}"
[journal]
dir = "journal"
[ledger]
url = "sqlite:///ledger.sqlite3"
"""
DAY_US = 1_795_305_600 * 10**6
"""2026-11-22."""
PLACES = {"direct": "anthropic", "bedrock": "bedrock"}
SESSION = {"session": "5c1f", "caller": "ann", "team": "platform", "tags": {"team": "platform"}}
AGENT = SESSION | {"agent": "a-71"}
LOST = {"won": False, "outcome": "ill", "state": State.UNKNOWN}
CUT = {"won": False, "outcome": "cut", "state": State.PARTIAL}


def attempt(minute: float, told: tuple[int, int, int, int] | None, **more: Any) -> Row:
    """Return an attempt, priced as they all are.

    Args:
        minute: When it started, in minutes of the day.
        told: Tokens of input, written to the cache, read from it, and of output; None: nobody told.
        more: What is not as in most attempts.
    """
    decision = more.pop("decision", f"dec_{minute:g}")
    common: dict[str, Any] = {
        "attempt": f"{decision}.{more.get('number', 1)}",
        "decision": decision,
        "number": 1,
        "kind": "messages",
        "streamed": True,
        "started_us": DAY_US + round(minute * 60 * 10**6),
        "caller": "ci",
        "team": "search",
        "tags": {"team": "search"},
        "upstream": "direct",
        "scope": "global",
        "model": "claude-opus-5-5",
        "state": State.FINAL,
        "open": False,
        "won": True,
        "outcome": "complete",
        "body_bytes": 120_000,
        "max_tokens": 2000,
    } | more
    row = Row(platform=PLACES[common["upstream"]], **common)
    usage = Usage.of(_usage(*told) if told else {})
    if told:
        count(row, usage)
    priced(row, usage, shipped())
    return row


def _usage(plain: int, wrote: int, read: int, output: int) -> dict[str, Any]:
    return {
        "input_tokens": plain,
        "cache_creation_input_tokens": wrote,
        "cache_creation": {"ephemeral_5m_input_tokens": wrote, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": read,
        "output_tokens": output,
    }


def rows() -> list[Row]:
    """Return what is in the ledger of the page."""
    return [
        attempt(541, (320, 21_000, 0, 410), **SESSION),
        attempt(543, (12, 900, 21_000, 650), **SESSION),
        attempt(544, (150, 8_400, 0, 300), **AGENT),
        attempt(545, (9, 700, 8_400, 240), **AGENT),
        attempt(556, (23_400, 0, 0, 380), **SESSION),
        attempt(600, None, decision="dec_600", upstream="bedrock", **LOST),
        attempt(600.1, (31_000, 0, 0, 1_200), decision="dec_600", number=2),
        attempt(1500, (6_400, 0, 0, 20), decision="dec_1500", upstream="bedrock", **CUT),
        attempt(1500.2, (6_400, 0, 0, 900), decision="dec_1500", number=2),
        attempt(1502, (2_000, 0, 0, 500)),
    ]


def page() -> str:
    """Return the page with what its commands print now."""
    with tempfile.TemporaryDirectory() as directory:
        _configure(Path(directory))
        environ = {"GATEWAY_CONFIG": directory, "GATEWAY_ENV": "dev", "API_KEY": "made-up"}
        return BLOCK.sub(lambda found: _run(found[1], environ), PAGE.read_text("utf-8"))


def _configure(directory: Path) -> None:
    (directory / "environments").mkdir()
    (directory / "environments" / "dev.toml").touch()
    (directory / "gateway.toml").write_text(CONFIG)
    ledger = Ledger.open("sqlite:///ledger.sqlite3", directory)
    booked = [Booked(row, None) for row in rows()]
    changes = Changes(rows=booked, open_calls={}, files={}, adjustments=[], price_rows={})
    ledger.apply(changes, [])
    ledger.close()


def _run(command: str, environ: dict[str, str]) -> str:
    done = CliRunner().invoke(app, shlex.split(command), env=environ)
    if done.exit_code:
        raise SystemExit(f"gateway {command}: {done.output}")
    return f"```console\n$ gateway {command}\n{done.stdout}```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
