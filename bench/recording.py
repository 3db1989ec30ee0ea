"""Print CPU microseconds of what counting costs: the tap, the records, the price.

`python -m bench.recording [--json]`. It stops with an error where the tap costs more than
TAP_BOUND_US for each event of a stream, or an attempt's records more than RECORDS_BOUND_US.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from bench.deciding import cpu_us
from gateway import compose, prices
from gateway.audit import Audit, Trail
from gateway.config import Config, load
from gateway.costing import Costing
from gateway.dispatch.attempts import Attempt
from gateway.dispatch.stream import Facts, Stream
from gateway.journal import Journal
from gateway.policy.observed import Said, whole
from gateway.routing import Leg, Upstream
from gateway.usage import Usage

TAP_BOUND_US = 2.0
RECORDS_BOUND_US = 60.0
TAP = "tap, an event of a stream"
RECORDS = "records of an attempt"
ROUNDS = 3000
DELTAS = 58
MODEL = "claude-opus-5-5"
USAGE = {
    "input_tokens": 2095,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 4048,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
    "service_tier": "standard",
    "inference_geo": "global",
}
TOML = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
"""


def event(name: str, **data: object) -> bytes:
    text = json.dumps({"type": name, **data}, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


def events() -> list[bytes]:
    """Return a stream of 64 events, each as one chunk."""
    message = {"id": "msg_01", "type": "message", "model": MODEL, "usage": USAGE, "content": []}
    text = {"type": "text_delta", "text": "some words of an answer "}
    ends = {"delta": {"stop_reason": "end_turn"}, "usage": {**USAGE, "output_tokens": 640}}
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        *(event("content_block_delta", index=0, delta=text) for _ in range(DELTAS)),
        event("content_block_stop", index=0),
        event("message_delta", **ends),
        event("message_stop"),
    ]


class Tapped(Stream):
    """A stream of which only the tap is done."""

    def __init__(self) -> None:
        self.facts = Facts()


def tapped(stream: list[bytes]) -> None:
    """Do for each event what is done to read the usage, as `Stream._take` does it."""
    tap = Tapped()
    for each in stream:
        if b'"usage"' in each:
            tap._tap(each)  # noqa: SLF001 - what is measured


def config(directory: Path) -> Config:
    (directory / "gateway.toml").write_text(TOML)
    (directory / "environments").mkdir()
    (directory / "environments" / "dev.toml").write_text("")
    return load(directory, {"KEY": "made-up", "GATEWAY_ENV": "dev"})


def recorded(trail: Trail, attempt: Attempt, told: Facts, answer: dict[str, object]) -> None:
    """Write the three records of a streamed attempt that comes to its end."""
    trail.started(attempt, "api.anthropic.com", MODEL, "global")
    trail.used(attempt, told)
    trail.finished(attempt, "complete", "req_01", answer)


def figures(rounds: int = ROUNDS) -> dict[str, float]:
    """Return CPU microseconds by what is done."""
    stream = events()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        upstream = compose.upstream(config(Path(name)).used[0])
        journal = Journal.open(Path(name) / "journal", fsync="interval", now=time.time)
        trail = Trail(Audit(journal), "dec_0123456789abcdef01234567")
        attempt = Attempt(1, Leg(upstream))
        told = Facts("msg_01", MODEL, usage=dict(USAGE))
        answer = {
            "model": MODEL,
            "message_id": "msg_01",
            "stop_reason": "end_turn",
            "usage": USAGE,
            "whole": True,
            "counted": True,
            "unobserved": [],
        }
        found = {
            TAP: cpu_us(lambda _: tapped(stream), rounds) / len(stream),
            RECORDS: cpu_us(lambda _: recorded(trail, attempt, told, answer), rounds),
            **priced(upstream, rounds),
        }
        journal.close()
    return found


def priced(upstream: Upstream, rounds: int) -> dict[str, float]:
    """Return what it costs to read and price the usage of an answer."""
    costing = Costing(prices.shipped(), (upstream,), time.time)
    began = costing.began(upstream, MODEL, paid_by_other=False)
    said = Said("msg_01", MODEL, "end_turn", USAGE)
    body = json.dumps({"id": "msg_01", "model": MODEL, "content": ["x" * 1000], "usage": USAGE})
    text = body.encode()
    return {
        "read what an answer of 1 KB says": cpu_us(lambda _: whole(text), rounds),
        "read a usage": cpu_us(lambda _: Usage.of({"usage": USAGE}), rounds),
        "read and price a usage": cpu_us(lambda _: costing.cost(began, said), rounds),
    }


def report(found: dict[str, float]) -> None:
    for name, spent_us in found.items():
        print(f"{name:36}{spent_us:10.2f}")


def check(found: dict[str, float]) -> None:
    """Stop where counting costs too much."""
    for name, bound_us in ((TAP, TAP_BOUND_US), (RECORDS, RECORDS_BOUND_US)):
        if found.get(name, 0.0) > bound_us:
            raise SystemExit(f"{name}: {found[name]:.1f} us, over {bound_us:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.recording", description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = figures()
    if parser.parse_args().json:
        print(json.dumps({"counting_cpu_us": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
