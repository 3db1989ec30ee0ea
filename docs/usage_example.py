"""Runs the commands of usage.md over made-up attempts and writes what they print: `make docs`."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.cli import app
from gateway.ledger.fold import Booked, Changes
from gateway.ledger.row import Row, State
from gateway.ledger.store import Ledger

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
RATES = {"input": 4, "write": 5, "read": 0.2, "output": 20}
"""Claude Opus 5.5 on the Claude API and on Bedrock's global profile, USD for a million tokens."""
PLACES = {"direct": "anthropic", "bedrock": "bedrock"}


def attempt(minute: float, upstream: str = "direct", **more: Any) -> Row:
    """Return an attempt of Claude Opus 5.5."""
    tokens = {name: more.pop(name, 0) for name in RATES}
    cost_pico = sum(round(count * RATES[name] * 10**6) for name, count in tokens.items())
    plain = tokens["input"] + tokens["write"] + tokens["read"]
    uncached_pico = (plain * RATES["input"] + tokens["output"] * RATES["output"]) * 10**6
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
        "upstream": upstream,
        "platform": PLACES[upstream],
        "scope": "global",
        "model": "claude-opus-5-5",
        "state": State.FINAL,
        "open": False,
        "won": True,
        "outcome": "complete",
        "input_tokens": tokens["input"],
        "cache_write_tokens": tokens["write"],
        "cache_write_5m_tokens": tokens["write"],
        "cache_read_tokens": tokens["read"],
        "output_tokens": tokens["output"],
        "uncached_pico": int(uncached_pico),
        **{f"{name}_pico": cost_pico for name in ("list", "net", "low", "high")},
    }
    return Row(**common | more)


ILL: dict[str, Any] = {
    "won": False,
    "state": State.UNKNOWN,
    "outcome": "ill",
    "list_pico": None,
    "net_pico": None,
    "low_pico": 0,
    "high_pico": 171_200_000_000,
    "uncached_pico": None,
    **{f"{name}_tokens": None for name in ("input", "output", "cache_read", "cache_write")},
}
CUT: dict[str, Any] = {
    "won": False,
    "state": State.PARTIAL,
    "outcome": "cut",
    "low_pico": 26_000_000_000,
    "high_pico": 46_000_000_000,
}
SESSION = {"session": "5c1f", "caller": "ann", "team": "platform", "tags": {"team": "platform"}}
AGENT = SESSION | {"agent": "a-71", "parent_agent": ""}
ROWS = [
    attempt(541, **SESSION, input=320, write=21_000, output=410),
    attempt(543, **SESSION, input=12, write=900, read=21_000, output=650),
    attempt(544, **AGENT, input=150, write=8_400, output=300),
    attempt(545, **AGENT, input=9, write=700, read=8_400, output=240),
    attempt(556, **SESSION, input=23_400, output=380),
    attempt(600, "bedrock", decision="dec_600", **ILL),
    attempt(600.1, decision="dec_600", number=2, input=31_000, output=1_200),
    attempt(1500, "bedrock", decision="dec_1500", **CUT, input=6_400, output=20),
    attempt(1500.2, decision="dec_1500", number=2, input=6_400, output=900),
    attempt(1502, input=2_000, output=500),
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
    booked = [Booked(row, None) for row in ROWS]
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
