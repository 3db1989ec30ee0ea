"""Whatever happens in whatever order: a request with an id reaches only who made it, or nobody."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

import gateway
from gateway.emulator import Emulator
from tests.stateful.doors import House, policy, request

PLATFORM = {"direct": "anthropic", "aws": "aws", "bedrock": "bedrock"}
NAMES = ["direct", "aws"]
SUBSETS = st.sampled_from([["direct"], ["aws"], ["direct", "aws"], ["aws", "bedrock", "direct"]])


class Machine(RuleBasedStateMachine):
    """One house: batches are made and used, its configuration changes, its processes restart."""

    emulator: Emulator
    made = Bundle("made")
    client: gateway.Anthropic | None = None

    @initialize(upstreams=SUBSETS)
    def build(self, upstreams: list[str]) -> None:
        self.emulator.reset()
        self.where = tempfile.TemporaryDirectory()
        self.house = House(Path(self.where.name), self.emulator, upstreams)
        self.forbidden: list[str] = []
        self.holders: dict[str, str] = {}
        self.gone: set[str] = set()
        self.restart()

    def teardown(self) -> None:
        if self.client is not None:
            self.client.close()
            self.where.cleanup()

    @rule()
    def restart(self) -> None:
        self.house.policy = policy([e for e in self.forbidden if e in self.house.upstreams])
        self.house.write()
        if self.client is not None:
            self.client.close()
        self.client = gateway.Anthropic(gateway=self.house.engine(), max_retries=0)

    @rule(upstreams=SUBSETS)
    def configure(self, upstreams: list[str]) -> None:
        self.house.upstreams = upstreams
        self.restart()

    @rule(forbidden=st.sampled_from([[], ["direct"], ["aws"], ["direct", "aws"]]))
    def forbid(self, forbidden: list[str]) -> None:
        self.forbidden = forbidden
        self.restart()

    @rule(target=made, fault=st.sampled_from([None, 500, 529, "reset"]))
    def create(self, fault: Any) -> str:
        able = self.able()
        if fault is not None and able:
            one = {"action": "reset"} if fault == "reset" else {"action": "status", "status": fault}
            self.emulator.faults.add(**one, platform=PLATFORM[able[0]])
        name, reached = self.told(lambda: self.batches.create(requests=[request()]).id)
        self.emulator.faults.clear()
        assert reached <= {PLATFORM[each] for each in able}
        posts = [record for record in self.emulator.records if record.method == "POST"]
        if fault in {500, "reset"} and able:
            # It may have been made: it is told, and not done again.
            assert len(posts) == 1
            assert name is None
        if name is None:
            return ""
        assert name not in self.holders
        (platform,) = {record.platform for record in posts if record.status == 200}
        self.holders[name] = next(each for each in NAMES if PLATFORM[each] == platform)
        return str(name)

    @rule(name=made, verb=st.sampled_from(["retrieve", "results", "cancel", "delete"]))
    def use(self, name: str, verb: str) -> None:
        if not name:
            return
        holder = self.holders[name]
        did, reached = self.told(lambda: self.done(name, verb))
        assert reached <= {PLATFORM[holder]}, (holder, verb)
        may = holder in self.able()
        assert bool(reached) == may or name in self.gone
        if may and name not in self.gone:
            assert did is not None
        if did is not None and verb == "delete":
            self.gone.add(name)

    @property
    def batches(self) -> Any:
        assert self.client is not None
        return self.client.messages.batches

    def able(self) -> list[str]:
        """Return the upstreams that are configured, keep batches, and are allowed."""
        return [e for e in self.house.upstreams if e in NAMES and e not in self.forbidden]

    def done(self, name: str, verb: str) -> str:
        found = getattr(self.batches, verb)(name)
        if verb == "results":
            list(found)
        return name

    def told(self, do: Any) -> tuple[Any, set[str]]:
        """Do something; return what came of it, None for an error, and who was reached."""
        self.emulator.records.clear()
        try:
            came = do()
        except anthropic.APIStatusError as error:
            status, came = error.status_code, None
        else:
            status = 200
        assert status in {200, 403, 404, 500, 501, 502, 529}
        return came, {record.platform for record in self.emulator.records}


@pytest.mark.usefixtures("emulator")
def test_a_state_is_reached_where_it_was_made_or_nowhere(emulator: Emulator) -> None:
    Machine.emulator = emulator
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
