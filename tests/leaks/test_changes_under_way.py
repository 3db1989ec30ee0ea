"""What is forbidden while a call is under way gets no byte of it, and no next call either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anthropic
import pytest

import gateway
from gateway.boundary import boundary as boundary_module
from gateway.engine import Engine
from tests.leaks.company import MULTI_REGION, VERTEX, Company
from tests.leaks.doors import BODY, Door, asked
from tests.leaks.places import EU

BELGIUM, UNION = VERTEX("europe-west1"), MULTI_REGION("eu")
BLOCK = """
[[block]]
upstream = "{}"
because = "an incident"
"""


@pytest.fixture(autouse=True)
def _looks_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)


def block(company: Company, *upstreams: str) -> Callable[[], object]:
    """Return what writes a file of blocks."""
    rows = "".join(map(BLOCK.format, upstreams))
    text = f'schema = 1\nname = "blocks"\n[layer]\n{rows}'
    return lambda: (company.where / "policies" / "blocks.toml").write_text(text)


def attest_elsewhere(company: Company) -> Callable[[], object]:
    """Return what drops the fact that lets Belgium be asked."""
    row = '[[drop]]\nupstream = "belgium"\nfact = "processing_in"\nprobe = "the test"\n'
    why = 'because = "it moved"\nchecked_at = 2026-11-22T06:00:00Z\n'
    return lambda: (company.where / "verified.toml").write_text(f"schema = 1\n{row}{why}")


def test_the_next_upstream_is_not_asked_once_it_is_blocked(company: Company, door: Door) -> None:
    company.write(["belgium", "member-states", "google-us"])
    company.hosts.when[BELGIUM] = block(company, "member-states")
    company.emulator.faults.add("status", status=500, times=-1)
    door(company.config(), asked())
    assert company.reached == {BELGIUM}
    assert set(company.hosts.asked) == {BELGIUM}
    assert {each["upstream"] for each in company.journal("started")} == {"belgium"}


@pytest.mark.parametrize("change", [lambda company: block(company, "belgium"), attest_elsewhere])
def test_no_byte_leaves_on_a_connection_that_is_forbidden_while_it_opens(
    company: Company, door: Door, change: Callable[[Company], Callable[[], object]]
) -> None:
    company.write(["belgium", "google-us", "member-states"])
    company.hosts.when[BELGIUM] = change(company)
    told = door(company.config(), asked())
    assert (told.status, told.upstream) == (200, "member-states")
    assert company.reached == {UNION}
    company.stayed(EU)


def test_an_open_connection_is_not_used_again_once_its_upstream_is_blocked(
    company: Company,
) -> None:
    company.write(["belgium", "member-states"])
    with gateway.Anthropic(gateway=Engine.from_config(company.config())) as client:
        client.messages.create(**BODY)
        block(company, "belgium")()
        client.messages.create(**BODY)
        block(company, "belgium", "member-states")()
        with pytest.raises(gateway.PolicyDenied, match="blocks"):
            client.messages.create(**BODY)
    assert [record.header("host") for record in company.log] == [BELGIUM, UNION]


def test_a_class_with_less_leave_does_not_ride_on_another_ones_connection(
    company: Company,
) -> None:
    """Connections to places outside are open; a call that may not go there uses none of them."""
    company.write(["google-us", "belgium"])
    with gateway.Anthropic(gateway=Engine.from_config(company.config())) as client:
        client.messages.create(**BODY, extra_headers={"x-gateway-class": "anything"})
        company.emulator.records.clear()
        company.hosts.asked.clear()
        for _ in range(3):
            client.messages.create(**BODY)
    company.stayed(EU)


def test_a_connection_to_another_host_than_the_planned_one_is_not_opened(
    company: Company,
) -> None:
    """As if what opens connections had taken the wrong one: the plan's host is held against it."""
    company.write(["belgium"])
    engine = Engine.from_config(company.config())
    usual = engine._connections["belgium"]
    wrong = replace(usual, route=replace(usual.route, host=VERTEX("us-east5")))
    engine._connections = {"belgium": wrong}
    client = gateway.Anthropic(gateway=engine, max_retries=0)
    with pytest.raises(anthropic.APIError):
        client.messages.create(**BODY)
    assert (company.log, company.hosts.asked) == ([], [])


def test_after_an_answer_from_elsewhere_its_upstream_is_out(company: Company, door: Door) -> None:
    """`direct-us` forces its geography; an answer that tells of another one is not believed."""
    withdraw = 'on_violation = "withdraw"\n'
    company.write(["direct-us"])
    file = company.where / "gateway.toml"
    file.write_text(file.read_text().replace("[policy]\n", f"[policy]\n{withdraw}"))
    body = (
        '{"id": "msg_1", "type": "message", "role": "assistant", "content": [], '
        '"model": "claude-opus-5-5", "stop_reason": "end_turn", "stop_sequence": null, '
        '"usage": {"input_tokens": 1, "output_tokens": 1, "inference_geo": "global"}}'
    )
    company.emulator.faults.add("status", status=200, body=body)
    engine = Engine.from_config(company.config())
    with gateway.Anthropic(gateway=engine) as client:
        headers = {"x-gateway-class": "states"}
        client.messages.create(**BODY, extra_headers=headers)
        with pytest.raises(gateway.PolicyDenied, match="taken out"):
            client.messages.create(**BODY, extra_headers=headers)
    assert len(company.log) == 1
