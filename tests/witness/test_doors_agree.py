"""Over real sockets: nothing leaves but to what is allowed, and all doors decide alike.

Random policies and attestations as files, random calls and faults, through the blocking client,
the asyncio client and the server. The witnesses: the emulated platforms' log, the hosts that
connections were asked for, the journal, and `oracle.py`. `gateway explain` is asked, too.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import gateway
from gateway.call import Caller
from gateway.cli.explain_report import plain
from gateway.cli.explain_request import Question, explained
from gateway.cli.policy_sources import Setting
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from providers.contract import Kind
from tests.leaks.hosts import Hosts
from tests.server.serving import HEADERS, Running, serving
from tests.witness import worlds
from tests.witness.on_disk import CALLERS, Estate, estate
from tests.witness.oracle import allowed
from tests.witness.worlds import Written

CALLS = int(os.environ.get("TIDEGATE_REPLAYS", "100"))
CALLS_A_WORLD = 10
RETRIES = 9
SAME = (
    *("call", "environment", "class", "classes", "asked_model", "model", "models_inside"),
    *("features", "betas", "checks", "require", "hatches", "only", "policy_digest"),
    *("facts_digest", "verdicts", "plan", "rejected", "until"),
)
"""What the record of a decision says whatever the door; the rest is of the door or the call."""
FAULTS: tuple[dict[str, Any], ...] = (
    {},
    {"action": "status", "status": 500},
    {"action": "status", "status": 429},
    {"action": "status", "status": 404},
    {"action": "cut", "at": 0},
    {"action": "cut", "at": 3},
    {"action": "reset", "before_head": True},
    {"action": "error_event", "at": 0},
    {"action": "status", "status": 307, "headers": (("location", "https://api.anthropic.com/"),)},
)


@dataclass
class Doors:
    """Both clients and the server over one engine."""

    engine: Engine
    server: Running
    blocking: gateway.Anthropic
    loop: asyncio.Runner
    waiting: gateway.AsyncAnthropic

    def ask(self, written: Written) -> Iterator[str]:
        """Ask at every door that a caller may use; yield its name when it has answered."""
        path = "/v1/messages" + ("/count_tokens" if written.kind is Kind.COUNT_TOKENS else "")
        key = {"x-api-key": f"key-of-{written.caller.key}"}
        headers = HEADERS | key | dict(written.headers)
        self.server.ask("POST", path, json.dumps(written.body).encode(), headers)
        yield "server"
        if written.caller is not CALLERS["plain"]:
            return
        options: Any = {
            "cast_to": httpx2.Response,
            "body": dict(written.body),
            "options": {"headers": dict(written.headers)},
        }
        with suppress(anthropic.APIError):
            self.blocking.post(path, **options)
        yield "client"
        with suppress(anthropic.APIError):
            self.loop.run(_posted(self.waiting, path, options))
        yield "async client"


async def _posted(client: gateway.AsyncAnthropic, path: str, options: Any) -> None:
    await client.post(path, **options)


@pytest.fixture
def environ(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = emulator.bedrock.door.identity
    own = {
        "GATEWAY_ENV": "prod",
        "KEY": emulator.api_key,
        "AWS_ID": identity.access_key,
        "AWS_SECRET": identity.secret_key,
        **{f"KEY_OF_{name.upper()}": f"key-of-{name}" for name in CALLERS},
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)


def doors(stack: ExitStack, found: Estate) -> Doors:
    """Open every door; raises ConfigError where the files contradict each other."""
    engine = Engine.from_config(found.where)
    keys: Mapping[str, Caller] = {f"key-of-{name}": each for name, each in CALLERS.items()}
    loop = stack.enter_context(asyncio.Runner())
    waiting = gateway.AsyncAnthropic(gateway=engine, max_retries=RETRIES)
    stack.callback(lambda: loop.run(waiting.close()))
    return Doors(
        engine,
        stack.enter_context(serving(engine, callers=keys, drain_s=0.1)),
        stack.enter_context(gateway.Anthropic(gateway=engine, max_retries=RETRIES)),
        loop,
        waiting,
    )


class Journal:
    """The records of one directory, as they come."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._read = 0
        self.verdicts: dict[str, Any] = {}
        self.started: Counter[str] = Counter()
        """The hosts of the attempts that were begun between the last two looks."""

    def more(self) -> list[dict[str, Any]]:
        """Return the decisions since the last look."""
        files = sorted(self._where.glob("*.jsonl"))
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        new, self._read = lines[self._read :], len(lines)
        self.started = Counter(line["data"]["host"] for line in new if line["kind"] == "started")
        for line in new:
            if line["kind"] == "verdicts":
                self.verdicts[line["data"]["id"]] = line["data"]["candidates"]
        return [line["data"] for line in new if line["kind"] == "decision"]


def question(written: Written, folder: Path) -> Question:
    """Return a call as `gateway explain` is asked of it."""
    body = folder / "body.json"
    body.write_text(json.dumps(written.body))
    headers = tuple(f"{name}:{value}" for name, value in written.headers.items())
    return Question(
        headers=headers, body=str(body), kind=written.kind.value, key=written.caller.key
    )


@dataclass
class Case:
    """One call at every door, and what came of it."""

    written: Written
    found: Estate
    emulator: Emulator
    hosts: Hosts
    journal: Journal
    counts: Counter[str]

    def ask(self, at: Doors) -> list[dict[str, Any]]:
        """Ask; return the decisions that the doors recorded."""
        inside = allowed(
            self.found.state.files, self.found.state.places, self.written.asked, time.time()
        )
        decisions = []
        for door in at.ask(self.written):
            decisions += self._recorded(door, inside)
            left = inside & (self.written.asked.only or inside)
            self._stayed(door, {self.found.hosts[name] for name in left})
            self.emulator.records.clear()
            self.hosts.asked.clear()
        return decisions

    def _recorded(self, door: str, inside: set[str]) -> list[dict[str, Any]]:
        decisions = self.journal.more()
        for each in decisions:
            verdicts = self.journal.verdicts.get(each.get("verdicts", ""), ())
            assert {v["upstream"] for v in verdicts if v["allowed"]} == inside, door
        return decisions

    def _stayed(self, door: str, hosts: set[str]) -> None:
        got = Counter(str(record.header("host")) for record in self.emulator.records)
        reached = set(got)
        assert got <= self.journal.started, f"{door}: sent, and not on record"
        assert reached <= hosts, f"{door}: a request got out to {reached - hosts}"
        assert set(self.hosts.asked) <= hosts, f"{door}: a connection got out"
        self.counts["sent"] += bool(reached)
        self.counts["failed over"] += len(reached) > 1


def explained_alike(case: Case, decisions: list[dict[str, Any]], folder: Path) -> None:
    """Assert that all doors recorded one decision, and that `explain` says the same."""
    told = plain(explained(question(case.written, folder), Setting(case.found.where, None)))
    for each in decisions:
        assert {n: each.get(n) for n in SAME} == {n: decisions[0].get(n) for n in SAME}
    if not decisions or "verdicts" not in decisions[0]:
        assert told["decision"] is None
        return
    first, decision = decisions[0], told["decision"]
    assert first["policy_digest"] == decision["policy_digest"]
    assert first["facts_digest"] == decision["facts_digest"]
    assert told["plan"] == first["plan"]
    candidates = case.journal.verdicts[first["verdicts"]]
    assert [_words(each) for each in candidates] == [_words(e) for e in decision["candidates"]]


def _words(candidate: Mapping[str, Any]) -> tuple[Any, ...]:
    reasons = [(reason["rule"], reason["text"]) for reason in candidate["reasons"]]
    return candidate["upstream"], candidate["allowed"], reasons


@pytest.mark.usefixtures("environ")
def test_nothing_leaves_but_to_what_is_allowed_and_all_doors_decide_alike(
    emulator: Emulator, hosts: Hosts, tmp_path: Path
) -> None:
    counts: Counter[str] = Counter()
    for seed in range(CALLS // CALLS_A_WORLD):
        rng = random.Random(seed)
        found = estate(rng, tmp_path / str(seed), hosts)
        with ExitStack() as stack:
            try:
                open_doors = doors(stack, found)
            except ConfigError:
                counts["not in force"] += 1
                continue
            journal = Journal(found.where / "journal")
            for _ in range(CALLS_A_WORLD):
                emulator.reset()
                hosts.reset()
                fault = rng.choice(FAULTS)
                if fault:
                    emulator.faults.add({**fault, "times": -1})
                if rng.random() < 0.2:
                    hosts.unknown.add(rng.choice(list(found.hosts.values())))
                written = worlds.call(rng, tuple(CALLERS.values()))
                case = Case(written, found, emulator, hosts, journal, counts)
                explained_alike(case, case.ask(open_doors), tmp_path)
    assert counts["not in force"] * CALLS_A_WORLD < CALLS / 4, counts
    assert counts["sent"] > CALLS / 10, counts
    assert counts["failed over"] > CALLS / 50, counts
